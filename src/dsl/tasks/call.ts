import { InvalidDefinitionError } from "../../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { functionResourceAt, namesResource } from "../catalog.ts";
import { closestTo } from "../did-you-mean.ts";
import { anyObjectOf, textOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import { readDocument } from "../read-definition.ts";
import { Report } from "../report.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { readsOf } from "../template.ts";
import type { CallTask, Task, TaskBase, Template } from "../workflow.ts";
import { readCallGrpc } from "./call-grpc.ts";
import { readCallHttp } from "./call-http.ts";
import { readCallOpenApi } from "./call-openapi.ts";
import { isService, readCallService } from "./call-service.ts";

export const CALL_MEMBERS = ["call", "with"];
const BUILT_IN_CALLS = ["http", "openapi", "grpc", "asyncapi", "a2a", "mcp"];
const CODE_FUNCTION = /^[A-Za-z][\w.-]*$/;
/** Bodies are copied to each call: functions that call functions could multiply without end. */
const MAX_TASKS = 20_000;

/** `call`: a built-in protocol, a function of `use.functions`, or a TypeScript function, in this order. */
export function readCall(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): CallTask {
  const at = pointerOf(place.pointer, "call");
  const name = textOf(definition.call, at, "`call`", scope.report);
  if (name === "http") return readCallHttp(base, definition, place, scope);
  if (name === "openapi") return readCallOpenApi(base, definition, place, scope);
  if (isService(name)) return readCallService(name, base, definition, place, scope);
  if (isJsonObject(scope.use.functions) && Object.hasOwn(scope.use.functions, name)) {
    return readCallFunction(base, definition, name, place, scope);
  }
  if (name === "grpc") return readCallGrpc(base, definition, place, scope);
  if (namesResource(name)) return readCallElsewhere(base, definition, name, place, scope);
  if (name !== "" && !isRunnable(name, at, scope)) {
    return { ...base, kind: "call", call: "code", function: name, with: null, isLate: false, authentication: null };
  }
  const input = inputOf(definition, place, scope, true);
  const late = input !== null && readsOf(input).includes("secrets");
  return { ...base, kind: "call", call: "code", function: name, with: input, isLate: late, authentication: null };
}

/** False, reported, when this version has no way to run it: its `with` is then left alone. */
function isRunnable(name: string, pointer: string, { report, use }: Scope): boolean {
  if (!CODE_FUNCTION.test(name)) {
    report.issue(pointer, `"${name}" is no name of a function: a letter, then letters, digits, "_", "." and "-"`);
  } else {
    warnOfTypo(name, pointer, { report, use });
    return true;
  }
  return false;
}

function warnOfTypo(name: string, pointer: string, { report, use }: Pick<Scope, "report" | "use">): void {
  const functions = isJsonObject(use.functions) ? Object.keys(use.functions) : [];
  const close = closestTo(name, [...BUILT_IN_CALLS, ...functions]);
  if (close !== undefined)
    report.warning(pointer, `"${name}" is taken as a TypeScript function; did you mean "${close}"?`);
}

function readCallFunction(
  base: TaskBase,
  definition: JsonObject,
  name: string,
  place: TaskPlace,
  scope: Scope,
): CallTask {
  const input = inputOf(definition, place, scope, false);
  const body = (scope.use.functions as JsonObject)[name] ?? null;
  const refusal = refusalOf(name, scope);
  if (refusal !== undefined) {
    scope.report.issue(pointerOf(place.pointer, "call"), refusal);
    return { ...base, kind: "call", call: "code", function: name, with: input, isLate: false, authentication: null };
  }
  const inside: TaskPlace = {
    pointer: pointerOf("/use/functions", name),
    key: `${place.key}#function`,
    reference: place.reference,
    inFunction: true,
  };
  const task = scope.readTask(body, name, inside, [], { ...scope, enclosing: [], calls: [...scope.calls, name] });
  return { ...base, kind: "call", call: "function", function: name, with: input, body: task };
}

function refusalOf(name: string, { calls, byKey }: Scope): string | undefined {
  if (calls.includes(name)) {
    const cycle = [...calls.slice(calls.indexOf(name)), name];
    return `function "${name}" calls itself (${cycle.join(" → ")}), so it would never end`;
  }
  return byKey.size > MAX_TASKS
    ? `the definition has more than ${MAX_TASKS} tasks, counting the body of a function once for each call`
    : undefined;
}

/** A function of a catalog, or at a URL: its document is compiled once it is at hand. It knows nothing of the `use` of who calls it. */
function readCallElsewhere(
  base: TaskBase,
  definition: JsonObject,
  name: string,
  place: TaskPlace,
  scope: Scope,
): CallTask {
  const input = inputOf(definition, place, scope, false);
  const call = { ...base, kind: "call", call: "function", function: name, with: input } as const;
  const resource = functionResourceAt(name, pointerOf(place.pointer, "call"), scope);
  if (resource === null) return { ...call, body: null };
  const content = scope.resources.get(resource.uri);
  if (content === undefined) return { ...call, body: null, needs: [...base.needs, resource] };
  return { ...call, body: bodyElsewhere(content, name, resource.uri, place, scope) };
}

function bodyElsewhere(content: string, name: string, uri: string, place: TaskPlace, scope: Scope): Task | string {
  const refusal = refusalOf(uri, scope);
  if (refusal !== undefined) return refusal;
  const report = new Report();
  const inside: TaskPlace = {
    pointer: "",
    key: `${place.key}#function`,
    reference: place.reference,
    inFunction: true,
  };
  const foreign = { ...scope, report, use: {}, taskNames: new Map(), enclosing: [], loose: false, isForeign: true };
  try {
    const document = readDocument(content, "a function");
    const task = scope.readTask(document, name, inside, [], { ...foreign, calls: [...scope.calls, uri] });
    const [issue] = report.issues;
    return issue === undefined ? task : `function ${name}: ${issue.pointer || "/"}: ${issue.message}`;
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return `function ${name}: ${error.message}`;
    throw error;
  }
}

/** `secrets`: whether `with` may read them. The input of a function of `use.functions` is written to the history. */
function inputOf(definition: JsonObject, place: TaskPlace, scope: Scope, secrets: boolean): Template | null {
  if (definition.with === undefined) return null;
  const pointer = pointerOf(place.pointer, "with");
  const value: Json | undefined = anyObjectOf(definition.with, pointer, "`with`", scope.report);
  return value === undefined ? null : templateAt(value, pointer, "taskDefinition", scope, secrets);
}
