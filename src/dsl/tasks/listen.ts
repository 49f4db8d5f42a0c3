import { READ_AS } from "../../values/cloud-event.ts";
import type { JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { NO_STRATEGY, strategyAt } from "../event-strategy.ts";
import { anyObjectOf, choiceOf, objectOf } from "../fields.ts";
import { placeIn, type Scope, type TaskPlace } from "../scope.ts";
import type { ListenTask, TaskBase } from "../workflow.ts";
import { foreachAt } from "./foreach.ts";

export const LISTEN_MEMBERS = ["listen", "foreach"];
const LISTEN = { what: "`listen`", allowed: ["to", "read"], required: ["to"] };

export function readListen(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): ListenTask {
  const pointer = pointerOf(place.pointer, "listen");
  const { to, read } = objectOf(definition.listen, pointer, LISTEN, scope.report);
  const strategy = to === undefined ? undefined : anyObjectOf(to, `${pointer}/to`, "`to`", scope.report);
  return {
    ...base,
    kind: "listen",
    ...(strategy === undefined ? NO_STRATEGY : strategyAt(strategy, `${pointer}/to`, "taskDefinition", scope)),
    read: choiceOf(read, `${pointer}/read`, "`read`", READ_AS, scope.report),
    foreach: definition.foreach === undefined ? null : foreachAt(definition.foreach, placeIn(place, "foreach"), scope),
  };
}
