import type { ExecutionHead, OwedEntry } from "../ports/event-store.ts";
import type { Job } from "../ports/queues.ts";

/** The jobs that stand for owed entries, as they were dispatched. `now` is the store's time. */
export function jobsOf(head: ExecutionHead, owed: readonly OwedEntry[], now: number): readonly Job[] {
  const { executionId, tenant, workflowId } = head;
  return owed.flatMap((entry): readonly Job[] => {
    const base = { executionId, tenant, workflowId, name: entry.name, dispatch: entry.dispatch };
    if (entry.kind === "timer") return [{ kind: "timer", ...base, fireAt: entry.fireAt, now }];
    if (entry.kind !== "activity") return [];
    return [{ kind: "activity", ...base, ...(entry.queue === undefined ? {} : { queue: entry.queue }) }];
  });
}
