import { renderHttpArguments } from "../dsl/tasks/call-http.ts";
import { renderTemplate } from "../dsl/template.ts";
import type { Task, Workflow } from "../dsl/workflow.ts";
import type { ActivityRequest, TaskRequested } from "../engine/events.ts";
import { ExpressionError } from "../expressions/index.ts";
import type { Claim } from "../ports/event-store.ts";
import type { Executor, Outcome } from "../ports/executor.ts";
import type { ActivityJob, Delivery } from "../ports/queues.ts";
import type { Secrets } from "../ports/secrets.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { problemOf } from "../values/problem.ts";
import type { ActivitiesInHand } from "./activities-in-hand.ts";
import { parkActivity } from "./dead-letters.ts";
import { maskSecrets } from "./mask-secrets.ts";
import type { Ports } from "./ports.ts";

export interface ActivityPorts extends Ports {
  readonly executors: Readonly<Record<ActivityRequest["kind"], Executor>>;
  /** Names of the TypeScript functions this process has. */
  readonly functions: ReadonlySet<string>;
  readonly secrets: Secrets;
  readonly inHand: ActivitiesInHand;
}

/** The job must be tried again, here or elsewhere: this process lacks the function, or must go. */
export class HandBackError extends Error {}

/**
 * Claims an activity, acts, and records what came of it. After the effect only the append is retried, for as long as the process
 * lives: an effect is never repeated because recording it failed.
 */
export async function runActivity(ports: ActivityPorts, job: ActivityJob, delivery: Delivery): Promise<void> {
  const { events, failpoints, settings } = ports;
  const { executionId, name } = job;
  const claim = await events.claim(executionId, name, settings.activityLeaseMs);
  if (claim === null) return;
  const { event, head } = claim;
  if (event.type !== "task.requested") throw new Error(`event ${name} of ${executionId} asks for nothing`);
  // Its first claim follows no death, whatever the limit.
  if (claim.deaths > 0 && claim.deaths >= settings.maxDeaths) {
    await parkActivity(ports, head, name, event.data.task, claim.attempt, claim.deaths);
    return;
  }
  const missing = event.data.activity.function;
  if (event.data.activity.kind === "code" && missing !== undefined && !ports.functions.has(missing)) {
    await events.release(executionId, name);
    throw new HandBackError(`this worker does not have the function "${missing}"`);
  }
  const isSuspect = claim.deaths > 0 && claim.deaths + 1 >= settings.maxDeaths;
  const held = isSuspect ? ports.inHand.holdSuspect(executionId, name) : ports.inHand.hold(executionId, name);
  if (held === null) {
    await events.release(executionId, name);
    throw new HandBackError("another activity that may end this process is in hand");
  }
  try {
    await failpoints.hit("after-claim");
    const signal = AbortSignal.any([delivery.signal, held.signal]);
    const outcome = await actOrRelease(ports, claim, event, signal, held.signal);
    if (outcome === undefined || held.signal.aborted) return;
    await failpoints.hit("after-effect");
    await answer(ports, job, outcome);
  } finally {
    held.drop();
  }
}

/** Undefined when it is no longer owed. What could not be carried out is given back without blame: this process lives. */
async function actOrRelease(
  ports: ActivityPorts,
  claim: Claim,
  event: TaskRequested,
  signal: AbortSignal,
  notOwed: AbortSignal,
): Promise<Outcome | undefined> {
  try {
    return await act(ports, claim, event, signal);
  } catch (thrown) {
    if (notOwed.aborted) return undefined;
    const { executionId } = claim.head;
    await ports.events.release(executionId, event.sequence).catch((error: unknown) => {
      ports.log.warn({ executionId, err: error }, "claim not released");
    });
    if (signal.aborted) throw new HandBackError("the worker gives this activity back", { cause: thrown });
    ports.log.warn(
      { executionId, task: event.data.task, err: thrown },
      "an activity could not be carried out; it is tried again",
    );
    throw thrown;
  }
}

async function act(ports: ActivityPorts, claim: Claim, event: TaskRequested, signal: AbortSignal): Promise<Outcome> {
  const { head } = claim;
  const { activity, task, idempotencyKey } = event.data;
  const begun = performance.now();
  const given = await argumentsOf(ports, claim, event);
  if (!given.ok) return given;
  const outcome = await ports.executors[activity.kind](
    { with: given.with, ...(activity.function === undefined ? {} : { function: activity.function }) },
    {
      tenant: head.tenant,
      workflowId: head.workflowId,
      executionId: head.executionId,
      task,
      attempt: claim.deaths + 1,
      idempotencyKey,
      signal,
      log: ports.log,
    },
  );
  ports.metrics.activity(activity.kind, outcome.ok, performance.now() - begun);
  return maskSecrets(outcome, given.secrets);
}

type Arguments =
  | {
      readonly ok: true;
      readonly with: Json;
      /** All that the arguments could have been made of. */
      readonly secrets: JsonObject;
    }
  | Extract<Outcome, { readonly ok: false }>;

/**
 * The evaluated arguments; those that read `$secrets` are evaluated here, and nowhere recorded. Their time is when the activity was
 * asked for, so that every attempt is handed the same.
 */
async function argumentsOf(ports: ActivityPorts, { head }: Claim, { at, data }: TaskRequested): Promise<Arguments> {
  const { activity } = data;
  const { deferred } = activity;
  if (deferred === undefined) return { ok: true, with: activity.with ?? null, secrets: {} };
  const workflow = await ports.definitions.get(head.tenant, head.definition.digest);
  const task = workflow.byKey.get(deferred.key);
  if (task?.kind !== "call" || task.call === "function") throw new Error(`"${deferred.key}" is not a call`);
  const declared = declaredSecrets(workflow);
  const secrets = await ports.secrets.get(declared);
  const missing = secretsRead(task).find(
    (name) => !declared.includes(name) || ownProperty(secrets, name) === undefined,
  );
  if (missing !== undefined) {
    const why = declared.includes(missing) ? "is not set where this activity runs" : "is not declared in use.secrets";
    return { ok: false, error: problemOf("authorization", `secret "${missing}" ${why}`) };
  }
  const args = { ...deferred.args, secrets };
  const time = { now: at };
  try {
    const given =
      task.call === "http"
        ? renderHttpArguments(task, deferred.input, args, time)
        : task.with === null
          ? deferred.input
          : renderTemplate(task.with, deferred.input, args, time);
    return { ok: true, with: given, secrets };
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) throw thrown;
    // jq's own message may quote the value it failed on.
    return { ok: false, error: problemOf("expression", "an expression that reads $secrets failed") };
  }
}

function declaredSecrets({ document }: Workflow): readonly string[] {
  const use = ownProperty(document, "use");
  const names = isJsonObject(use) ? use.secrets : undefined;
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === "string") : [];
}

/** Names written as `$secrets.name` or `$secrets["name"]` in a task. */
function secretsRead(task: Task): readonly string[] {
  const text = JSON.stringify((task.definition as { with?: Json }).with ?? null);
  const names = text.matchAll(/\$secrets\s*(?:\.\s*([A-Za-z_]\w*)|\.?\s*\[\s*\\"([^"\\]+)\\"\s*\])/g);
  return [...names].map(([, dotted, quoted]) => dotted ?? quoted ?? "");
}

/** Appends the answer, for as long as the process lives, then says so. */
async function answer(ports: ActivityPorts, job: ActivityJob, outcome: Outcome): Promise<void> {
  const { events, queues, log } = ports;
  const of = { tenant: job.tenant, workflowId: job.workflowId, executionId: job.executionId };
  const fact = { kind: "answer", id: `a${job.name}`, source: "executor-service", asked: job.name, outcome } as const;
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    try {
      const result = await events.append(job.executionId, fact);
      log.debug({ ...of, name: job.name, result }, "activity answered");
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
}
