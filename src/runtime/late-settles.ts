import type { ExecutionHead } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { Ports } from "./ports.ts";

/**
 * Settles that wait a moment, because the next commit of their execution will most likely make them needless: a step that takes a few
 * milliseconds saves a command and, on PostgreSQL, a transaction. Until then an execution is unsettled, as after a crash at that place.
 */
export interface LateSettles {
  /** Settles it after a while. All that it owed up to its version must have been acknowledged by the queues. */
  put(head: ExecutionHead): void;
  /** A later commit has been settled, or will be. */
  forget(executionId: ExecutionId): void;
  /** Settles all that wait. */
  flush(): Promise<void>;
}

export function createLateSettles({ events, log, settings }: Ports): LateSettles {
  /** Oldest first. */
  const waiting = new Map<ExecutionId, { readonly head: ExecutionHead; readonly at: number }>();
  let timer: NodeJS.Timeout | undefined;

  async function settle(head: ExecutionHead): Promise<void> {
    try {
      // False: it moved on or was told something, and whoever did that has woken it, or attention will.
      await events.settle(head.executionId, head.version);
    } catch (error) {
      const { tenant, workflowId, executionId } = head;
      log.warn({ tenant, workflowId, executionId, err: error }, "not settled; it will be found by attention");
    }
  }

  function take(until: number): readonly ExecutionHead[] {
    const heads: ExecutionHead[] = [];
    for (const [executionId, { head, at }] of waiting) {
      if (at > until) break;
      waiting.delete(executionId);
      heads.push(head);
    }
    return heads;
  }

  function arm(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const head of take(performance.now() - settings.settleAfterMs)) void settle(head);
      if (waiting.size > 0) arm();
    }, settings.settleAfterMs).unref();
  }

  return {
    put(head) {
      waiting.delete(head.executionId);
      waiting.set(head.executionId, { head, at: performance.now() });
      arm();
    },
    forget: (executionId) => void waiting.delete(executionId),
    async flush() {
      clearTimeout(timer);
      timer = undefined;
      await Promise.all(take(Number.POSITIVE_INFINITY).map(settle));
    },
  };
}
