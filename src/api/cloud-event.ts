import type { HistoryEvent } from "../engine/events.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";
import type { CloudEvent } from "./schemas/executions.ts";

/** An event of a history as a CloudEvent 1.0. */
export function cloudEvent(
  event: HistoryEvent,
  of: { readonly tenant: TenantId; readonly workflowId: WorkflowId; readonly executionId: ExecutionId },
): CloudEvent {
  const subject = "task" in event.data ? event.data.task : undefined;
  return {
    specversion: "1.0",
    id: `${of.executionId}.${event.sequence}`,
    source: event.source,
    type: `io.flunq.${event.type}`,
    // An empty subject is not allowed: the whole document has none.
    ...(subject ? { subject } : {}),
    time: new Date(event.at).toISOString(),
    datacontenttype: "application/json",
    tenantid: of.tenant,
    workflowid: of.workflowId,
    executionid: of.executionId,
    sequence: event.sequence,
    data: event.data,
  };
}
