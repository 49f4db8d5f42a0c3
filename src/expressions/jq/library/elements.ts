import type { Json } from "../../../values/json.ts";
import { JqError } from "../errors.ts";
import { typeError } from "./failures.ts";
import { shortText } from "./json-text.ts";
import { isArray, typeOf } from "./order.ts";

/** What `.[]` gives: the elements of an array, the values of an object. @throws {JqError} for everything else. */
export function elementsOf(value: Json): readonly Json[] {
  if (typeof value === "object" && value !== null) return isArray(value) ? value : Object.values(value);
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
