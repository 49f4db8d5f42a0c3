import type { AnswerFact } from "../engine/facts.ts";
import { type ExecutionState, fold } from "../engine/index.ts";
import { CorruptRecordError, StoreUnavailableError } from "../errors.ts";
import type { EventStore, ReadResult } from "../ports/event-store.ts";
import type { ExecutionId, Group } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import { NO_TIP, nextTip } from "../values/tip.ts";
import type { CachedState, StateCache } from "./state-cache.ts";

export interface Loaded {
  readonly log: ReadResult;
  readonly state: ExecutionState;
  /** Version of the last snapshot stored. */
  readonly snapshot: number;
  /** All that was owed up to this version is in the queues, and what it had to publish is published. */
  readonly dispatched: number;
  /** Events that had to be read. */
  readonly eventsRead: number;
  readonly warm: boolean;
}

/**
 * The state of an execution: the cached one with what came later, or cold, from the snapshot or the whole log. Null when there is
 * no such execution.
 * @param ahead what was read of it already.
 * @throws {CorruptRecordError} when a whole log does not match its tip.
 */
export async function load(
  events: EventStore,
  cache: StateCache,
  executionId: ExecutionId,
  inboxLimit: number,
  ahead?: Ahead,
): Promise<Loaded | null> {
  const cached = cache.get(executionId);
  if (cached !== undefined) {
    const after = cached.state.version;
    const isRead = ahead?.executionId === executionId && ahead.after === after;
    const log = isRead ? ahead.log : await events.read(executionId, { after, inboxLimit, snapshot: false });
    if (log === null) return null;
    // The store may have lost its last second, or another worker was there: only the same chain may be continued.
    if (log.head.version >= cached.state.version && chain(cached.head.tip, log) === log.head.tip) {
      const state = log.events.length === 0 ? cached.state : fold(log.events, cached.state);
      const dispatched = Math.max(cached.dispatched, log.head.settled);
      return { log, state, snapshot: cached.snapshot, dispatched, eventsRead: log.events.length, warm: true };
    }
    cache.drop(executionId);
  }
  return loadCold(events, executionId, inboxLimit);
}

/** A log that was read in the same operation that found its execution due, after the version that the cache held. */
export interface Ahead {
  readonly executionId: ExecutionId;
  readonly after: number;
  readonly log: ReadResult;
}

/** What this process decided last, with answers that are in no inbox, as if both had been read now. */
export function loadedOf(cached: CachedState, facts: readonly Omit<AnswerFact, "at">[], passed: number): Loaded {
  const readAt = Math.max(passed, cached.readAt);
  const { head, owed, state, snapshot, dispatched } = cached;
  const log = {
    head,
    snapshot: null,
    events: [],
    inbox: facts.map((fact) => ({ ...fact, at: readAt })),
    inboxMore: false,
    owed,
    readAt,
  };
  return { log, state, snapshot, dispatched, eventsRead: 0, warm: true };
}

/** What of a group is due, with the log of the one that this process moved last. */
export async function dueOf(
  events: EventStore,
  cache: StateCache,
  group: Group,
  inboxLimit: number,
): Promise<{ readonly due: readonly ExecutionId[]; readonly ahead?: Ahead }> {
  const executionId = cache.latestOf(group);
  const after = executionId === undefined ? undefined : cache.get(executionId)?.state.version;
  if (executionId === undefined || after === undefined) return { due: await events.due(group) };
  try {
    const { due, log } = await events.dueAndRead(group, executionId, { after, inboxLimit, snapshot: false });
    return log === null ? { due } : { due, ahead: { executionId, after, log } };
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    // One that cannot be read must not stand before the others of its group.
    return { due: await events.due(group) };
  }
}

/** Without the cache. */
export async function loadCold(
  events: EventStore,
  executionId: ExecutionId,
  inboxLimit: number,
): Promise<Loaded | null> {
  const log = await events.read(executionId, { after: 0, inboxLimit });
  if (log === null) return null;
  const from = log.snapshot === null ? null : snapshotState(log.snapshot.state);
  if (log.snapshot !== null && from === null) {
    const whole = await events.read(executionId, { after: 0, inboxLimit, snapshot: false });
    return whole === null ? null : folded({ ...whole, snapshot: null }, null, executionId);
  }
  return folded(log, from, executionId);
}

function folded(log: ReadResult, from: StoredSnapshot | null, executionId: ExecutionId): Loaded {
  if (chain(from?.tip ?? NO_TIP, log) !== log.head.tip) {
    throw new CorruptRecordError(`the history of ${executionId} does not match its tip at version ${log.head.version}`);
  }
  const state = fold(log.events, from?.state ?? null);
  return {
    log,
    state,
    snapshot: log.snapshot?.version ?? 0,
    dispatched: log.head.settled,
    eventsRead: log.events.length,
    warm: false,
  };
}

function chain(tip: string, log: ReadResult): string {
  return log.events.reduce(nextTip, tip);
}

/** A snapshot as it is stored: the state with the tip it stands for. */
export interface StoredSnapshot {
  readonly state: ExecutionState;
  readonly tip: string;
}

export function snapshotOf(state: ExecutionState, tip: string): Json {
  return { state, tip } as unknown as Json;
}

/** Null for a snapshot of another build's schema: the log tells the same. */
export function snapshotState(stored: Json): StoredSnapshot | null {
  const snapshot = stored as unknown as StoredSnapshot;
  return snapshot.state.schema === 1 ? { ...snapshot, state: completed(snapshot.state) } : null;
}

/** Snapshots of builds that knew no events lack what belongs to them. */
function completed(state: ExecutionState): ExecutionState {
  if (state.subscriptions !== undefined) return state;
  const frames = Object.entries(state.frames).map(([id, frame]) => [id, { ...frame, listen: null }]);
  return { ...state, subscriptions: {}, frames: Object.fromEntries(frames) };
}
