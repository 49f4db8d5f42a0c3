import type { Workflow } from "../dsl/workflow.ts";
import type { AnswerFact } from "../engine/facts.ts";
import { type Decision, decide, type ExecutionState, statusOf } from "../engine/index.ts";
import { CorruptRecordError, StoreUnavailableError, UnknownSchemaError, VersionConflictError } from "../errors.ts";
import type { CommitResult, ExecutionHead } from "../ports/event-store.ts";
import type { Delivery } from "../ports/queues.ts";
import type { Span, SpanOptions } from "../ports/tracing.ts";
import type { ExecutionId, Group } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";
import { nextTip } from "../values/tip.ts";
import { bringAbout } from "./bring-about.ts";
import { cancelAbandoned, tellParent } from "./children.ts";
import { parkExecution, parkWake } from "./dead-letters.ts";
import { lookAtOf, owedChanges } from "./dispatch.ts";
import { createLateSettles, type LateSettles } from "./late-settles.ts";
import { type Ahead, dueOf, type Loaded, load, loadedOf, snapshotOf } from "./load.ts";
import { type AnswerLocally, NOTHING_LOCAL, type Reservation } from "./local-activities.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import type { Ports } from "./ports.ts";
import { publishHistory } from "./publish-events.ts";
import { spanAttributes } from "./span-attributes.ts";
import type { StateCache } from "./state-cache.ts";
import { observeSteps } from "./step-latency.ts";
import type { StoreClock } from "./store-clock.ts";
import { stopListening } from "./subscriptions.ts";
import { tellLists } from "./tell.ts";
import { turns } from "./turns.ts";

/** Refusals of a closing commit that finds unread messages, before it closes without them. */
const MAX_UNREAD_REFUSALS = 3;
/** Fences lost in a row before the wake-up is put back instead of trying on. */
const MAX_LOST_FENCES = 20;
const ROUNDING_MS = 10;

type WakeDelivery = Pick<Delivery, "redelivered" | "signal">;

export interface WakeProcessor {
  /** Takes every execution of the group that has something to decide; one that fails does not keep it from the others. */
  processWake(group: Group, delivery: WakeDelivery): Promise<void>;
  /** Decides on with an answer that no inbox holds; only where the state is at hand. */
  readonly answer: AnswerLocally;
  /** Tells the store what it has not been told yet; for the end of a drain. */
  flush(): Promise<void>;
}

/** What is shared by all wake-ups of a process. */
interface Memory {
  readonly cache: StateCache;
  readonly late: LateSettles;
}

/** @param clock without it, every answer goes through the inbox. */
export function createWakeProcessor(ports: Ports, cache: StateCache, clock?: StoreClock): WakeProcessor {
  /**
   * One of the wake-ups that were in hand when a process died may be what ended it. Alone among its like, it cannot be what the
   * others are counted for: each is counted only when its turn comes, and its commit clears it before the next has its turn.
   */
  const suspects = oneAtATime();
  const memory: Memory = { cache, late: createLateSettles(ports) };
  /** A wake-up and a local answer of the same execution would only refuse each other's commits. */
  const inTurn = turns<ExecutionId>();

  async function take(executionId: ExecutionId, { redelivered, signal }: WakeDelivery, ahead?: Ahead): Promise<void> {
    if (!redelivered) return inTurn(executionId, () => processOrCount(ports, memory, executionId, signal, ahead));
    return suspects(async () => {
      signal.throwIfAborted();
      if (await countDeath(ports, executionId)) return;
      await inTurn(executionId, () => processOrCount(ports, memory, executionId, signal));
    });
  }

  async function answerNow(executionId: ExecutionId, fact: Omit<AnswerFact, "at">): Promise<boolean> {
    const passed = clock?.passed();
    const cached = cache.get(executionId);
    if (passed === undefined || cached === undefined) return false;
    try {
      return (await decideAndCommit(ports, memory, loadedOf(cached, fact, passed), { carried: 1 })) === "committed";
    } catch (error) {
      cache.drop(executionId);
      if (error instanceof VersionConflictError) ports.metrics.lostFence();
      // Whatever it is, the way through the inbox meets it again, and counts it.
      else ports.log.warn({ executionId, err: error }, "an answer goes through the inbox");
      return false;
    }
  }

  return {
    flush: () => memory.late.flush(),
    answer: ({ executionId }, fact) => inTurn(executionId, () => answerNow(executionId, fact)),
    async processWake(group, delivery) {
      const failures: unknown[] = [];
      const { due, ahead } = await dueOf(ports.events, cache, group, ports.settings.eventBatchSize);
      for (const executionId of due) {
        // Thrown, not returned: what is left is not done, and somebody else may take it.
        delivery.signal.throwIfAborted();
        try {
          await take(executionId, delivery, ahead);
        } catch (error) {
          if (error instanceof StoreUnavailableError || delivery.signal.aborted) throw error;
          ports.log.error({ ...group, executionId, err: error }, "a wake-up failed");
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** The process that held this wake-up died with it. True when that was once too often: it is a dead letter now. */
async function countDeath(ports: Ports, executionId: ExecutionId): Promise<boolean> {
  const deaths = await ports.events.fault(executionId, "death", 0);
  if (deaths < ports.settings.maxDeaths) return false;
  const error = new Error(`the processing of this execution's events ended its process ${deaths} times`);
  await parkWake(ports, executionId, error, deaths);
  return true;
}

/**
 * What goes wrong with one execution (a record that cannot be read, an engine that throws) is counted against it and keeps no other
 * of its group from its turn; a store that is away is thrown.
 */
async function processOrCount(
  ports: Ports,
  memory: Memory,
  executionId: ExecutionId,
  signal: AbortSignal,
  ahead?: Ahead,
): Promise<void> {
  try {
    await processExecution(ports, memory, executionId, signal, ahead);
  } catch (thrown) {
    // Another build may know what this one does not.
    if (thrown instanceof StoreUnavailableError || thrown instanceof UnknownSchemaError) throw thrown;
    memory.cache.drop(executionId);
    const [head] = await ports.events.heads([executionId]);
    if (!head) return;
    if (isClosed(head.status)) await closeWithoutState(ports, memory, head);
    else await engineFault(ports, head, thrown);
  }
}

/** Nothing is decided any more: what can be told without its state is told, as after a termination of what cannot be folded. */
async function closeWithoutState(ports: Ports, memory: Memory, head: ExecutionHead): Promise<void> {
  try {
    await publishHistory(ports, head, head.settled, []);
  } catch (error) {
    // Anything else may go well the next time: what is settled is never published.
    if (!(error instanceof CorruptRecordError) || error instanceof UnknownSchemaError) throw error;
    ports.log.error({ executionId: head.executionId, err: error }, "what it had to publish cannot be read");
  }
  await settle(ports, memory.late, head);
}

/** Loads, decides, commits, dispatches and settles one execution. */
async function processExecution(
  ports: Ports,
  memory: Memory,
  executionId: ExecutionId,
  signal: AbortSignal,
  ahead?: Ahead,
): Promise<void> {
  const { metrics, settings } = ports;
  const { cache, late } = memory;
  const until = performance.now() + settings.eventProcessingTimeoutMs;
  let unread = 0;
  for (let lost = 0; lost < MAX_LOST_FENCES && !signal.aborted && performance.now() < until; lost++) {
    const fresh = lost + unread === 0 ? ahead : undefined;
    const loaded = await load(ports.events, cache, executionId, settings.eventBatchSize, fresh);
    if (loaded === null) return;
    metrics.cache(loaded.warm);
    if (isClosed(loaded.log.head.status) && loaded.log.inbox.length === 0) {
      await publishHistory(ports, loaded.log.head, loaded.dispatched, []);
      await settle(ports, late, loaded.log.head, loaded);
      return;
    }
    const refuseUnread = unread < MAX_UNREAD_REFUSALS;
    try {
      const done = await decideAndCommit(ports, memory, loaded, { refuseUnread });
      if (done === "committed") return;
      unread += 1;
    } catch (error) {
      if (!(error instanceof VersionConflictError)) throw error;
      metrics.lostFence();
      cache.drop(executionId);
    }
  }
  const head = (await ports.events.heads([executionId]))[0];
  if (head) await ports.queues.wake(head, "more");
}

function wakeSpan({ log, state }: Loaded): SpanOptions {
  return { name: "wake", kind: "consumer", parent: state.trace, attributes: spanAttributes(log.head) };
}

interface HowToCommit {
  /** A closing commit that would leave messages unread is refused. */
  readonly refuseUnread?: boolean;
  /** Facts, the first ones, that are in no inbox. */
  readonly carried?: number;
}

/** Steps 5 to 7, and what follows them: "unread" when a closing commit was refused. @throws {VersionConflictError} */
function decideAndCommit(
  ports: Ports,
  memory: Memory,
  loaded: Loaded,
  how: HowToCommit,
): Promise<"committed" | "unread"> {
  return ports.tracing.span(wakeSpan(loaded), (span) => decideInSpan(ports, memory, loaded, how, span));
}

async function decideInSpan(
  ports: Ports,
  { cache, late }: Memory,
  loaded: Loaded,
  how: HowToCommit,
  span: Span,
): Promise<"committed" | "unread"> {
  const { failpoints, metrics, log } = ports;
  const { executionId } = loaded.log.head;
  const begun = performance.now();
  const { decision, workflow } = await decideOn(ports, loaded);
  await failpoints.hit("before-commit");
  const committed = await commit(ports, executionId, loaded, decision, how);
  if (committed === "unread") return "unread";
  const { head, snapshot, local } = committed;
  await failpoints.hit("after-commit");
  observeSteps(metrics, decision.events, loaded.state, workflow);
  await bringAbout(ports, head, loaded, decision, span.context, local);
  const { owed, readAt } = loaded.log;
  if (isClosed(head.status)) cache.drop(executionId);
  else cache.set({ state: decision.state, head, owed, readAt, snapshot, dispatched: head.version });
  await failpoints.hit("after-dispatch");
  span.set({ "durabull.decided": decision.events.length, "durabull.status": head.status });
  log.debug(
    {
      tenant: head.tenant,
      workflowId: head.workflowId,
      executionId,
      eventsRead: loaded.eventsRead,
      snapshot: loaded.log.snapshot !== null,
      facts: decision.taken,
      decided: decision.events.length,
      status: head.status,
      ms: Math.round((performance.now() - begun) * 100) / 100,
    },
    "wake-up processed",
  );
  const settled = !decision.more && !loaded.log.inboxMore && (await settle(ports, late, head, loaded, decision));
  // Others get their turn before the rest.
  if (!settled) await ports.queues.wake(head, "more");
  return "committed";
}

async function decideOn(
  ports: Ports,
  loaded: Loaded,
): Promise<{ readonly decision: Decision; readonly workflow: Workflow }> {
  const { settings } = ports;
  const { head, inbox, readAt } = loaded.log;
  await ports.failpoints.hit("before-decide");
  const workflow = await ports.definitions.get(head.tenant, head.definition.digest);
  const functionQueues = await ports.functionQueues();
  const { runtime, childDepth, limits } = settings;
  // Read before the commit: what is published from here on is for whoever it lets listen.
  const eventsEnd = workflow.listens ? await ports.database.eventsEnd(head.tenant, "event") : 0;
  const situation = { now: readAt, workflow, runtime, childDepth, functionQueues, limits, eventsEnd };
  const begun = performance.now();
  const isSpent = () => performance.now() - begun >= settings.sliceMs;
  return { decision: decide(loaded.state, inbox, situation, { events: settings.sliceEvents, isSpent }), workflow };
}

/** Counted in the head, with a delay; once too often it is a dead letter. */
async function engineFault(ports: Ports, head: ExecutionHead, thrown: unknown): Promise<void> {
  const { events, queues, metrics, log, settings } = ports;
  metrics.engineFault();
  const { tenant, workflowId, executionId } = head;
  const delayMs = settings.eventRetryDelayMs * (head.faults + 1);
  const faults = await events.fault(executionId, "error", delayMs);
  log.error({ tenant, workflowId, executionId, err: thrown, faults }, "the engine could not process this execution");
  if (faults >= settings.eventRetryAttempts) {
    await parkWake(ports, executionId, thrown, faults);
    return;
  }
  // A delayed look: the wake-up itself must not block its group. A little later than the store's moment, as timers are rounded.
  setTimeout(() => {
    queues
      .wake(head, "retry")
      .catch((error: unknown) => log.warn({ executionId, err: error }, "no wake-up after a fault"));
  }, delayMs + ROUNDING_MS).unref();
}

async function commit(
  ports: Ports,
  executionId: ExecutionId,
  loaded: Loaded,
  decision: Decision,
  { refuseUnread = false, carried = 0 }: HowToCommit,
): Promise<"unread" | Committed> {
  const { head, readAt } = loaded.log;
  const { events, state, taken } = decision;
  // Not taken, or of no consequence to the state at hand, which may be an old one: the store will say what it is worth.
  if (carried > 0 && (taken < carried || events.length === 0)) return "unread";
  if (events.length === 0 && taken === 0) return { head, snapshot: loaded.snapshot, local: NOTHING_LOCAL };
  const { added, removed } = owedChanges(loaded.state, state);
  const tip = events.reduce(nextTip, head.tip);
  const status = statusOf(state);
  const snapshot = state.version - loaded.snapshot >= ports.settings.snapshotEvery && !isClosed(status);
  const local = ports.local.reserve(added, events);
  const { localLeaseMs } = ports.settings;
  let committed: CommitResult | undefined;
  try {
    committed = await ports.events.commit(executionId, {
      expected: head,
      taken: taken - carried,
      events,
      tip,
      owed: {
        add: added.map((work) =>
          local.names.has(work.name)
            ? { work, lookAt: readAt + localLeaseMs, claimed: true }
            : { work, lookAt: lookAtOf(work, readAt, ports.settings) },
        ),
        remove: removed.map(({ name }) => name),
      },
      status,
      ...(snapshot ? { snapshot: snapshotOf(state, tip) } : {}),
      ...(isClosed(status) && refuseUnread ? { refuseUnread } : {}),
      ...(local.names.size > 0 ? { lookAfterMs: localLeaseMs } : {}),
    });
  } finally {
    if (committed?.result !== "committed") local.drop();
  }
  if (committed.result === "unread") return "unread";
  ports.metrics.commit(events.length);
  if (committed.unheard > 0) {
    ports.log.warn(
      { executionId, unheard: committed.unheard },
      "the execution ended without reading its last messages",
    );
  }
  return { head: committed.head, snapshot: snapshot ? state.version : loaded.snapshot, local };
}

interface Committed {
  readonly head: ExecutionHead;
  readonly snapshot: number;
  /** What this process has claimed for itself, and begins with now. */
  readonly local: Reservation;
}

/** Work is in the queues whose answer may come any moment: what rests on timers alone is settled at once, and what has ended. */
function isLikelyToMove({ settings }: Ports, { status }: ExecutionHead, { events, state }: Decision): boolean {
  const moves = settings.settleAfterMs > 0 && status === "RUNNING" && events.length > 0;
  return moves && Object.keys(state.activities).length > 0;
}

/** Projects and settles. A projection that fails leaves the execution due, so that it is repeated. */
async function settle(
  ports: Ports,
  late: LateSettles,
  head: ExecutionHead,
  loaded?: Loaded,
  decision?: Decision,
): Promise<boolean> {
  const closed = isClosed(head.status);
  // Nothing decided: an earlier wake-up was cut short, perhaps before its projection.
  const nothingNew = decision === undefined || decision.events.length === 0;
  // The store has opened what was redriven: to the lists it is still what it was.
  const redriven = decision?.events.some(({ type }) => type === "execution.retried") === true;
  const isToBeTold = nothingNew || redriven || loaded?.log.head.status !== head.status;
  if (isToBeTold && !(await tellLists(ports, head))) return true;
  if (closed) await stopListening(ports, head);
  const parent = closed ? await tellOthers(ports, head, decision?.state ?? loaded?.state) : null;
  // The failure of a child whose parent waits is the parent's to handle.
  if (head.status === "FAILED" && parent?.await !== true) await parkExecution(ports, head);
  if (closed) await ports.schedules.ended(head);
  if (closed && !nothingNew) ports.metrics.ended(head.status);
  await ports.failpoints.hit("before-settle");
  if (decision !== undefined && isLikelyToMove(ports, head, decision)) {
    late.put(head);
    return true;
  }
  late.forget(head.executionId);
  const settled = await ports.events.settle(head.executionId, head.version);
  await ports.failpoints.hit("after-settle");
  return settled;
}

/** At its end: its parent, and the children it waits for no more. Gives the parent. */
async function tellOthers(ports: Ports, head: ExecutionHead, state: ExecutionState | undefined) {
  // A history that cannot be folded still says who asked for it.
  const first = state === undefined ? (await ports.events.describe(head.executionId))?.first : undefined;
  const parent = state?.parent ?? (first?.type === "execution.started" ? first.data.parent : undefined) ?? null;
  if (state !== undefined) await cancelAbandoned(ports, head, state);
  if (parent !== null) await tellParent(ports, head, parent);
  return parent;
}
