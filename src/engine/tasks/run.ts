import { renderTemplate } from "../../dsl/template.ts";
import type { RunWorkflowTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { fault } from "../fault.ts";
import { definitionScope } from "../flow.ts";
import { recordable } from "../limits.ts";
import { ask } from "./ask.ts";

/** A child execution is asked for. It answers when it has ended or, when nobody waits for that, once it has started. */
export function enterRun(turn: Turn<RunWorkflowTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const depth = state.parent?.depth ?? 0;
  if (depth >= situation.childDepth) {
    throw fault(
      "configuration",
      `workflows run by workflows nest at most ${situation.childDepth} deep (CHILD_DEPTH_MAX)`,
    );
  }
  const args = definitionScope(state, situation, frame, task);
  return ask(turn, {
    kind: "workflow",
    child: { ...task.workflow, await: task.await },
    with: recordable(
      task.with === null ? {} : renderTemplate(task.with, frame.input, args, situation),
      "the input",
      situation,
    ),
  });
}
