import type { Json } from "../../values/json.ts";
import { objectOf } from "../fields.ts";
import { outputFlowAt } from "../flow.ts";
import { variableNameAt } from "../programs.ts";
import { placeIn, type Scope, type TaskPlace, within } from "../scope.ts";
import type { Foreach } from "../workflow.ts";

const FOREACH = { what: "`foreach`", allowed: ["item", "at", "do", "output", "export"] };

/** The `foreach` of a listen task, or of a subscription to messages. */
export function foreachAt(value: Json, place: TaskPlace, scope: Scope): Foreach {
  const foreach = objectOf(value, place.pointer, FOREACH, scope.report);
  const item = variableNameAt(foreach.item, `${place.pointer}/item`, "item", scope.report);
  const at = variableNameAt(foreach.at, `${place.pointer}/at`, "index", scope.report);
  if (item === at) scope.report.issue(place.pointer, `the item and its index cannot both be called "$${at}"`);
  const inside = within(scope, [item, at]);
  return {
    item,
    at,
    do: foreach.do === undefined ? [] : scope.readList(foreach.do, placeIn(place, "do"), inside),
    output: outputFlowAt(foreach.output, `${place.pointer}/output`, "`output`", "taskOutput", inside),
    export: outputFlowAt(foreach.export, `${place.pointer}/export`, "`export`", "taskExport", inside),
  };
}
