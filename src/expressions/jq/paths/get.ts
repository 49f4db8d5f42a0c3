import type { Json, JsonObject } from "../../../values/json.ts";
import { type Budget, grow, payForKey, payForReading, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import { shortText } from "../library/json-text.ts";
import { equalValues, isArray, typeOf } from "../library/order.ts";
import { characterCount, isUnitwise, unitIndex } from "../library/text.ts";

/** jq's limit of steps in a path. */
export const MAX_PATH_LENGTH = 10_000;

/** `.key` of a value. @throws {JqError} for what has no fields. */
export function fieldOf(value: Json, key: string): Json {
  if (typeof value === "object") {
    if (value === null) return null;
    if (!isArray(value)) {
      const member = value[key];
      return member === undefined || !Object.hasOwn(value, key) ? null : member;
    }
  }
  throw cannotIndex(value, key);
}

/** `.[index]` of an array or null: negative from the end, rounded towards 0, null outside. */
export function elementOf(items: readonly Json[], index: number): Json {
  const at = Math.trunc(index);
  return items[at < 0 ? at + items.length : at] ?? null;
}

/** `.[key]`, with any value as the key. @throws {JqError} in jq's words. */
export function getIn(value: Json, key: Json, budget: Budget): Json {
  if (typeof key === "string") {
    payForKey(budget, key);
    return fieldOf(value, key);
  }
  if (typeof key === "number") {
    if (value === null) return null;
    if (isArray(value)) return elementOf(value, key);
  } else if (isArray(key)) {
    if (isArray(value)) return indexesOf(value, key, budget);
  } else if (typeof key === "object" && key !== null) {
    if (value === null) return null;
    if (isArray(value)) return sliceOfArray(value, key, budget);
    if (typeof value === "string") return sliceOfText(value, key, budget);
  }
  throw cannotIndex(value, key);
}

/** Follows a path from its first step to its last. */
export function getPath(value: Json, path: Json, budget: Budget): Json {
  let at = value;
  spend(budget, 2 * pathOf(path).length);
  for (const key of pathOf(path)) at = getIn(at, key, budget);
  return at;
}

/** A value as a path. @throws {JqError} when it is none. */
export function pathOf(path: Json): readonly Json[] {
  if (!isArray(path)) throw new JqError("Path must be specified as an array");
  if (path.length > MAX_PATH_LENGTH) throw new JqError("Path too deep");
  return path;
}

function cannotIndex(value: Json, key: Json): JqError {
  return new JqError(`Cannot index ${typeOf(value)} with ${typeOf(key)} (${shortText(key)})`);
}

/** The first and the last place but one of a slice, as whole numbers in range. */
export function boundsOf(length: number, slice: JsonObject): readonly [start: number, end: number] {
  const from = boundOf(slice, "start", 0);
  const to = boundOf(slice, "end", length);
  if (typeof from !== "number" || typeof to !== "number") {
    throw new JqError("Array/string slice indices must be integers");
  }
  const start = Math.floor(clamp(Number.isNaN(from) ? 0 : from, length));
  const end = Math.ceil(clamp(Number.isNaN(to) ? length : to, length));
  return [start, Math.max(start, end)];
}

/** Null stands for the end of the whole; a key without both bounds is no slice. */
function boundOf(slice: JsonObject, name: "start" | "end", whole: number): Json {
  return Object.hasOwn(slice, name) ? (slice[name] ?? whole) : false;
}

/** Negative ones count from the end. */
function clamp(place: number, length: number): number {
  return Math.min(Math.max(place < 0 ? place + length : place, 0), length);
}

function sliceOfArray(items: readonly Json[], slice: JsonObject, budget: Budget): Json {
  const [start, end] = boundsOf(items.length, slice);
  spend(budget, (end - start) >> 3);
  grow(budget, (end - start) * 8);
  return items.slice(start, end);
}

/** Counts code points, as jq does. */
function sliceOfText(text: string, slice: JsonObject, budget: Budget): string {
  payForReading(budget, text);
  spend(budget, text.length >>> 5);
  if (isUnitwise(text)) {
    const [start, end] = boundsOf(text.length, slice);
    return text.slice(start, end);
  }
  spend(budget, text.length >>> 1);
  const [start, end] = boundsOf(characterCount(text), slice);
  const from = unitIndex(text, start);
  return text.slice(from, unitIndex(text, end - start, from));
}

function standsAt(items: readonly Json[], at: number, part: readonly Json[], budget: Budget): boolean {
  let offset = 0;
  while (offset < part.length && equalValues(items[at + offset] ?? null, part[offset] ?? null, budget)) offset++;
  spend(budget, 1 + offset);
  return offset === part.length;
}

/** Where `part` stands in `items`, overlaps included; nowhere when it is empty. */
export function indexesOf(items: readonly Json[], part: readonly Json[], budget: Budget): Json[] {
  const found: number[] = [];
  if (part.length === 0) return found;
  for (let at = 0; at <= items.length - part.length; at++) {
    if (!standsAt(items, at, part, budget)) continue;
    grow(budget, 8);
    found.push(at);
  }
  return found;
}
