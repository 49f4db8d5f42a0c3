import type { ActivityRequest, TaskRequested } from "../engine/events.ts";
import { payloadProblem } from "../engine/index.ts";
import type { Authenticator } from "../ports/authenticator.ts";
import type { Claim, EventStore } from "../ports/event-store.ts";
import type { ActivityContext, Executor, Outcome } from "../ports/executor.ts";
import type { ActivityJob, Delivery } from "../ports/queues.ts";
import type { Secrets } from "../ports/secrets.ts";
import type { SpanOptions } from "../ports/tracing.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { ActivitiesInHand, Held } from "./activities-in-hand.ts";
import { activityArguments } from "./activity-arguments.ts";
import { answer, answerHereOrAppend } from "./answer-activity.ts";
import { parkActivity } from "./dead-letters.ts";
import { guardSecrets, hideCredentials } from "./guard-secrets.ts";
import type { HeadWatcher } from "./head-watcher.ts";
import { type OpenIntake, openIntake } from "./intake.ts";
import type { AnswerLocally } from "./local-activities.ts";
import { pinResources } from "./pin-resources.ts";
import type { Ports } from "./ports.ts";
import type { Resources } from "./resources.ts";
import { spanAttributes } from "./span-attributes.ts";
import type { StoreClock } from "./store-clock.ts";

export interface ActivityPorts extends Ports {
  readonly executors: Readonly<
    Record<Exclude<ActivityRequest["kind"], "workflow" | "evaluate" | "resource">, Executor>
  >;
  /** Names of the TypeScript functions this process has. */
  readonly functions: ReadonlySet<string>;
  readonly secrets: Secrets;
  readonly authenticator: Authenticator;
  readonly resources: Resources;
  readonly inHand: ActivitiesInHand;
  readonly clock: StoreClock;
  readonly watcher: () => Pick<HeadWatcher, "watch">;
  /** The workflow worker of this process, where it decides on with what it was answered. */
  readonly answerHere?: AnswerLocally | undefined;
}

/** The job must be tried again, here or elsewhere: this process lacks the function, or must go. */
export class HandBackError extends Error {}

/**
 * Claims an activity, acts, and records what came of it. After the effect only the append is retried, for as long as the process
 * lives: an effect is never repeated because recording it failed.
 */
export async function runActivity(ports: ActivityPorts, job: ActivityJob, delivery: Delivery): Promise<void> {
  const { events, settings } = ports;
  const { executionId, name } = job;
  const claim = await events.claim(executionId, name, settings.activityLeaseMs);
  if (claim === null) {
    ports.metrics.orphan("job");
    return;
  }
  const { event, head } = claim;
  const { attempt, deaths } = claim;
  const { tenant, workflowId } = head;
  ports.log.debug({ tenant, workflowId, executionId, name, attempt, deaths }, "activity taken from its queue");
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
  const signal = AbortSignal.any([delivery.signal, held.signal]);
  const { answerHere } = ports;
  // What may have ended a process is told to the store before anything is made of it.
  const isDoubtful = delivery.redelivered || claim.deaths > 0;
  await carryOut(ports, job, { claim, event, held, signal }, (outcome) =>
    answerHere === undefined || isDoubtful
      ? answer(ports, job, outcome)
      : answerHereOrAppend(ports, answerHere, job, outcome),
  );
}

/** An activity that this process has claimed and holds. */
export interface InHand {
  readonly claim: Claim;
  readonly event: TaskRequested;
  readonly held: Held;
  /** Aborts when it is no longer owed or must be given back. */
  readonly signal: AbortSignal;
}

export async function carryOut(
  ports: ActivityPorts,
  job: ActivityJob,
  { claim, event, held, signal }: InHand,
  record: (outcome: Outcome) => Promise<boolean>,
): Promise<void> {
  const { failpoints, settings } = ports;
  const over: Over[] = [];
  let isRecorded = false;
  const now = ports.clock.now();
  if (claim.attempt === 1 && now !== undefined) {
    ports.metrics.scheduleToStart(event.data.activity.kind, Math.max(0, now - event.at));
  }
  try {
    await failpoints.hit("after-claim");
    await ports.tracing.span(await activitySpan(ports, job, claim, event), async (span) => {
      const run = { signal, trace: span.context, whenOver: (tell: Over) => over.push(tell) };
      const outcome = await actOrRelease(ports, claim, event, run, held);
      if (outcome === undefined || !held.owed) return;
      if (!outcome.ok) span.failed(outcome.error.title ?? outcome.error.type);
      await failpoints.hit("after-effect");
      const recorded = recordable(outcome, settings.limits.payloadBytes);
      isRecorded = (await record(recorded)) && recorded.ok;
    });
  } finally {
    held.drop();
    for (const tell of over) {
      await tell(isRecorded).catch((error: unknown) => {
        const { executionId } = job;
        ports.log.warn({ executionId, err: error, isRecorded }, "what an activity consumed is not acknowledged");
      });
    }
  }
}

type Over = Parameters<ActivityContext["whenOver"]>[0];
/** One run of an activity. */
interface Run extends Pick<ActivityContext, "signal" | "whenOver"> {
  readonly trace: TraceContext | undefined;
}

/** A result too large to be kept is an error of its task, and is not stored even once. */
function recordable(outcome: Outcome, payloadBytes: number): Outcome {
  const error = outcome.ok ? payloadProblem(outcome.output, "the output", payloadBytes) : undefined;
  return error === undefined ? outcome : { ok: false, error };
}

async function activitySpan(
  ports: Pick<ActivityPorts, "events">,
  job: ActivityJob,
  { head, attempt }: Claim,
  { data }: TaskRequested,
): Promise<SpanOptions> {
  // Jobs of recovery carry no trace: that of the start is kept with the execution.
  const parent = job.trace ?? (job.dispatch > 0 ? await traceOfStart(ports.events, job.executionId) : undefined);
  const name = `activity ${data.activity.function ?? data.activity.kind}`;
  const attributes = { ...spanAttributes(head), "durabull.task": data.task, "durabull.attempt": attempt };
  return { name, kind: "consumer", parent, attributes };
}

async function traceOfStart(
  events: Pick<EventStore, "describe">,
  executionId: ExecutionId,
): Promise<TraceContext | undefined> {
  const description = await events.describe(executionId).catch(() => null);
  return description?.first.type === "execution.started" ? description.first.data.trace : undefined;
}

/** Undefined when it is no longer owed. What could not be carried out is given back without blame: this process lives. */
async function actOrRelease(
  ports: ActivityPorts,
  claim: Claim,
  event: TaskRequested,
  run: Run,
  held: Held,
): Promise<Outcome | undefined> {
  const { signal } = run;
  try {
    signal.throwIfAborted();
    return await act(ports, claim, event, run);
  } catch (thrown) {
    if (!held.owed) return undefined;
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

async function act(
  ports: ActivityPorts,
  claim: Claim,
  event: TaskRequested,
  { signal, trace, whenOver }: Run,
): Promise<Outcome | undefined> {
  const { head } = claim;
  const { activity, task, idempotencyKey } = event.data;
  if (activity.kind === "workflow")
    throw new Error("a child execution is started by the runtime, never by an executor");
  const begun = performance.now();
  if (activity.kind === "resource") return pinResources(ports, claim, event, signal);
  const given = await activityArguments(ports, claim, event, signal);
  if (!given.ok) return given;
  if (activity.kind === "evaluate") return guardSecrets({ ok: true, output: given.with }, given.secrets);
  const policies = [given.authentication, given.resourceAuthentication].filter((each) => each !== undefined);
  const guarded = (outcome: Outcome) => {
    const credentials = policies.flatMap((policy) => ports.authenticator.credentials(policy));
    return guardSecrets(hideCredentials(outcome, credentials), given.secrets);
  };
  const intake = await intakeOf(ports, claim, event, guarded, signal);
  const outcome = await ports.executors[activity.kind](
    {
      with: given.with,
      ...(activity.function === undefined ? {} : { function: activity.function }),
      ...(given.authentication === undefined ? {} : { authentication: given.authentication }),
    },
    {
      tenant: head.tenant,
      workflowId: head.workflowId,
      executionId: head.executionId,
      task,
      attempt: claim.deaths + 1,
      idempotencyKey,
      signal,
      log: ports.log,
      trace,
      remainingMs: remaining(activity.deadline, ports.clock.now()),
      intake,
      whenOver,
      resource: (uri, unfit, referrer) => {
        const owner = { tenant: head.tenant, definition: head.definition.digest };
        const isKnown = referrer === undefined || isSameOrigin(uri, referrer);
        const authentication = isKnown ? given.resourceAuthentication : undefined;
        return ports.resources.get(owner, { uri, authentication }, signal, unfit);
      },
    },
  );
  ports.metrics.activity(activity.kind, outcome.ok, performance.now() - begun);
  return intake?.isOver ? undefined : guarded(outcome);
}

async function intakeOf(
  { events, queues, log, settings, clock, watcher }: ActivityPorts,
  claim: Claim,
  event: TaskRequested,
  guarded: (outcome: Outcome) => Outcome,
  signal: AbortSignal,
): Promise<OpenIntake | undefined> {
  if (event.data.consumes === undefined) return undefined;
  const guard = (output: Json) => guarded({ ok: true, output });
  const elapsedMs = Math.max(0, (clock.now() ?? event.at) - event.at);
  const ports = { events, queues, log, watcher, payloadBytes: settings.limits.payloadBytes };
  return openIntake(ports, claim, event, guard, elapsedMs, signal);
}

function isSameOrigin(uri: string, other: string): boolean {
  return URL.canParse(uri) && URL.canParse(other) && new URL(uri).origin === new URL(other).origin;
}

function remaining(deadline: number | undefined, now: number | undefined): number | undefined {
  return deadline === undefined || now === undefined ? undefined : Math.max(0, deadline - now);
}
