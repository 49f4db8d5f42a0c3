import type { ExecutionStatus } from "../values/status.ts";
import type { ExecutionState } from "./state.ts";

/** WAITING: nothing can move before a timer fires or an event comes. */
export function statusOf(state: ExecutionState): ExecutionStatus {
  if (state.phase === "completed") return "COMPLETED";
  if (state.phase === "failed") return "FAILED";
  if (state.phase === "cancelled") return "CANCELLED";
  if (state.paused) return "PAUSED";
  if (state.version <= 1) return "PENDING";
  if (state.ready.length > 0 || Object.keys(state.activities).length > 0) return "RUNNING";
  if (Object.keys(state.subscriptions).length > 0) return "WAITING";
  const waits = Object.values(state.timers).some(({ purpose }) => purpose === "wait" || purpose === "retry");
  return waits ? "WAITING" : "RUNNING";
}
