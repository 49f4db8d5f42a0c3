import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { kindOf, listAt, objectOf } from "../fields.ts";
import { thenAt } from "../flow.ts";
import { optionalProgramAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import type { SwitchTask, TaskBase } from "../workflow.ts";

export const SWITCH_MEMBERS = ["switch"];
const CASE = { what: "a case of a switch", allowed: ["when", "then"], required: ["then"] };
type Case = SwitchTask["cases"][number];

/** `siblings`: names of the switch's own list, which its cases may go to. */
export function readSwitch(
  base: TaskBase,
  definition: JsonObject,
  place: TaskPlace,
  scope: Scope,
  siblings: readonly string[],
): SwitchTask {
  const pointer = pointerOf(place.pointer, "switch");
  const items = listAt(definition.switch, pointer, "`switch`", scope.report);
  if (Array.isArray(definition.switch) && items.length === 0) scope.report.issue(pointer, "a switch needs a case");
  const cases = items.flatMap((item, index) => readItem(item, pointerOf(pointer, index), scope, siblings));
  reportDefaults(items, pointer, scope);
  const readsSecrets = cases.some(({ when }) => when?.reads.includes("secrets") === true);
  return { ...base, kind: "switch", cases, readsSecrets };
}

function readItem(item: Json, pointer: string, scope: Scope, siblings: readonly string[]): readonly Case[] {
  const entries = Object.entries(isJsonObject(item) ? item : {});
  if (entries.length !== 1) {
    const found = isJsonObject(item) ? `this one has ${entries.length} names` : `this is ${kindOf(item)}`;
    scope.report.issue(pointer, `an item of \`switch\` is one named case; ${found}`);
  }
  return entries.map(([name, value]) => {
    const at = pointerOf(pointer, name);
    const { when, then } = objectOf(value, at, CASE, scope.report);
    return {
      name,
      when: optionalProgramAt(when, `${at}/when`, "taskDefinition", scope, true),
      then: thenAt(then, `${at}/then`, siblings, scope),
    };
  });
}

function reportDefaults(items: readonly Json[], pointer: string, { report }: Scope): void {
  const defaults = items.flatMap((item, index) =>
    Object.entries(isJsonObject(item) ? item : {})
      .filter(([, value]) => isJsonObject(value) && value.when === undefined)
      .map(([name]) => ({ name, at: pointerOf(pointer, index, name) })),
  );
  const first = defaults[0]?.name;
  for (const { name, at } of defaults.slice(1)) {
    report.issue(at, `a switch has one default (a case without \`when\`): "${name}" is a second one after "${first}"`);
  }
}
