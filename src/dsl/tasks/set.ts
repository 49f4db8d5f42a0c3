import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { kindOf } from "../fields.ts";
import { isExpression, templateAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { readsOf } from "../template.ts";
import type { SetTask, TaskBase } from "../workflow.ts";

export const SET_MEMBERS = ["set"];

export function readSet(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): SetTask {
  const pointer = pointerOf(place.pointer, "set");
  const value = definition.set ?? null;
  checkValue(value, pointer, scope);
  const set = templateAt(value, pointer, "taskDefinition", scope, true);
  return { ...base, kind: "set", set, readsSecrets: readsOf(set).includes("secrets") };
}

function checkValue(value: Json, pointer: string, scope: Scope): void {
  const { report } = scope;
  if (typeof value === "string") {
    if (isExpression(value, "taskDefinition", scope)) return;
    report.warning(pointer, `sets the output to ${kindOf(value)} itself; an expression is written as \${ ${value} }`);
  } else if (!isJsonObject(value)) {
    report.issue(pointer, `\`set\` must be an object or one expression, not ${kindOf(value)}`);
  } else if (Object.keys(value).length === 0) {
    report.issue(pointer, "`set` needs at least one member; an empty object is written as ${ {} }");
  }
}
