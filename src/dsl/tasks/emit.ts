import { isOwnEventType } from "../../values/cloud-event.ts";
import type { JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { checkAttributeNames } from "../event-strategy.ts";
import { anyObjectOf, objectOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import type { EmitTask, TaskBase } from "../workflow.ts";

export const EMIT_MEMBERS = ["emit"];
const EMIT = { what: "`emit`", allowed: ["event"], required: ["event"] };
const EVENT = { what: "`event`", allowed: ["with"], required: ["with"] };

export function readEmit(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): EmitTask {
  const pointer = pointerOf(place.pointer, "emit");
  const { event } = objectOf(definition.emit, pointer, EMIT, scope.report);
  const at = `${pointer}/event`;
  const { with: given = {} } = event === undefined ? {} : objectOf(event, at, EVENT, scope.report);
  const attributes = anyObjectOf(given, `${at}/with`, "`with`", scope.report) ?? {};
  checkAttributeNames(attributes, `${at}/with`, scope.report);
  if (attributes.type === undefined && event !== undefined) scope.report.issue(`${at}/with`, 'an event needs a "type"');
  if (typeof attributes.type === "string" && isOwnEventType(attributes.type)) {
    scope.report.issue(`${at}/with/type`, 'types that begin with "io.flunq." are those of histories: choose another');
  }
  return { ...base, kind: "emit", event: templateAt(attributes, `${at}/with`, "taskDefinition", scope) };
}
