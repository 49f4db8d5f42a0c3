import { type ExecutionState, type OwedWork, owed } from "../engine/index.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { Job } from "../ports/queues.ts";
import type { RuntimeSettings } from "./ports.ts";

type Looks = Pick<RuntimeSettings, "activityLeaseMs" | "timerPrecisionMs" | "timerHorizonMs">;

/**
 * The job for a piece of owed work; undefined for a timer beyond the horizon, which attention arms when it comes near, and for a
 * child, which no queue carries: it is started.
 */
export function jobOf(
  head: Pick<ExecutionHead, "executionId" | "tenant" | "workflowId">,
  work: OwedWork,
  dispatch: number,
  now: number,
  horizonMs: number,
): Job | undefined {
  const { executionId, tenant, workflowId } = head;
  const base = { executionId, tenant, workflowId, name: work.name, dispatch };
  if (work.kind === "activity") {
    return { ...base, kind: "activity", ...(work.queue === undefined ? {} : { queue: work.queue }) };
  }
  if (work.kind !== "timer") return undefined;
  return work.fireAt - now > horizonMs ? undefined : { ...base, kind: "timer", fireAt: work.fireAt, now };
}

/** When somebody must look after a piece of work that was just put into its queue. */
export function lookAtOf(work: OwedWork, now: number, looks: Looks): number {
  if (work.kind !== "timer") return now + looks.activityLeaseMs;
  const beyond = work.fireAt - now > looks.timerHorizonMs;
  return beyond ? work.fireAt - looks.timerHorizonMs : Math.max(work.fireAt, now) + looks.timerPrecisionMs;
}

/** Owed work that came and went between two states. */
export function owedChanges(
  before: ExecutionState | null,
  after: ExecutionState,
): { readonly added: readonly OwedWork[]; readonly removed: readonly OwedWork[] } {
  const old = before === null ? [] : owed(before);
  const now = owed(after);
  const oldNames = new Set(old.map(({ name }) => name));
  const names = new Set(now.map(({ name }) => name));
  return {
    added: now.filter(({ name }) => !oldNames.has(name)),
    removed: old.filter(({ name }) => !names.has(name)),
  };
}
