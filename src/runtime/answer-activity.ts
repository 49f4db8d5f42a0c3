import type { AnswerFact } from "../engine/facts.ts";
import type { Outcome } from "../ports/executor.ts";
import type { ActivityJob } from "../ports/queues.ts";
import type { AnswerLocally } from "./local-activities.ts";
import type { Ports } from "./ports.ts";

/** Decides on with the answer here, where the state is at hand; else appends it. False when nobody is owed it. */
export async function answerHereOrAppend(
  ports: Ports,
  answerHere: AnswerLocally,
  job: ActivityJob,
  outcome: Outcome,
): Promise<boolean> {
  const { name, executionId, tenant, workflowId } = job;
  // As it will be read: there are numbers that JSON does not keep.
  const known: Outcome = JSON.parse(JSON.stringify(outcome));
  if (!(await answerHere(job, answerOf(name, known)))) return answer(ports, job, known);
  ports.log.debug({ tenant, workflowId, executionId, name, result: "decided on" }, "activity answered");
  await ports.failpoints.hit("after-append");
  return true;
}

/** Appends the answer, for as long as the process lives, then says so. False when nobody is owed it. */
export async function answer(ports: Ports, job: ActivityJob, outcome: Outcome): Promise<boolean> {
  const { events, queues, log } = ports;
  const of = { tenant: job.tenant, workflowId: job.workflowId, executionId: job.executionId };
  const fact = answerOf(job.name, outcome);
  let isTaken = false;
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    try {
      const result = await events.append(job.executionId, fact);
      log.debug({ ...of, name: job.name, result }, "activity answered");
      if (result !== "accepted") ports.metrics.orphan("answer");
      isTaken = result === "accepted" || result === "duplicate";
      break;
    } catch (error) {
      log.warn({ ...of, name: job.name, err: error }, "the answer of an activity is not recorded yet");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  await ports.failpoints.hit("after-append");
  // A wake-up that cannot be added is seen to by attention.
  await queues.wake(job, outcome.ok ? "task.completed" : "task.failed").catch((error: unknown) => {
    log.warn({ ...of, err: error }, "no wake-up after an answer");
  });
  return isTaken;
}

export function answerOf(name: number, outcome: Outcome): Omit<AnswerFact, "at"> {
  return { kind: "answer", id: `a${name}`, source: "executor-service", asked: name, outcome };
}
