import type { HistoryEvent } from "../engine/events.ts";
import type { EventStore } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";
import type { HeadWatcher, Seen } from "./head-watcher.ts";

/** Events read at once: what a follower who reads slowly keeps in memory. */
const PAGE = 50;

/**
 * The events of one execution after a sequence, then those that come, as they are in the store: hints only say when to read. Ends
 * after the last event of one that has closed, when `signal` aborts, when the watcher closes, and when the execution is forgotten.
 */
export async function* followHistory(
  events: Pick<EventStore, "heads" | "history">,
  watcher: Pick<HeadWatcher, "watch">,
  executionId: ExecutionId,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<readonly HistoryEvent[], void, undefined> {
  const watch = watcher.watch(executionId, signal);
  try {
    let last = after;
    let promised: Seen | undefined;
    while (!signal.aborted) {
      const page = await events.history(executionId, { after: last, limit: PAGE, order: "asc" });
      if (page === null) return;
      if (page.length > 0) yield page;
      last = page.at(-1)?.sequence ?? last;
      if (page.length === PAGE) continue;
      // Promised more than there is, or the end: that is the store's to tell. A hint may be wrong, and a redrive opens what had ended.
      if (promised !== undefined && (page.length === 0 || isClosed(promised.status))) {
        const [head] = await events.heads([executionId]);
        if (!head || (isClosed(head.status) && head.version <= last)) return;
        watch.correct(promised, head);
      }
      promised = await watch.until(({ version, status }) => version > last || isClosed(status));
      if (promised === undefined) return;
    }
  } finally {
    watch.stop();
  }
}
