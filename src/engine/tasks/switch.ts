import type { SwitchTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { definitionScope, finish } from "../flow.ts";
import { isTrue } from "../scope.ts";

/** First case that holds; the default wherever it is listed; else the task's own `then`. The output is the input. */
export function enterSwitch({ state, situation, frame, task }: Turn<SwitchTask>): readonly Draft[] {
  const args = definitionScope(state, situation, frame, task);
  const hit =
    task.cases.find(({ when }) => when !== null && isTrue(when, frame.input, args, situation)) ??
    task.cases.find(({ when }) => when === null);
  return finish(state, situation, frame, task, frame.input, hit === undefined ? {} : { then: hit.then });
}
