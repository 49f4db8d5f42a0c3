import { renderTemplate } from "../../dsl/template.ts";
import type { RunWorkflowTask } from "../../dsl/workflow.ts";
import { hashOf } from "../../values/ids.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import { fault } from "../fault.ts";
import { definitionScope } from "../flow.ts";

/** A child execution is asked for. It answers when it has ended or, when nobody waits for that, once it has started. */
export function enterRun({ state, situation, frame, task }: Turn<RunWorkflowTask>): readonly Draft[] {
  const depth = state.parent?.depth ?? 0;
  if (depth >= situation.childDepth) {
    throw fault(
      "configuration",
      `workflows run by workflows nest at most ${situation.childDepth} deep (CHILD_DEPTH_MAX)`,
    );
  }
  const args = definitionScope(state, situation, frame, task);
  const data = {
    task: task.reference,
    frame: frame.id,
    activity: {
      kind: "workflow" as const,
      child: { ...task.workflow, await: task.await },
      with: task.with === null ? {} : renderTemplate(task.with, frame.input, args),
    },
    idempotencyKey: hashOf(state.executionId, frame.path).slice(0, 32),
    attempt: frame.requests + 1,
  };
  return [decided("task.requested", data)];
}
