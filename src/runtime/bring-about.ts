import { answeredBy, type Decision, type ExecutionState, owed } from "../engine/index.ts";
import type { ExecutionHead, ReadResult } from "../ports/event-store.ts";
import type { Job } from "../ports/queues.ts";
import type { TraceContext } from "../values/trace-context.ts";
import { cancelAbandoned, startChild } from "./children.ts";
import { jobOf, owedChanges } from "./dispatch.ts";
import type { Loaded } from "./load.ts";
import type { Ports } from "./ports.ts";
import { publishHistory } from "./publish-events.ts";
import { subscribeOwed, unsubscribeGone } from "./subscriptions.ts";
import type { TimersHere } from "./timers-here.ts";

/**
 * What a commit asks of the world: puts into the queues all that was asked since what is known to be there, starts children, subscribes,
 * publishes, and takes out what is not owed any more. Repeatable, like all that is done before a settle.
 *
 * @param begun activities that this process does itself.
 */
export async function bringAbout(
  ports: Ports,
  head: ExecutionHead,
  loaded: Loaded,
  decision: Decision,
  trace: TraceContext | undefined,
  begun: ReadonlySet<number>,
): Promise<void> {
  const { queues, settings } = ports;
  const now = loaded.log.readAt;
  const { removed } = owedChanges(loaded.state, decision.state);
  const dispatches = new Map(loaded.log.owed.map((entry) => [entry.name, entry.dispatch]));
  ports.local.abort(
    head.executionId,
    removed.map(({ name }) => name),
  );
  const inHand = new Set([...begun, ...claimed(loaded.log)]);
  const owedJobs = jobsSince(head, decision.state, loaded.dispatched, dispatches, now, settings.timerHorizonMs).filter(
    ({ name }) => !inHand.has(name) && !ports.local.holds(head.executionId, name),
  );
  const jobs = owedJobs.map((job) => remembered(ports.timersHere, job));
  if (jobs.length > 0) await queues.dispatch(trace === undefined ? jobs : jobs.map((job) => traced(job, trace)));
  await startChildren(ports, head, loaded.dispatched, decision);
  await cancelAbandoned(ports, { ...loaded.log.head, settled: loaded.dispatched }, decision.state);
  await subscribeOwed(ports, head, loaded.dispatched, decision.state, decision.events);
  await unsubscribeGone(ports, head, removed, subscriptionsOf(loaded, decision), decision.state);
  await publishHistory(ports, head, loaded.dispatched, decision.events, loaded.state);
  const done = doneIn(decision, loaded.state, settings.timerPrecisionMs, (timer) =>
    ports.timersHere.holds(head.executionId, timer),
  );
  const gone = removed
    .filter(({ name }) => !done.has(name))
    .flatMap((work) => jobOf(head, work, dispatches.get(work.name) ?? 0, now, Number.POSITIVE_INFINITY) ?? []);
  if (gone.length > 0) await queues.remove(gone);
  ports.timersHere.disarm(
    head.executionId,
    removed.map(({ name }) => name),
  );
  reportLateness(ports, decision, loaded.state);
}

/** Somebody works on it: were that not so any more, attention finds it at the end of the lease. */
function claimed({ owed, readAt }: ReadResult): readonly number[] {
  return owed.flatMap(({ kind, attempt, lookAt, name }) =>
    kind === "activity" && attempt > 0 && lookAt > readAt ? [name] : [],
  );
}

/** Names of the subscriptions that the facts taken were delivered to. */
function subscriptionsOf({ log }: Loaded, { taken }: Decision): readonly number[] {
  return log.inbox
    .slice(0, taken)
    .flatMap((fact) => (fact.kind === "message" && fact.message.type === "event" ? [fact.message.subscription] : []));
}

async function startChildren(ports: Ports, head: ExecutionHead, started: number, decision: Decision): Promise<void> {
  for (const work of owed(decision.state)) {
    if (work.kind !== "child" || work.name <= started) continue;
    await startChild(
      ports,
      head,
      work.name,
      decision.events.find(({ sequence }) => sequence === work.name),
    );
  }
}

/** A timer that this process fires itself, if it lives: its job comes a little later. */
function remembered(timersHere: TimersHere, job: Job): Job {
  if (job.kind !== "timer") return job;
  timersHere.arm([job]);
  return timersHere.holds(job.executionId, job.name) ? { ...job, laterMs: timersHere.laterMs } : job;
}

function traced(job: Job, trace: TraceContext): Job {
  return job.kind === "activity" ? { ...job, trace } : job;
}

/** Names of work whose job has run: an activity that answered, a timer that fired in time; that of a late one may still be somewhere. */
function doneIn(
  { events }: Decision,
  before: ExecutionState,
  precisionMs: number,
  isHeldHere: (timer: number) => boolean,
): ReadonlySet<number> {
  return new Set(
    events.flatMap((event) => {
      if (event.type === "timer.fired") {
        // Its job has not come yet, or found it held.
        if (isHeldHere(event.data.timer)) return [];
        const fireAt = before.timers[event.data.timer]?.fireAt ?? event.at;
        return event.at - fireAt < precisionMs ? [event.data.timer] : [];
      }
      const asked = answeredBy(event);
      return asked === undefined ? [] : [asked];
    }),
  );
}

function jobsSince(
  head: ExecutionHead,
  state: ExecutionState,
  dispatched: number,
  dispatches: ReadonlyMap<number, number>,
  now: number,
  horizonMs: number,
): readonly Job[] {
  const { added } = owedChanges(null, state);
  return added
    .filter(({ name }) => name > dispatched)
    .flatMap((work) => jobOf(head, work, dispatches.get(work.name) ?? 0, now, horizonMs) ?? []);
}

function reportLateness(ports: Ports, decision: Decision, before: ExecutionState): void {
  for (const event of decision.events) {
    if (event.type !== "timer.fired") continue;
    const timer = before.timers[event.data.timer];
    if (timer !== undefined) ports.metrics.timerLateness(event.at - timer.fireAt);
  }
}
