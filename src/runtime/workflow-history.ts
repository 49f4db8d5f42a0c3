import type { HistoryEvent } from "../engine/events.ts";
import { NotFoundError } from "../errors.ts";
import type { EventStore } from "../ports/event-store.ts";
import type { ExecutionId, Group } from "../values/ids.ts";

/** Where a page begins: after this event of this execution. */
export interface WorkflowHistoryStart {
  readonly executionId: ExecutionId;
  readonly after: number;
}
export interface WorkflowHistoryPage {
  readonly items: readonly { readonly executionId: ExecutionId; readonly event: HistoryEvent }[];
  readonly next?: WorkflowHistoryStart;
}

/** The histories of all executions of a workflow ID, one after the other, oldest first. */
export async function workflowHistory(
  events: Pick<EventStore, "executionsOf" | "history">,
  group: Group,
  start: WorkflowHistoryStart | undefined,
  limit: number,
): Promise<WorkflowHistoryPage> {
  const executions = await events.executionsOf(group);
  if (executions.length === 0) throw new NotFoundError("workflow", group.workflowId);
  const items: { executionId: ExecutionId; event: HistoryEvent }[] = [];
  const from = start === undefined ? 0 : Math.max(0, executions.indexOf(start.executionId));
  for (const executionId of executions.slice(from)) {
    const after = executionId === start?.executionId ? start.after : 0;
    const wanted = limit - items.length + 1;
    const page = (await events.history(executionId, { after, limit: wanted, order: "asc" })) ?? [];
    items.push(...page.map((event) => ({ executionId, event })));
    if (items.length > limit) break;
  }
  const last = items[limit - 1];
  return items.length > limit && last
    ? { items: items.slice(0, limit), next: { executionId: last.executionId, after: last.event.sequence } }
    : { items };
}
