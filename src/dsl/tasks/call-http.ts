import { type EvaluationTime, type ExpressionArguments, ExpressionError } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { authenticationAt } from "../authentication.ts";
import { booleanOf, choiceOf, kindOf, objectOf, textOf } from "../fields.ts";
import { isExpression, templateAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { readsOf, renderTemplate } from "../template.ts";
import type { Authentication, CallHttpTask, TaskBase, Template } from "../workflow.ts";

const OUTPUTS = ["content", "response", "raw"] as const;
const ARGUMENTS = {
  what: "the `with` of an HTTP call",
  allowed: ["method", "endpoint", "headers", "query", "body", "output", "redirect"],
  required: ["method", "endpoint"],
};
const ENDPOINT = { what: "an endpoint", allowed: ["uri", "authentication"], required: ["uri"] };
const METHOD = /^[A-Za-z][A-Za-z-]{0,31}$/;
const HTTP_URI = /^https?:\/\//i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NOT_IN_URI = /[\x00-\x20"'<>\\^`{|}]|%(?![0-9a-f]{2})/i;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** What an HTTP executor is asked to do; everything evaluated. */
export type HttpArguments = {
  /** Upper case. */
  readonly method: string;
  /** Absolute, the URI template expanded; `query` still to be added. */
  readonly endpoint: string;
  readonly headers: { readonly [name: string]: string };
  /** A list is a parameter that is repeated. */
  readonly query: { readonly [name: string]: string | readonly string[] };
  /** Absent: no body. */
  readonly body?: Json;
  readonly output: "content" | "response" | "raw";
  /** Accept 300–399 too, and follow `Location`. */
  readonly redirect: boolean;
};

/** An expression gave something an HTTP call cannot use. The specification's error is expression 400, as for any expression. */
export class HttpArgumentsError extends ExpressionError {}

export function readCallHttp(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): CallHttpTask {
  const pointer = pointerOf(place.pointer, "with");
  const { report } = scope;
  const given = definition.with ?? null;
  const value = objectOf(given, pointer, ARGUMENTS, report);
  if (value.method !== undefined) checkMethod(value.method, `${pointer}/method`, scope);
  if (value.endpoint !== undefined) checkEndpoint(value.endpoint, `${pointer}/endpoint`, scope);
  checkFields(value.headers, `${pointer}/headers`, "`headers`", scope);
  checkFields(value.query, `${pointer}/query`, "`query`", scope);
  choiceOf(value.output, `${pointer}/output`, "`output`", OUTPUTS, report);
  booleanOf(value.redirect, `${pointer}/redirect`, "`redirect`", report);
  const template = templateAt(withoutAuthentication(value), pointer, "taskDefinition", scope, true);
  const policy = ownProperty(value.endpoint, "authentication");
  const authentication = authenticationAt(policy, `${pointer}/endpoint/authentication`, "taskDefinition", scope);
  const late = isLate(template, authentication);
  return { ...base, kind: "call", call: "http", with: template, isLate: late, authentication };
}

/** `$secrets` is to be read, and `$authorization` is known, only where the call is made. */
export function isLate(template: Template, authentication: Authentication | null): boolean {
  const reads = readsOf(template);
  return reads.includes("secrets") || (authentication !== null && reads.includes("authorization"));
}

function withoutAuthentication(value: JsonObject): JsonObject {
  if (!isJsonObject(value.endpoint)) return value;
  const { authentication: _apart, ...endpoint } = value.endpoint;
  return { ...value, endpoint };
}

/**
 * Evaluates the `with` of an HTTP call. Placeholders `{name}` of an endpoint written in the definition are filled with the top-level
 * members of `input` (the task's transformed input), percent-encoded, missing ones with nothing; an endpoint given by an expression
 * is taken as it is.
 *
 * @param args every variable some expression in `with` reads; with `secrets` and `authorization` when `task.isLate`.
 * @throws {ExpressionError} when an expression fails; {@link HttpArgumentsError} when a placeholder stands for an object or a list,
 * or an expression gives an endpoint that is no http(s) URI, or a method, header or query parameter that cannot be one.
 */
export function renderHttpArguments(
  task: CallHttpTask,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): HttpArguments {
  const member = (key: string): Json | undefined => {
    const template = memberOf(task.with, key);
    return template === undefined ? undefined : renderTemplate(template, input, args, time);
  };
  const body = member("body");
  return {
    method: methodFrom(member("method")),
    endpoint: renderEndpoint(memberOf(task.with, "endpoint"), input, args, time),
    headers: textsFrom("headers", member("headers"), textFrom),
    query: textsFrom("query", member("query"), (name, value) =>
      Array.isArray(value) ? value.map((item: Json) => textFrom(name, item)) : textFrom(name, value),
    ),
    ...(body === undefined ? {} : { body }),
    output: OUTPUTS.find((output) => output === member("output")) ?? "content",
    redirect: member("redirect") === true,
  };
}

function checkMethod(value: Json, pointer: string, scope: Scope): void {
  const method = textOf(value, pointer, "`method`", scope.report);
  if (typeof value !== "string" || METHOD.test(method) || isExpression(method, "taskDefinition", scope)) return;
  scope.report.issue(pointer, `"${method}" is no HTTP method`);
}

/** Reports what is wrong with an HTTP endpoint of any form. */
export function checkEndpoint(value: Json, pointer: string, scope: Scope): void {
  if (!isJsonObject(value)) {
    checkUri(value, pointer, scope);
    return;
  }
  const endpoint = objectOf(value, pointer, ENDPOINT, scope.report);
  if (endpoint.uri !== undefined) checkUri(endpoint.uri, `${pointer}/uri`, scope);
}

function checkUri(value: Json, pointer: string, scope: Scope): void {
  const { report } = scope;
  const uri = textOf(value, pointer, "an endpoint", report);
  if (typeof value !== "string" || isExpression(uri, "taskDefinition", scope)) return;
  if (uri.includes("${")) {
    report.issue(
      pointer,
      'write {name} to insert a member of the task\'s input, or one expression: ${ "https://…/\\(.id)" }',
    );
    return;
  }
  if (!HTTP_URI.test(uri)) {
    report.issue(
      pointer,
      "an endpoint must be a URI that begins with http:// or https://, or an expression that gives one",
    );
  }
  for (const [placeholder, name = ""] of uri.matchAll(PLACEHOLDER)) {
    if (/^\w+$/.test(name)) continue;
    report.issue(
      pointer,
      `${placeholder} must be the name of a top-level member of the task's input, of letters, digits and "_"; insert other values with one expression: \${ "https://…/\\(.a.b)" }`,
    );
  }
  const forbidden = NOT_IN_URI.exec(uri.replaceAll(PLACEHOLDER, ""))?.[0];
  if (forbidden !== undefined)
    report.issue(pointer, `an endpoint cannot hold the character ${JSON.stringify(forbidden)}`);
}

/** Values written in the definition are text; an expression may give the whole object. */
function checkFields(value: Json | undefined, pointer: string, what: string, scope: Scope): void {
  if (value === undefined || (typeof value === "string" && isExpression(value, "taskDefinition", scope))) return;
  const { report } = scope;
  if (!isJsonObject(value)) {
    report.issue(pointer, `${what} must be an object or one expression, not ${kindOf(value)}`);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === "string") continue;
    report.issue(pointerOf(pointer, name), `must be text, not ${kindOf(member)}: put it in quotes`);
  }
}

/** The template of a member of an object that is known to be written as one. */
export function memberOf(template: Template, key: string): Template | undefined {
  if (template.kind === "object") return template.entries.find(([name]) => name === key)?.[1];
  const value = template.kind === "literal" ? ownProperty(template.value, key) : undefined;
  return value === undefined ? undefined : { kind: "literal", value };
}

function methodFrom(value: Json | undefined): string {
  if (typeof value === "string" && METHOD.test(value)) return value.toUpperCase();
  throw new HttpArgumentsError(`\`method\` gave ${kindOf(value)}, which is no HTTP method`);
}

/** The URL of an endpoint, its URI template expanded. @throws {HttpArgumentsError} */
export function renderEndpoint(
  template: Template | undefined,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): string {
  const uri = template === undefined ? undefined : (memberOf(template, "uri") ?? template);
  if (uri?.kind === "literal" && typeof uri.value === "string") return expand(uri.value, input);
  const value = uri === undefined ? null : renderTemplate(uri, input, args, time);
  const given = isJsonObject(value) ? ownProperty(value, "uri") : value;
  if (isJsonObject(value) && ownProperty(value, "authentication") !== undefined) {
    throw new HttpArgumentsError(
      "`endpoint` gave an object with `authentication`: a policy is written in the definition, never found in data",
    );
  }
  if (typeof given === "string" && HTTP_URI.test(given) && URL.canParse(given)) return given;
  throw new HttpArgumentsError(`\`endpoint\` gave ${kindOf(given)}, which is no http:// or https:// URI`);
}

function expand(template: string, input: Json): string {
  const uri = template.replaceAll(PLACEHOLDER, (_, name: string) => {
    const value = ownProperty(input, name) ?? "";
    if (typeof value !== "object") return encodeURIComponent(String(value));
    throw new HttpArgumentsError(
      `{${name}} of the endpoint stands for ${kindOf(value)}: only text, numbers and booleans fit`,
    );
  });
  if (URL.canParse(uri)) return uri;
  throw new HttpArgumentsError(`\`endpoint\` gave ${kindOf(uri)}, which is no URI`);
}

/** Members that are null are left out, so that an expression can decide whether there is one. */
function textsFrom<Text>(
  what: string,
  value: Json | undefined,
  read: (name: string, value: Json) => Text,
): Readonly<Record<string, Text>> {
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw new HttpArgumentsError(`\`${what}\` gave ${kindOf(value)} instead of an object`);
  const given = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(given.map(([name, member]) => [name, read(name, member)]));
}

function textFrom(name: string, value: Json): string {
  if (typeof value !== "object") return String(value);
  throw new HttpArgumentsError(`"${name}" gave ${kindOf(value)}: only text, numbers and booleans fit`);
}
