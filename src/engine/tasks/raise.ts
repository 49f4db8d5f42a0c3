import { renderTemplate } from "../../dsl/template.ts";
import type { RaiseTask } from "../../dsl/workflow.ts";
import { isJsonObject, type Json } from "../../values/json.ts";
import { canonicalErrorType, type Problem } from "../../values/problem.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import { fault } from "../fault.ts";
import { definitionScope } from "../flow.ts";

/** The author's `instance` is overridden with the raising task's pointer. */
export function enterRaise({ state, situation, frame, task }: Turn<RaiseTask>): readonly Draft[] {
  const rendered = renderTemplate(task.error, frame.input, definitionScope(state, situation, frame, task), situation);
  const error = { ...problemOfValue(rendered), instance: task.reference };
  return [decided("task.failed", { task: task.reference, frame: frame.id, error })];
}

function problemOfValue(value: Json): Problem {
  if (!isJsonObject(value)) throw fault("configuration", "the raised error is not an object");
  const { type, status, title, detail } = value;
  if (typeof type !== "string") throw fault("configuration", 'the raised error has no text as its "type"');
  if (typeof status !== "number") throw fault("configuration", 'the raised error has no number as its "status"');
  return {
    type: canonicalErrorType(type),
    status,
    ...(title === undefined || title === null ? {} : { title: textOf(title) }),
    ...(detail === undefined || detail === null ? {} : { detail: textOf(detail) }),
  };
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
