import { READ_AS } from "../../values/cloud-event.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { NO_STRATEGY, strategyAt } from "../event-strategy.ts";
import { anyObjectOf, choiceOf, objectOf } from "../fields.ts";
import { outputFlowAt } from "../flow.ts";
import { variableNameAt } from "../programs.ts";
import { placeIn, type Scope, type TaskPlace, within } from "../scope.ts";
import type { ListenForeach, ListenTask, TaskBase } from "../workflow.ts";

export const LISTEN_MEMBERS = ["listen", "foreach"];
const LISTEN = { what: "`listen`", allowed: ["to", "read"], required: ["to"] };
const FOREACH = { what: "`foreach`", allowed: ["item", "at", "do", "output", "export"] };

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

function foreachAt(value: Json, place: TaskPlace, scope: Scope): ListenForeach {
  const foreach = objectOf(value, place.pointer, FOREACH, scope.report);
  const item = variableNameAt(foreach.item, `${place.pointer}/item`, "item", scope.report);
  const at = variableNameAt(foreach.at, `${place.pointer}/at`, "index", scope.report);
  if (item === at) scope.report.issue(place.pointer, `the event and its index cannot both be called "$${at}"`);
  const inside = within(scope, [item, at]);
  return {
    item,
    at,
    do: foreach.do === undefined ? [] : scope.readList(foreach.do, placeIn(place, "do"), inside),
    output: outputFlowAt(foreach.output, `${place.pointer}/output`, "`output`", "taskOutput", inside),
    export: outputFlowAt(foreach.export, `${place.pointer}/export`, "`export`", "taskExport", inside),
  };
}
