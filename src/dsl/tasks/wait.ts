import type { JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { durationAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import type { TaskBase, WaitTask } from "../workflow.ts";

export const WAIT_MEMBERS = ["wait"];

export function readWait(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): WaitTask {
  const pointer = pointerOf(place.pointer, "wait");
  return { ...base, kind: "wait", wait: durationAt(definition.wait, pointer, "taskDefinition", scope) };
}
