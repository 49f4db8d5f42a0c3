import pLimit from "p-limit";
import type { AnswerFact } from "../engine/facts.ts";
import { CorruptRecordError, StoreUnavailableError, UnknownSchemaError, VersionConflictError } from "../errors.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { Delivery } from "../ports/queues.ts";
import type { ExecutionId, Group } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";
import { parkWake } from "./dead-letters.ts";
import { decideAndCommit, type HowToCommit, type Memory } from "./decide-and-commit.ts";
import { createLateSettles } from "./late-settles.ts";
import { type Ahead, dueOf, load, loadedOf } from "./load.ts";
import type { AnswerLocally } from "./local-activities.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import type { Ports } from "./ports.ts";
import { publishHistory } from "./publish-events.ts";
import { settle } from "./settle.ts";
import type { StateCache } from "./state-cache.ts";
import type { StoreClock } from "./store-clock.ts";
import type { Fire } from "./timers-here.ts";
import { turns } from "./turns.ts";
import { type Look, REST } from "./wakes-here.ts";

/** Refusals of a closing commit that finds unread messages, before it closes without them. */
const MAX_UNREAD_REFUSALS = 3;
/** Fences lost in a row before the wake-up is put back instead of trying on. */
const MAX_LOST_FENCES = 20;
const ROUNDING_MS = 10;
/** Type of the wake-up of a start: nothing else of its group needs a look. */
const STARTED = "execution.started";
/** Commits of timers whose jobs are made and removed, and which are settled, at once: those that have come due go first. */
const FOLLOWED_AT_ONCE = 16;

type WakeDelivery = Pick<Delivery, "redelivered" | "signal">;

export interface WakeProcessor {
  /** Takes every execution of the group that has something to decide; one that fails does not keep it from the others. */
  processWake(group: Group, delivery: WakeDelivery): Promise<void>;
  /** The same for what this process has just written: an execution that it started is gone on with unread. */
  readonly lookHere: Look;
  /** Decides on with an answer that no inbox holds; only where the state is at hand. */
  readonly answer: AnswerLocally;
  /** Decides on what has come due in an execution whose state is at hand. False when it is not, or nothing came of it. */
  readonly fire: Fire;
  /** Tells the store what it has not been told yet; for the end of a drain. */
  flush(): Promise<void>;
}

/** @param clock without it, every answer goes through the inbox. */
export function createWakeProcessor(ports: Ports, cache: StateCache, clock?: StoreClock): WakeProcessor {
  /**
   * One of the wake-ups that were in hand when a process died may be what ended it. Alone among its like, it cannot be what the
   * others are counted for: each is counted only when its turn comes, and its commit clears it before the next has its turn.
   */
  const suspects = oneAtATime();
  const memory: Memory = { cache, late: createLateSettles(ports), unhurried: pLimit(FOLLOWED_AT_ONCE) };
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

  /** Decides from the state at hand, as if it and the facts had been read now. False when that was not possible, or of no consequence. */
  async function decideFromMemory(
    executionId: ExecutionId,
    facts: readonly Omit<AnswerFact, "at">[],
    { notBefore = 0, ...how }: { readonly notBefore?: number } & Pick<HowToCommit, "unhurried" | "committed"> = {},
  ): Promise<boolean> {
    const passed = clock?.passed();
    const cached = cache.get(executionId);
    if (passed === undefined || passed < notBefore || cached === undefined) return false;
    try {
      const loaded = loadedOf(cached, facts, passed);
      return (await decideAndCommit(ports, memory, loaded, { ...how, carried: facts.length })) === "committed";
    } catch (error) {
      cache.drop(executionId);
      if (error instanceof VersionConflictError) ports.metrics.lostFence();
      // Whatever it is, the way through the store meets it again, and counts it.
      else ports.log.warn({ executionId, err: error }, "a decision from memory failed");
      return false;
    }
  }

  async function processWake(group: Group, delivery: WakeDelivery): Promise<void> {
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
  }

  return {
    processWake,
    flush: () => memory.late.flush(),
    answer: ({ executionId }, fact) => inTurn(executionId, () => decideFromMemory(executionId, [fact])),
    fire: (executionId, fireAt, committed) =>
      inTurn(executionId, () => decideFromMemory(executionId, [], { notBefore: fireAt, unhurried: true, committed })),
    async lookHere(group, delivery, type) {
      const executionId = type === STARTED ? cache.latestOf(group) : undefined;
      const isNew = executionId !== undefined && cache.get(executionId)?.head.version === 1;
      if (isNew && (await inTurn(executionId, () => decideFromMemory(executionId, [])))) return;
      await processWake(group, delivery);
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
  if (head) await ports.queues.wake(head, REST);
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
