import { renderTemplate } from "../../dsl/template.ts";
import type { SetTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { definitionScope, finish } from "../flow.ts";

/** The output is exactly the given value: no merge. */
export function enterSet({ state, situation, frame, task }: Turn<SetTask>): readonly Draft[] {
  const args = definitionScope(state, situation, frame, task);
  return finish(state, situation, frame, task, renderTemplate(task.set, frame.input, args, situation));
}
