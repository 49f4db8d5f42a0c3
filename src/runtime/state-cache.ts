import { LRUCache } from "lru-cache";
import type { ExecutionState } from "../engine/index.ts";
import type { ExecutionHead, OwedEntry } from "../ports/event-store.ts";
import type { ExecutionId, Group } from "../values/ids.ts";

/** A state this process folded, with the head it stands for. */
export interface CachedState {
  readonly state: ExecutionState;
  /** As it was then: facts may have come since, and others may have moved it. */
  readonly head: ExecutionHead;
  /** What the store owed before the last commit: dispatch numbers of what had to be dispatched again. */
  readonly owed: readonly OwedEntry[];
  /** When that was decided: store time, epoch milliseconds. */
  readonly readAt: number;
  /** Version of the last snapshot stored. */
  readonly snapshot: number;
  /** All that was owed up to this version is in the queues, and what it had to publish is published, whether or not the store was told so yet. */
  readonly dispatched: number;
}

/** Live states by execution. Never trusted: the head's version and tip decide whether one still holds. */
export class StateCache {
  readonly #states: LRUCache<ExecutionId, CachedState>;
  readonly #latest: LRUCache<string, ExecutionId>;

  /** @param maxBytes of all states together, as far as their data tells. */
  constructor(capacity: number, maxBytes = 256 * 1024 * 1024) {
    this.#latest = new LRUCache({ max: Math.max(1, capacity) });
    this.#states = new LRUCache({
      max: Math.max(1, capacity),
      maxSize: maxBytes,
      sizeCalculation: ({ state, owed }) => sizeOf(state) + OWED_BYTES * owed.length,
    });
  }

  get(executionId: ExecutionId): CachedState | undefined {
    return this.#states.get(executionId);
  }

  set(cached: CachedState): void {
    const { executionId, tenant, workflowId } = cached.head;
    this.#states.set(executionId, cached);
    this.#latest.set(`${tenant} ${workflowId}`, executionId);
  }

  /** The execution of a group that was seen last: most likely the next to move. */
  latestOf({ tenant, workflowId }: Group): ExecutionId | undefined {
    return this.#latest.get(`${tenant} ${workflowId}`);
  }

  drop(executionId: ExecutionId): void {
    this.#states.delete(executionId);
  }
}

const FRAME_BYTES = 500;
const OWED_BYTES = 300;

/** Roughly: the few large things a state may hold are the context, the inputs of its frames and what loops go over. */
function sizeOf(state: ExecutionState): number {
  const frames = Object.values(state.frames);
  const values = [
    state.input,
    state.context,
    ...frames.flatMap(({ rawInput, loop, listen }) => [
      rawInput,
      loop?.items ?? null,
      listen?.consumed ?? null,
      listen?.waiting ?? null,
    ]),
  ];
  return FRAME_BYTES * (1 + frames.length) + values.reduce<number>((sum, value) => sum + weightOf(value), 0);
}

/** Bytes of a value, looking no further than a few hundred members into it. */
function weightOf(value: unknown, budget = { left: 300 }): number {
  if (budget.left-- <= 0) return 0;
  if (typeof value === "string") return 2 * value.length;
  if (typeof value !== "object" || value === null) return 8;
  const members = Object.values(value);
  const seen = members.slice(0, budget.left);
  const weight = seen.reduce<number>((sum, member) => sum + weightOf(member, budget), 16);
  return seen.length === 0 ? weight : Math.ceil((weight * members.length) / seen.length);
}
