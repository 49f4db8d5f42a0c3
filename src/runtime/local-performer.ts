import type { TaskRequested } from "../engine/events.ts";
import type { ActivityJob } from "../ports/queues.ts";
import { answerHereOrAppend } from "./answer-activity.ts";
import type { AnswerLocally, LocalPerformer } from "./local-activities.ts";
import { type ActivityPorts, carryOut, HandBackError, type InHand } from "./run-activity.ts";

/** How long an activity may take to heed the signal of a process that must go. */
const ABORT_PATIENCE_MS = 500;

/**
 * Does activities in the process that decided them. What it cannot carry out goes to its queue.
 *
 * @param takesFrom whether this process takes from a queue, and nobody has paused that; undefined is the common one.
 */
export function createLocalPerformer(
  ports: ActivityPorts,
  takesFrom: (queue: string | undefined) => boolean,
  answerHere: AnswerLocally,
): LocalPerformer {
  return {
    fits({ data: { activity } }, { queue }) {
      if (!takesFrom(queue) || activity.kind === "workflow") return false;
      return activity.kind !== "code" || activity.function === undefined || ports.functions.has(activity.function);
    },
    begin({ head, event: decided, work, trace }) {
      const { executionId, tenant, workflowId } = head;
      const { name, queue } = work;
      const job: ActivityJob = {
        ...{ kind: "activity", executionId, tenant, workflowId, name, dispatch: 0 },
        ...(queue === undefined ? {} : { queue }),
        ...(trace === undefined ? {} : { trace }),
      };
      // As if it came from the store: what runs may change its arguments, which the state in memory shares with others.
      const event: TaskRequested = JSON.parse(JSON.stringify(decided));
      const held = ports.inHand.hold(executionId, name);
      const inHand = { claim: { head, event, attempt: 1, deaths: 0 }, event, held, signal: held.signal };
      return {
        done: performHere(ports, job, inHand, answerHere),
        abandon: () => held.abandon(),
        handBack: () => held.handBack(),
      };
    },
  };
}

async function performHere(
  ports: ActivityPorts,
  job: ActivityJob,
  inHand: InHand,
  answerHere: AnswerLocally,
): Promise<void> {
  const { name, executionId, tenant, workflowId } = job;
  const of = { tenant, workflowId, executionId, name };
  const behind = leftBehind(ports, job, inHand);
  try {
    const carried = carryOut(ports, job, inHand, (outcome) => answerHereOrAppend(ports, answerHere, job, outcome));
    await Promise.race([carried, behind.rejects]);
  } catch (error) {
    if (!(error instanceof HandBackError)) ports.log.warn({ ...of, err: error }, "an activity goes to its queue");
    await ports.queues.dispatch([job]).catch((cause: unknown) => {
      ports.log.warn({ ...of, err: cause }, "not queued; it will be found by attention");
    });
  } finally {
    behind.forget();
  }
}

/** Rejects, once the claim is handed back, some time after the signal: for what does not heed it. */
function leftBehind({ events, log }: ActivityPorts, job: ActivityJob, { held, signal }: InHand) {
  const { executionId, name } = job;
  let timer: NodeJS.Timeout | undefined;
  const rejects = new Promise<never>((_, reject) => {
    const leave = () => {
      events
        .release(executionId, name)
        .catch((error: unknown) => log.warn({ executionId, err: error }, "claim not released"))
        .finally(() => reject(new HandBackError("an activity does not heed its signal")));
    };
    signal.addEventListener(
      "abort",
      () => {
        if (held.owed) timer = setTimeout(leave, ABORT_PATIENCE_MS);
      },
      { once: true },
    );
  });
  return { rejects, forget: () => clearTimeout(timer) };
}
