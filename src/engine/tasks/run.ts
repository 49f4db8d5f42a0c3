import { renderProcess } from "../../dsl/tasks/run.ts";
import { readsOf, renderTemplate } from "../../dsl/template.ts";
import type { RunProcessTask, RunTask, RunWorkflowTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { fault } from "../fault.ts";
import { definitionScope } from "../flow.ts";
import { recordable } from "../limits.ts";
import { ask, deferred } from "./ask.ts";

export function enterRun(turn: Turn<RunTask>): readonly Draft[] {
  const { task } = turn;
  return task.run === "workflow" ? enterWorkflow({ ...turn, task }) : enterProcess({ ...turn, task });
}

/** A process is an activity like a call; what reads `$secrets` is left to the executor. */
function enterProcess(turn: Turn<RunProcessTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const args = definitionScope(state, situation, frame, task);
  const what = task.readsSecrets
    ? deferred(turn, args, readsOf(task.with))
    : { with: renderProcess(task, frame.input, args, situation) };
  return ask(turn, { kind: task.run, ...recordable(what, "the input", situation) });
}

/** A child execution is asked for. It answers when it has ended or, when nobody waits for that, once it has started. */
function enterWorkflow(turn: Turn<RunWorkflowTask>): readonly Draft[] {
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
