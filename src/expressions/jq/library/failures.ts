import type { Json } from "../../../values/json.ts";
import { JqError } from "../errors.ts";
import { shortText } from "./json-text.ts";
import { typeOf } from "./order.ts";

/** `string ("a") cannot be …`: what jq says when one value is wrong. */
export function typeError(value: Json, what: string): JqError {
  return new JqError(`${described(value)} ${what}`);
}

/** `string ("a") and number (1) cannot be …`: what jq says when two values do not fit together. */
export function pairError(a: Json, b: Json, what: string): JqError {
  return new JqError(`${described(a)} and ${described(b)} ${what}`);
}

function described(value: Json): string {
  return `${typeOf(value)} (${shortText(value)})`;
}
