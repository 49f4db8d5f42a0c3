import type { SwitchTask } from "../../dsl/workflow.ts";
import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import type { Json } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { definitionScope, finish } from "../flow.ts";
import { isTrue } from "../scope.ts";
import { ask, deferred } from "./ask.ts";

/** First case that holds; the default wherever it is listed; else the task's own `then`. The output is the input. */
export function enterSwitch(turn: Turn<SwitchTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const args = definitionScope(state, situation, frame, task);
  if (!task.readsSecrets) return chosen(turn, caseThatHolds(task, frame.input, args, situation));
  const reads = task.cases.flatMap(({ when }) => when?.reads ?? []);
  return ask(turn, { kind: "evaluate", ...deferred(turn, args, reads) });
}

/** Goes where the case at `place` says; null: no case holds. @param asked the executor that told. */
export function chosen(
  { state, situation, frame, task }: Turn<SwitchTask>,
  place: Json,
  asked?: number,
): readonly Draft[] {
  const hit = typeof place === "number" ? task.cases[place] : undefined;
  return finish(state, situation, frame, task, frame.input, {
    ...(hit === undefined ? {} : { then: hit.then }),
    ...(asked === undefined ? {} : { asked }),
  });
}

/** Its place, from 0; null when none does. @throws {ExpressionError} */
export function caseThatHolds(
  { cases }: SwitchTask,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): number | null {
  const hit = cases.findIndex(({ when }) => when !== null && isTrue(when, input, args, time));
  const place = hit === -1 ? cases.findIndex(({ when }) => when === null) : hit;
  return place === -1 ? null : place;
}
