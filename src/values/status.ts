/** Statuses of an execution shown to users. */
export const EXECUTION_STATUSES = [
  "PENDING",
  "RUNNING",
  "WAITING",
  "PAUSED",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

export const TASK_STATUSES = ["SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED"] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** True for COMPLETED, FAILED and CANCELLED: nothing is owed and no fact is taken. */
export function isClosed(status: ExecutionStatus): boolean {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}
