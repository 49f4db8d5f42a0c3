import { readsOf, renderTemplate } from "../../dsl/template.ts";
import type { SetTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { definitionScope, finish } from "../flow.ts";
import { ask, deferred } from "./ask.ts";

/** The output is exactly the given value: no merge. */
export function enterSet(turn: Turn<SetTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const args = definitionScope(state, situation, frame, task);
  if (task.readsSecrets) return ask(turn, { kind: "evaluate", ...deferred(turn, args, readsOf(task.set)) });
  return finish(state, situation, frame, task, renderTemplate(task.set, frame.input, args, situation));
}
