import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { choiceOf, kindOf, listAt, listOf, objectOf } from "./fields.ts";
import { optionalProgramAt } from "./programs.ts";
import type { Scope, TaskPlace } from "./scope.ts";
import type { Extension, Task, TaskList } from "./workflow.ts";

const EXTENSION = { what: "an extension", allowed: ["extend", "when", "before", "after"], required: ["extend"] };
const TARGETS = [
  "all",
  "composite",
  "call",
  "emit",
  "for",
  "listen",
  "raise",
  "run",
  "set",
  "switch",
  "try",
  "wait",
] as const;
const COMPOSITES: readonly string[] = ["do", "fork"];
/** The tasks of an extension are copied to each task it extends: together they could multiply without end. */
const MAX_TASKS = 20_000;

/** Looks at `use.extensions`, used or not. */
export function checkExtensions(value: Json | undefined, scope: Scope): void {
  if (value === undefined) return;
  const items = listAt(value, "/use/extensions", "`use.extensions`", scope.report);
  for (const [index, item] of items.entries()) {
    const names = Object.keys(isJsonObject(item) ? item : {});
    if (names.length !== 1) {
      const found = isJsonObject(item) ? (names.length === 0 ? "none" : listOf(names)) : kindOf(item);
      scope.report.issue(
        pointerOf("/use/extensions", index),
        `an item of \`use.extensions\` is one named extension; this one has ${found}`,
      );
    }
  }
  const place = { pointer: "", key: "/use", reference: "", inFunction: false };
  for (const each of declared(scope)) readExtension(each, place, scope);
}

/** The extensions around a task of a kind, in declared order. Their own tasks are not extended. */
export function extensionsAround(kind: Task["kind"], place: TaskPlace, scope: Scope): readonly Extension[] {
  if (!scope.extended) return [];
  return declared(scope)
    .filter(({ definition }) => extendsKind(definition.extend, kind))
    .flatMap((each) => {
      if (scope.byKey.size <= MAX_TASKS) return [readExtension(each, place, scope)];
      scope.report.issue(
        each.pointer,
        `the definition has more than ${MAX_TASKS} tasks, counting those of an extension once for each task it extends`,
      );
      return [];
    });
}

interface Declared {
  readonly name: string;
  readonly pointer: string;
  readonly index: number;
  readonly definition: JsonObject;
}

function declared({ use }: Scope): readonly Declared[] {
  const items: readonly Json[] = Array.isArray(use.extensions) ? use.extensions : [];
  return items.flatMap((item, index) =>
    Object.entries(isJsonObject(item) ? item : {}).map(([name, definition]) => ({
      name,
      index,
      pointer: pointerOf("/use/extensions", index, name),
      definition: isJsonObject(definition) ? definition : {},
    })),
  );
}

function extendsKind(target: Json | undefined, kind: Task["kind"]): boolean {
  return target === "all" || target === kind || (target === "composite" && COMPOSITES.includes(kind));
}

function readExtension({ name, pointer, index, definition }: Declared, around: TaskPlace, scope: Scope): Extension {
  objectOf(definition, pointer, EXTENSION, scope.report);
  if (definition.extend !== undefined) {
    choiceOf(definition.extend, `${pointer}/extend`, "`extend`", TARGETS, scope.report);
  }
  // It stands outside of every loop and handler, and is no place of the task it extends.
  const inside: Scope = { ...scope, extended: false, enclosing: [] };
  const listAtPlace = (section: "before" | "after"): TaskList => {
    if (definition[section] === undefined) return [];
    const at = pointerOf(pointer, section);
    const place = { pointer: at, key: `${around.key}#extension/${index}/${section}`, reference: at, inFunction: false };
    return scope.readList(definition[section], place, inside);
  };
  return {
    name,
    when: optionalProgramAt(definition.when, `${pointer}/when`, "taskDefinition", inside),
    before: listAtPlace("before"),
    after: listAtPlace("after"),
  };
}
