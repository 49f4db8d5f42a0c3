import { ExpressionError } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { choiceOf, kindOf } from "../fields.ts";
import { isExpression } from "../programs.ts";
import type { Scope } from "../scope.ts";

/**
 * Reports what is wrong with the `method` of a call, and with its `parameters`.
 *
 * @param methods each method, and the parameters it cannot do without.
 */
export function checkMethodCall(
  { method, parameters }: JsonObject,
  pointer: string,
  methods: Readonly<Record<string, readonly string[]>>,
  scope: Scope,
): void {
  if (method !== undefined) {
    const [first = "", ...others] = Object.keys(methods);
    choiceOf(method, pointerOf(pointer, "method"), "`method`", [first, ...others], scope.report);
  }
  const needed = typeof method === "string" && Object.hasOwn(methods, method) ? (methods[method] ?? []) : [];
  const what = `\`parameters\` of ${String(method)}`;
  checkParameters(parameters, pointerOf(pointer, "parameters"), { what, needed }, scope);
}

/** Reports what is wrong with the `parameters` of a call: an object with what its method needs, or an expression that gives one. */
export function checkParameters(
  value: Json | undefined,
  pointer: string,
  { what, needed }: { readonly what: string; readonly needed: readonly string[] },
  scope: Scope,
): void {
  const { report } = scope;
  if (typeof value === "string" && isExpression(value, "taskDefinition", scope)) return;
  if (value !== undefined && !isJsonObject(value)) {
    report.issue(pointer, `${what} must be an object or one expression, not ${kindOf(value)}`);
    return;
  }
  for (const name of needed) {
    if (value === undefined || !Object.hasOwn(value, name)) report.issue(pointer, `${what} need "${name}"`);
  }
}

/** @throws {ExpressionError} */
export function parametersFrom(value: Json | undefined): JsonObject {
  if (value === undefined || value === null) return {};
  if (isJsonObject(value)) return value;
  throw new ExpressionError(`\`parameters\` gave ${kindOf(value)} instead of an object`);
}
