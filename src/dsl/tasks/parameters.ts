import { ExpressionError } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { kindOf } from "../fields.ts";
import { isExpression } from "../programs.ts";
import type { Scope } from "../scope.ts";

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
