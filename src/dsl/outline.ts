import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";

/** What can be said about a document before it is read, whatever is wrong with it. */
export interface Outline {
  /** Every task name and where it first stands. */
  readonly taskNames: ReadonlyMap<string, string>;
  /** Every variable some loop or handler binds, without `$`. */
  readonly variables: readonly string[];
}

export function outlineOf(document: JsonObject): Outline {
  const taskNames = new Map<string, string>();
  const variables = new Set(["item", "index", "error"]);
  const visitList = (list: Json | undefined, pointer: string): void => {
    if (!Array.isArray(list)) return;
    for (const [index, item] of list.entries()) {
      for (const [name, task] of Object.entries(isJsonObject(item) ? item : {})) {
        const at = pointerOf(pointer, index, name);
        if (!taskNames.has(name)) taskNames.set(name, at);
        visitTask(task, at);
      }
    }
  };
  const visitTask = (task: Json, at: string): void => {
    if (!isJsonObject(task)) return;
    const { for: loop, catch: handler, fork, foreach } = task;
    const bound = [boundBy(loop, ["each", "at"]), boundBy(handler, ["as"]), boundBy(foreach, ["item", "at"])];
    for (const name of bound.flat()) variables.add(name);
    visitList(task.do, `${at}/do`);
    visitList(task.try, `${at}/try`);
    visitList(isJsonObject(handler) ? handler.do : undefined, `${at}/catch/do`);
    visitList(isJsonObject(foreach) ? foreach.do : undefined, `${at}/foreach/do`);
    visitList(isJsonObject(fork) ? fork.branches : undefined, `${at}/fork/branches`);
  };
  visitList(document.do, "/do");
  const functions = isJsonObject(document.use) ? document.use.functions : undefined;
  for (const [name, task] of Object.entries(isJsonObject(functions) ? functions : {})) {
    visitTask(task, pointerOf("/use/functions", name));
  }
  const extensions = isJsonObject(document.use) ? document.use.extensions : undefined;
  for (const [index, item] of (Array.isArray(extensions) ? (extensions as readonly Json[]) : []).entries()) {
    for (const [name, extension] of Object.entries(isJsonObject(item) ? item : {})) {
      if (!isJsonObject(extension)) continue;
      const at = pointerOf("/use/extensions", index, name);
      visitList(extension.before, `${at}/before`);
      visitList(extension.after, `${at}/after`);
    }
  }
  return { taskNames, variables: [...variables] };
}

function boundBy(value: Json | undefined, keys: readonly string[]): string[] {
  if (!isJsonObject(value)) return [];
  return keys.map((key) => value[key]).filter((name): name is string => typeof name === "string");
}
