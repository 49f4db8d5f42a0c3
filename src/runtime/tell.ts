import type { Database, ExecutionSummary } from "../ports/database.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { Queues } from "../ports/queues.ts";
import type { ExecutionId, Group } from "../values/ids.ts";

/** Tells the lists what an execution is now. False when they could not be told: somebody who looks will repeat it. */
export async function tellLists(
  { database, log }: { readonly database: Pick<Database, "project">; readonly log: Log },
  head: ExecutionHead,
): Promise<boolean> {
  try {
    await database.project(summaryOf(head));
    return true;
  } catch (error) {
    const { tenant, workflowId, executionId } = head;
    log.warn({ tenant, workflowId, executionId, err: error }, "the lists were not told of an execution");
    return false;
  }
}

/** Wakes a group if that is possible now: what was written is owed attention, so a lost wake-up costs only time. */
export async function wakeSoon(
  { queues, log }: { readonly queues: Pick<Queues, "wake">; readonly log: Log },
  { tenant, workflowId, executionId }: Group & { readonly executionId: ExecutionId },
  type: string,
): Promise<void> {
  try {
    await queues.wake({ tenant, workflowId }, type);
  } catch (error) {
    log.warn(
      { tenant, workflowId, executionId, err: error },
      "the wake-up was not queued; it will be found by attention",
    );
  }
}

/** What the searchable lists hold of an execution. */
export function summaryOf(head: ExecutionHead): ExecutionSummary {
  const { executionId, tenant, workflowId, definition, status, version, labels, startedAt, endedAt } = head;
  return { executionId, tenant, workflowId, definition, status, version, labels, startedAt, endedAt };
}
