import type { ExecutionSummary } from "../ports/database.ts";
import type { ExecutionHead } from "../ports/event-store.ts";

/** What the searchable lists hold of an execution. */
export function summaryOf(head: ExecutionHead): ExecutionSummary {
  const { executionId, tenant, workflowId, definition, status, version, labels, startedAt, endedAt } = head;
  return { executionId, tenant, workflowId, definition, status, version, labels, startedAt, endedAt };
}
