import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { didYouMean } from "../did-you-mean.ts";
import { extensionsAround } from "../extensions.ts";
import { anyObjectOf, kindOf, listAt, listOf, objectOf } from "../fields.ts";
import { inputFlowAt, outputFlowAt, thenAt, timeoutAt } from "../flow.ts";
import { optionalProgramAt } from "../programs.ts";
import { missingFrom } from "../resource.ts";
import { placeIn, type Scope, type TaskPlace } from "../scope.ts";
import type { Task, TaskBase, TaskList } from "../workflow.ts";
import { CALL_MEMBERS, readCall } from "./call.ts";
import { DO_MEMBERS, readDo } from "./do.ts";
import { EMIT_MEMBERS, readEmit } from "./emit.ts";
import { FOR_MEMBERS, readFor } from "./for.ts";
import { FORK_MEMBERS, readFork } from "./fork.ts";
import { LISTEN_MEMBERS, readListen } from "./listen.ts";
import { RAISE_MEMBERS, readRaise } from "./raise.ts";
import { RUN_MEMBERS, readRun } from "./run.ts";
import { readSet, SET_MEMBERS } from "./set.ts";
import { readSwitch, SWITCH_MEMBERS } from "./switch.ts";
import { readTry, TRY_MEMBERS } from "./try.ts";
import { readWait, WAIT_MEMBERS } from "./wait.ts";

type TaskReader = (
  base: TaskBase,
  definition: JsonObject,
  place: TaskPlace,
  scope: Scope,
  siblings: readonly string[],
) => Task | undefined;

/** A task is of the first kind whose name it has as a member: `for` stands before `do`, which is also a member of it. */
const KINDS: ReadonlyMap<string, { readonly members: readonly string[]; readonly read: TaskReader }> = new Map([
  ["call", { members: CALL_MEMBERS, read: readCall }],
  ["emit", { members: EMIT_MEMBERS, read: readEmit }],
  ["for", { members: FOR_MEMBERS, read: readFor }],
  ["fork", { members: FORK_MEMBERS, read: readFork }],
  ["listen", { members: LISTEN_MEMBERS, read: readListen }],
  ["raise", { members: RAISE_MEMBERS, read: readRaise }],
  ["run", { members: RUN_MEMBERS, read: readRun }],
  ["set", { members: SET_MEMBERS, read: readSet }],
  ["switch", { members: SWITCH_MEMBERS, read: readSwitch }],
  ["try", { members: TRY_MEMBERS, read: readTry }],
  ["wait", { members: WAIT_MEMBERS, read: readWait }],
  ["do", { members: DO_MEMBERS, read: readDo }],
]);
const ALL_KINDS: readonly string[] = [...KINDS.keys()].sort();
const COMMON_MEMBERS: readonly string[] = ["if", "input", "output", "export", "timeout", "then", "metadata"];
const DIRECTIVES: readonly string[] = ["continue", "exit", "end"];

export function readTaskList(value: Json | undefined, place: TaskPlace, scope: Scope, alone = false): TaskList {
  const items = listAt(value, place.pointer, "a list of tasks", scope.report);
  const entries = items.flatMap((item, index) => entriesOf(item, place, index, scope));
  const names = entries.map(({ name }) => name);
  for (const [position, { name, at }] of entries.entries()) reportName(name, position, names, at, scope);
  return entries.map(({ name, definition, at }) => readTask(definition, name, at, alone ? [] : names, scope));
}

export function readTask(value: Json, name: string, place: TaskPlace, siblings: readonly string[], scope: Scope): Task {
  const definition = anyObjectOf(value, place.pointer, "a task", scope.report) ?? {};
  const kind = isJsonObject(value) ? kindOfTask(definition, place, scope) : undefined;
  const reader = kind === undefined ? undefined : KINDS.get(kind);
  if (reader !== undefined) {
    const allowed = [...reader.members, ...COMMON_MEMBERS];
    objectOf(definition, place.pointer, { what: `a "${kind}" task`, allowed }, scope.report);
  }
  const base = baseOf(definition, name, place, siblings, scope);
  const own: Task = reader?.read(base, definition, place, scope, siblings) ?? { ...base, kind: "do", do: [] };
  const task = { ...own, extensions: extensionsAround(own.kind, place, scope) };
  scope.byKey.set(task.key, task);
  return task;
}

function entriesOf(item: Json, place: TaskPlace, index: number, scope: Scope) {
  const entries = Object.entries(isJsonObject(item) ? item : {});
  if (entries.length !== 1) {
    const found = isJsonObject(item)
      ? entries.length === 0
        ? "this one is empty"
        : `this one has ${entries.length}: ${listOf(entries.map(([name]) => name))} (begin each with its own "-")`
      : `this is ${kindOf(item)}`;
    scope.report.issue(pointerOf(place.pointer, index), `an item of a task list is one named task; ${found}`);
  }
  return entries.map(([name, definition]) => ({ name, definition, at: placeIn(place, index, name) }));
}

function reportName(name: string, position: number, names: readonly string[], at: TaskPlace, { report }: Scope): void {
  if (names.indexOf(name) < position) {
    report.issue(at.pointer, `this list has a task "${name}" already: names must differ within a list`);
  }
  if (DIRECTIVES.includes(name)) {
    report.warning(at.pointer, `no \`then\` can name this task: "${name}" is a flow directive`);
  }
}

/** The kind, or undefined when there is none this version runs (reported). */
function kindOfTask(definition: JsonObject, place: TaskPlace, { report }: Scope): string | undefined {
  const given = ALL_KINDS.filter((kind) => Object.hasOwn(definition, kind));
  const kinds = given.includes("for") ? given.filter((kind) => kind !== "do") : given;
  const [kind] = kinds;
  if (kinds.length > 1) report.issue(place.pointer, `a task is of one kind; this one has ${listOf(kinds)}`);
  else if (kind === undefined) reportNoKind(definition, place, report);
  return kinds.length === 1 ? kind : undefined;
}

function reportNoKind(definition: JsonObject, place: TaskPlace, report: Scope["report"]): void {
  const unknown = Object.keys(definition).filter((key) => !COMMON_MEMBERS.includes(key));
  const hint = unknown.map((key) => didYouMean(key, ALL_KINDS)).find((each) => each !== "");
  const found = unknown.length === 0 ? "none" : `only ${listOf(unknown)}`;
  report.issue(place.pointer, `a task needs one of ${listOf(ALL_KINDS)}; this one has ${found}${hint ?? ""}`);
}

function baseOf(
  definition: JsonObject,
  name: string,
  place: TaskPlace,
  siblings: readonly string[],
  scope: Scope,
): TaskBase {
  const at = (member: string) => pointerOf(place.pointer, member);
  if (definition.metadata !== undefined) anyObjectOf(definition.metadata, at("metadata"), "`metadata`", scope.report);
  const input = inputFlowAt(definition.input, at("input"), "taskInput", scope);
  const output = outputFlowAt(definition.output, at("output"), "`output`", "taskOutput", scope);
  const exported = outputFlowAt(definition.export, at("export"), "`export`", "taskExport", scope);
  return {
    key: place.key,
    reference: place.reference,
    name,
    definition,
    if: optionalProgramAt(definition.if, at("if"), "taskInput", scope),
    input,
    output,
    export: exported,
    needs: missingFrom([input.schema, output.schema, exported.schema]),
    timeout: timeoutAt(definition.timeout, at("timeout"), "taskDefinition", scope),
    then: thenAt(definition.then, at("then"), siblings, scope),
    extensions: [],
  };
}
