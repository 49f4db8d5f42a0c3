import type { JsonObject } from "../../values/json.ts";
import { placeIn, type Scope, type TaskPlace } from "../scope.ts";
import type { DoTask, TaskBase } from "../workflow.ts";

export const DO_MEMBERS = ["do"];

export function readDo(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): DoTask {
  return { ...base, kind: "do", do: scope.readList(definition.do, placeIn(place, "do"), scope) };
}
