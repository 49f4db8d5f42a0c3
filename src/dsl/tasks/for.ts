import type { Json, JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { objectOf } from "../fields.ts";
import { optionalProgramAt, programAt, templateAt, variableNameAt } from "../programs.ts";
import { placeIn, type Scope, type TaskPlace, within } from "../scope.ts";
import type { ForTask, TaskBase, Template } from "../workflow.ts";

export const FOR_MEMBERS = ["for", "while", "do"];
const LOOP = { what: "`for`", allowed: ["each", "in", "at"] };

export function readFor(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): ForTask {
  const pointer = pointerOf(place.pointer, "for");
  const loop = objectOf(definition.for, pointer, LOOP, scope.report);
  const each = variableNameAt(loop.each, `${pointer}/each`, "item", scope.report);
  const at = variableNameAt(loop.at, `${pointer}/at`, "index", scope.report);
  if (each === at) scope.report.issue(pointer, `the item and its index cannot both be called "$${at}"`);
  const inside = within(scope, [each, at]);
  if (definition.do === undefined) scope.report.issue(place.pointer, 'a "for" task needs "do"');
  return {
    ...base,
    kind: "for",
    in: itemsAt(loop.in, `${pointer}/in`, scope),
    each,
    at,
    while: optionalProgramAt(definition.while, pointerOf(place.pointer, "while"), "taskDefinition", inside),
    do: definition.do === undefined ? [] : scope.readList(definition.do, placeIn(place, "do"), inside),
  };
}

/** An expression, or the items themselves, which may hold expressions. */
function itemsAt(value: Json | undefined, pointer: string, scope: Scope): Template {
  if (Array.isArray(value)) return templateAt(value, pointer, "taskDefinition", scope);
  return { kind: "expression", program: programAt(value, pointer, "taskDefinition", scope) };
}
