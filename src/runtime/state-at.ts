import { LRUCache } from "lru-cache";
import type { HistoryEvent } from "../engine/events.ts";
import { type ExecutionState, fold, statusOf } from "../engine/index.ts";
import type { EventStore, ExecutionHead } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import { type ExecutionStatus, isClosed, type TaskStatus } from "../values/status.ts";
import type { TaskReference } from "../values/task-reference.ts";
import { heardIn } from "./listening.ts";
import { snapshotState } from "./load.ts";

/** Events folded at once; others get their turn between two pages. */
const PAGE = 1_000;
/** States kept at the pages' ends, so that who goes through a long history does not fold it anew at each step. */
const CHECKPOINTS = 50;
/** Events from the end within which the latest snapshot is asked for: it is hardly ever further away. */
const NEAR_THE_END = 1_500;

/** An execution as it was after an event. Times are epoch milliseconds. */
export interface StateView {
  readonly at: number;
  /** Of that event. */
  readonly time: number;
  readonly status: ExecutionStatus;
  readonly input: Json;
  readonly context: Json;
  /** Begun and not ended, in the order they began. */
  readonly tasks: readonly OpenTask[];
  readonly output?: Json;
  readonly error?: Problem;
}
export interface OpenTask {
  readonly task: TaskReference;
  readonly name: string;
  readonly status: TaskStatus;
  /** As the task sees it. */
  readonly input: Json;
  /** Of the nearest try around it, from 1. */
  readonly attempt?: number;
  /** Of the nearest `for` around it, from 0. */
  readonly iteration?: number;
  readonly startedAt: number;
  /** When its wait ends, or its next try begins. */
  readonly until?: number;
}

/** A fold so far: the state, and the event that closed it, if it is closed. */
interface Folded {
  readonly state: ExecutionState;
  readonly last: HistoryEvent | null;
  readonly closing: HistoryEvent | null;
}

export interface StateReader {
  /**
   * The state after event `at`, 1 to `head.version`. From the latest snapshot when that is not later; else from the nearest state this
   * process folded before; else from the beginning.
   */
  read(head: ExecutionHead, at: number): Promise<StateView>;
  /** The engine's own state after event `at`. */
  state(head: ExecutionHead, at: number): Promise<ExecutionState>;
  /** How many events each open subscription has taken by now, by name. */
  heard(head: ExecutionHead): Promise<ReadonlyMap<number, number>>;
}

export function createStateReader(events: Pick<EventStore, "read" | "history">): StateReader {
  const checkpoints = new LRUCache<string, Folded>({ max: CHECKPOINTS });
  const keyOf = (executionId: ExecutionId, version: number) => `${executionId}.${version}`;

  /** What a fold up to `at` may begin with. */
  async function startOf(head: ExecutionHead, at: number): Promise<Folded | null> {
    const near = head.version - at <= NEAR_THE_END ? await fromSnapshot(head.executionId, at) : null;
    if (near !== null) return near;
    for (let version = at - (at % PAGE); version > 0; version -= PAGE) {
      const known = checkpoints.get(keyOf(head.executionId, version));
      if (known !== undefined) return known;
    }
    return null;
  }

  /** Only the latest snapshot is kept, and none is of an event that closed it. */
  async function fromSnapshot(executionId: ExecutionId, at: number): Promise<Folded | null> {
    const log = await events.read(executionId, { after: 0, inboxLimit: 0 });
    const stored = log?.snapshot ? snapshotState(log.snapshot.state) : null;
    if (log === null || stored === null || stored.state.version > at) return null;
    const start = { state: stored.state, last: null, closing: null };
    const later = log.events.filter(({ sequence }) => sequence <= at);
    return later.length === 0 ? start : extended(start, later);
  }

  async function foldedTo(head: ExecutionHead, at: number): Promise<Folded> {
    let folded = await startOf(head, at);
    while ((folded?.state.version ?? 0) < at) {
      const after: number = folded?.state.version ?? 0;
      // Pages end at the same places whoever asks, so that they are found again.
      const limit = Math.min(at, after - (after % PAGE) + PAGE) - after;
      const page = (await events.history(head.executionId, { after, limit, order: "asc" })) ?? [];
      if (page.length === 0) throw new Error(`${head.executionId} has no event ${after + 1}`);
      folded = extended(folded, page);
      if (folded.state.version % PAGE === 0) {
        checkpoints.set(keyOf(head.executionId, folded.state.version), folded);
      }
    }
    if (folded === null) throw new RangeError("events are counted from 1");
    if (folded.last !== null) return folded;
    const [last = null] = (await events.history(head.executionId, { after: at - 1, limit: 1, order: "asc" })) ?? [];
    return { ...folded, last };
  }

  return {
    read: async (head, at) => viewOf(await foldedTo(head, at), at),
    state: async (head, at) => (await foldedTo(head, at)).state,
    heard: async (head) => heardIn((await foldedTo(head, head.version)).state),
  };
}

function extended(before: Folded | null, page: readonly HistoryEvent[]): Folded {
  const state = fold(page, before?.state ?? null);
  const closing = page.findLast(isClosing) ?? before?.closing ?? null;
  return { state, last: page.at(-1) ?? null, closing: isClosed(statusOf(state)) ? closing : null };
}

function isClosing({ type }: HistoryEvent): boolean {
  return type === "workflow.completed" || type === "workflow.failed" || type === "execution.cancelled";
}

function viewOf({ state, last, closing }: Folded, at: number): StateView {
  return {
    at,
    time: last?.at ?? state.startedAt,
    status: statusOf(state),
    input: state.input,
    context: state.context,
    tasks: openTasks(state),
    ...(closing?.type === "workflow.completed" ? { output: closing.data.output } : {}),
    ...(closing?.type === "workflow.failed" ? { error: closing.data.error } : {}),
  };
}

function openTasks(state: ExecutionState): readonly OpenTask[] {
  const until = new Map<number, number>();
  for (const { frame, purpose, fireAt } of Object.values(state.timers)) {
    if (purpose === "wait" || purpose === "retry") until.set(frame, Math.min(fireAt, until.get(frame) ?? fireAt));
  }
  const frames = Object.values(state.frames).sort((a, b) => a.id - b.id);
  return frames
    .filter(({ parent }) => parent !== 0)
    .map((frame) => {
      const around = surroundings(state, frame.id);
      const ends = until.get(frame.id);
      return {
        task: frame.task,
        name: frame.name,
        status: frame.step.do === "fail" ? "FAILED" : "RUNNING",
        input: frame.input,
        ...around,
        startedAt: frame.startedAt,
        ...(ends === undefined ? {} : { until: ends }),
      };
    });
}

function surroundings(state: ExecutionState, id: number): { readonly attempt?: number; readonly iteration?: number } {
  let attempt: number | undefined;
  let iteration: number | undefined;
  let frame = state.frames[id];
  if (frame?.attempt) attempt = frame.attempt.number;
  for (frame = state.frames[frame?.parent ?? 0]; frame !== undefined; frame = state.frames[frame.parent]) {
    if (attempt === undefined && frame.attempt) attempt = frame.attempt.number;
    if (iteration === undefined && frame.loop && frame.loop.index >= 0) iteration = frame.loop.index;
  }
  return { ...(attempt === undefined ? {} : { attempt }), ...(iteration === undefined ? {} : { iteration }) };
}
