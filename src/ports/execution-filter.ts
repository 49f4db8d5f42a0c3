import type { ExecutionFilter, ExecutionSummary } from "./database.ts";

/** What a filter means: true when a summary is as it wants it. */
export function fits(summary: ExecutionSummary, filter: ExecutionFilter): boolean {
  const { status, definition, workflowId, labels, startedAt, endedAt } = summary;
  const { startedAfter, startedBefore, endedAfter, endedBefore } = filter;
  if (filter.status !== undefined && filter.status.length > 0 && !filter.status.includes(status)) return false;
  if (filter.namespace !== undefined && filter.namespace !== definition.namespace) return false;
  if (filter.name !== undefined && filter.name !== definition.name) return false;
  if (filter.workflowId !== undefined && filter.workflowId !== workflowId) return false;
  if (startedAfter !== undefined && startedAt < startedAfter) return false;
  if (startedBefore !== undefined && startedAt >= startedBefore) return false;
  if (endedAfter !== undefined && (endedAt === null || endedAt < endedAfter)) return false;
  if (endedBefore !== undefined && (endedAt === null || endedAt >= endedBefore)) return false;
  return Object.entries(filter.labels ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}
