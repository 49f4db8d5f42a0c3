import type { Json, JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { kindOf, objectOf } from "../fields.ts";
import { thenAt } from "../flow.ts";
import { optionalProgramAt, variableNameAt } from "../programs.ts";
import { retryAt } from "../retry.ts";
import { placeIn, type Scope, type TaskPlace, within } from "../scope.ts";
import { expressionOf } from "../template.ts";
import type { Catch, TaskBase, TryTask } from "../workflow.ts";

export const TRY_MEMBERS = ["try", "catch"];
const CATCH = { what: "`catch`", allowed: ["errors", "as", "when", "exceptWhen", "retry", "do", "then"] };
/** Schema 1.0.3 names the last one `details`; later ones `detail`. */
const FILTER = { what: "an error filter", allowed: ["type", "status", "instance", "title", "detail", "details"] };

export function readTry(
  base: TaskBase,
  definition: JsonObject,
  place: TaskPlace,
  scope: Scope,
  siblings: readonly string[],
): TryTask {
  if (definition.catch === undefined) scope.report.issue(place.pointer, 'a "try" task needs "catch"');
  return {
    ...base,
    kind: "try",
    try: scope.readList(definition.try, placeIn(place, "try"), scope),
    catch: catchAt(definition.catch === undefined ? {} : definition.catch, placeIn(place, "catch"), scope, siblings),
  };
}

function catchAt(value: Json, place: TaskPlace, scope: Scope, siblings: readonly string[]): Catch {
  const { pointer } = place;
  const handler = objectOf(value, pointer, CATCH, scope.report);
  const as = variableNameAt(handler.as, `${pointer}/as`, "error", scope.report);
  const inside = within(scope, [as]);
  return {
    with: filterAt(handler.errors, `${pointer}/errors`, scope),
    as,
    when: optionalProgramAt(handler.when, `${pointer}/when`, "taskDefinition", inside),
    exceptWhen: optionalProgramAt(handler.exceptWhen, `${pointer}/exceptWhen`, "taskDefinition", inside),
    retry: retryAt(handler.retry, `${pointer}/retry`, inside),
    do: handler.do === undefined ? null : scope.readList(handler.do, placeIn(place, "do"), inside),
    then: handler.then === undefined ? null : thenAt(handler.then, `${pointer}/then`, siblings, scope),
  };
}

function filterAt(value: Json | undefined, pointer: string, { report }: Scope): JsonObject {
  if (value === undefined) return {};
  const errors = objectOf(value, pointer, { what: "`catch.errors`", allowed: ["with"] }, report);
  if (errors.with === undefined) return {};
  const at = pointerOf(pointer, "with");
  const { details, ...filter } = objectOf(errors.with, at, FILTER, report);
  if (Object.keys(filter).length === 0 && details === undefined) report.issue(at, "an error filter needs a member");
  for (const [key, member] of Object.entries({ ...filter, ...(details === undefined ? {} : { details }) })) {
    reportMember(key, member, pointerOf(at, key), { report });
  }
  return details === undefined || filter.detail !== undefined ? filter : { ...filter, detail: details };
}

function reportMember(key: string, member: Json, pointer: string, { report }: Pick<Scope, "report">): void {
  const valid = key === "status" ? Number.isInteger(member) : typeof member === "string";
  if (!valid) {
    report.issue(pointer, `\`${key}\` must be ${key === "status" ? "a whole number" : "text"}, not ${kindOf(member)}`);
  } else if (typeof member === "string" && expressionOf(member) !== undefined) {
    report.warning(pointer, "an error filter compares this text as it is; put an expression into `catch.when`");
  }
}
