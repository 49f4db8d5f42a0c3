import type { EventStore } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";

const FIRST_POLL_MS = 5;
const SLOWEST_POLL_MS = 500;
/** Heads asked for in one round trip. */
const BATCH = 500;

interface Waiter {
  readonly executionId: ExecutionId;
  readonly finish: (ended: boolean) => void;
  pollAt: number;
  intervalMs: number;
}

/** Lets many requests wait for the end of executions with few reads: one loop asks for all heads that are due together. */
export interface EndWaiter {
  /** True when it ended within `ms`; false on timeout, abort, close, or for an unknown execution. */
  wait(executionId: ExecutionId, ms: number, signal?: AbortSignal): Promise<boolean>;
  /** A hint from this process that an execution closed: its waiters need not poll for it. */
  closed(executionId: ExecutionId): void;
  /** Answers all that wait, with what is so far. */
  close(): void;
}

export function createEndWaiter(events: Pick<EventStore, "heads">): EndWaiter {
  const waiters = new Map<ExecutionId, Set<Waiter>>();
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let polling = false;
  let isOpen = true;

  function all(): Waiter[] {
    return [...waiters.values()].flatMap((set) => [...set]);
  }

  function schedule(): void {
    if (polling) return;
    const next = Math.min(...all().map((waiter) => waiter.pollAt));
    if (next === timerAt) return;
    clearTimeout(timer);
    timerAt = next;
    timer = Number.isFinite(next) ? setTimeout(poll, Math.max(0, next - performance.now())) : undefined;
  }

  async function poll(): Promise<void> {
    polling = true;
    timerAt = Number.POSITIVE_INFINITY;
    const due = all().filter((waiter) => waiter.pollAt <= performance.now() + 1);
    const ids = [...new Set(due.map((waiter) => waiter.executionId))];
    const asked = ids.slice(0, BATCH);
    try {
      const heads = await events.heads(asked);
      asked.forEach((id, index) => {
        const head = heads[index];
        if (!head || isClosed(head.status)) finish(id, head !== null && head !== undefined);
      });
    } catch {
      // The store is away: whoever waits is told so by the read that follows the wait.
    }
    const now = performance.now();
    for (const waiter of due) {
      if (!asked.includes(waiter.executionId)) continue;
      waiter.intervalMs = Math.min(SLOWEST_POLL_MS, waiter.intervalMs * 1.5);
      waiter.pollAt = now + waiter.intervalMs;
    }
    polling = false;
    schedule();
  }

  function finish(executionId: ExecutionId, ended: boolean): void {
    for (const waiter of waiters.get(executionId) ?? []) waiter.finish(ended);
  }

  return {
    wait(executionId, ms, signal) {
      if (!isOpen || ms <= 0 || signal?.aborted === true) return Promise.resolve(false);
      return new Promise((resolve) => {
        const giveUp = () => waiter.finish(false);
        const timeout = setTimeout(giveUp, ms);
        const waiter: Waiter = {
          executionId,
          intervalMs: FIRST_POLL_MS,
          pollAt: performance.now() + FIRST_POLL_MS,
          finish(ended) {
            clearTimeout(timeout);
            signal?.removeEventListener("abort", giveUp);
            const set = waiters.get(executionId);
            set?.delete(waiter);
            if (set?.size === 0) waiters.delete(executionId);
            resolve(ended);
            schedule();
          },
        };
        const set = waiters.get(executionId) ?? new Set();
        waiters.set(executionId, set.add(waiter));
        signal?.addEventListener("abort", giveUp, { once: true });
        schedule();
      });
    },
    closed: (executionId) => finish(executionId, true),
    close() {
      isOpen = false;
      for (const waiter of all()) waiter.finish(false);
      clearTimeout(timer);
    },
  };
}
