import type { Json } from "../../../values/json.ts";
import { type Budget, payForKeys } from "../budget.ts";
import { JqError } from "../errors.ts";
import { typeError } from "./failures.ts";
import { shortText } from "./json-text.ts";
import { isArray, typeOf } from "./order.ts";

/** What `.[]` gives: the elements of an array, the values of an object. @throws {JqError} for everything else. */
export function elementsOf(value: Json, budget: Budget): readonly Json[] {
  if (isArray(value)) return value;
  if (typeof value === "object" && value !== null) {
    const members = Object.values(value);
    payForKeys(budget, members.length);
    return members;
  }
  throw new JqError(`Cannot iterate over ${typeOf(value)} (${shortText(value)})`);
}

/** jq's truth: everything but `false` and `null`. */
export function isTruthy(value: Json): boolean {
  return value !== false && value !== null;
}

/** @throws {JqError} "… cannot be sorted, as it is not an array" */
export function sortable(value: Json): readonly Json[] {
  if (!isArray(value)) throw typeError(value, "cannot be sorted, as it is not an array");
  return value;
}
