import type { Workflow } from "../dsl/workflow.ts";
import type { ExecutionState, HistoryEvent } from "../engine/index.ts";
import type { RuntimeMetrics } from "../ports/metrics.ts";

/**
 * Observes every task that ended in a decision, from its start, which may lie in earlier ones. An error that only passed through a task on
 * its way to a catch ends that task as well. An uncaught error ends none: a redrive goes on there.
 *
 * @param before the state that was decided from.
 */
export function observeSteps(
  metrics: Pick<RuntimeMetrics, "step">,
  events: readonly HistoryEvent[],
  before: ExecutionState,
  workflow: Workflow,
): void {
  const begun = new Map<number, { readonly kind: string; readonly at: number }>();
  const startOf = (id: number) => {
    const here = begun.get(id);
    if (here !== undefined) return here;
    const frame = before.frames[id];
    return frame && { kind: workflow.byKey.get(frame.key)?.kind ?? "other", at: frame.startedAt };
  };
  for (const event of events) {
    if (event.type === "task.started") {
      begun.set(event.sequence, { kind: event.data.kind, at: event.at });
    } else if (event.type === "task.completed" || event.type === "task.failed") {
      const start = startOf(event.data.frame);
      const outcome = event.type === "task.completed" ? "completed" : "failed";
      if (start !== undefined) metrics.step(start.kind, outcome, event.at - start.at);
    }
  }
}
