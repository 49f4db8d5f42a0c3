import type { Json } from "../../values/json.ts";
import { isArray } from "./library/order.ts";

/**
 * An output as JSON holds it, and as jq prints it: NaN is null, an infinity the largest number. JSON has one zero, so that a value
 * stays the same when it is stored and read again.
 */
export function canonical(value: Json): Json {
  if (typeof value === "number") return canonicalNumber(value);
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) {
    const items = value.map(canonical);
    return items.every((item, index) => Object.is(item, value[index])) ? value : items;
  }
  // fromEntries defines its keys: `__proto__` stays a key.
  const entries = Object.entries(value).map(([key, member]) => [key, canonical(member)] as const);
  return entries.every(([key, member]) => Object.is(member, value[key])) ? value : Object.fromEntries(entries);
}

function canonicalNumber(value: number): number | null {
  if (Number.isNaN(value)) return null;
  if (value === 0) return 0;
  return Number.isFinite(value) ? value : Math.sign(value) * Number.MAX_VALUE;
}
