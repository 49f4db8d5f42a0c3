import type { Task } from "../dsl/workflow.ts";
import { type Draft, decided } from "./draft.ts";
import { problemFrom } from "./fault.ts";
import { frameView, openingOf } from "./flow.ts";
import { type Situation, taskScope } from "./scope.ts";
import { type ExecutionState, type Frame, frameOf, ROOT } from "./state.ts";

/** The resources are pinned: what waited for them begins, or fails as it would have at once. */
export function prepared(
  state: ExecutionState,
  situation: Situation,
  frame: Frame,
  task: Task | null,
  asked: number,
): readonly Draft[] {
  const source = "executor-service";
  if (task === null) return [{ type: "task.prepared", source, data: { task: "", frame: ROOT, asked } }];
  // What was pinned before the answer is read after it.
  if (task.needs.length > 0) throw new Error(`the resources of task "${task.key}" are not pinned`);
  const of = { task: frame.task, frame: frame.id };
  try {
    const parent = frameOf(state, frame.parent);
    const view = frameView(task, frame);
    const { begun, timeout } = openingOf(
      state,
      situation,
      parent,
      task,
      view,
      taskScope(state, situation, parent, view),
    );
    return [
      { type: "task.prepared", source, data: { ...of, asked, ...begun } },
      ...(timeout === undefined
        ? []
        : [decided("timer.scheduled", { ...of, purpose: "timeout", fireAt: timeout.fireAt })]),
    ];
  } catch (thrown) {
    return [{ type: "task.failed", source, data: { ...of, error: problemFrom(thrown, frame.task), asked } }];
  }
}
