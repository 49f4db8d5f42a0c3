import type { HistoryEvent } from "./events.ts";

/** The activity an event answers: of a task that ended, that has what it needed to begin, that gives no more messages, or that is extended and whose end is held back. */
export function answeredBy(event: HistoryEvent): number | undefined {
  if (event.type === "task.completed" || event.type === "task.failed" || event.type === "task.prepared") {
    return event.data.asked;
  }
  if (event.type === "message.received") return event.data.value === undefined ? event.data.asked : undefined;
  if (event.type === "task.started" || event.type === "task.skipped") return event.data.extension?.asked;
  return undefined;
}
