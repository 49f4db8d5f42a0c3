import { isJsonObject, type Json, type JsonObject } from "../../../values/json.ts";
import { type Budget, grow, payForKey, payForKeys, payForReading, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import type { Native } from "../native.ts";
import { type Draft, setOwn } from "../objects.ts";
import { fieldOf, getIn } from "../paths/get.ts";
import { add } from "./arithmetic.ts";
import { elementsOf, isTruthy } from "./elements.ts";
import { pairError, typeError } from "./failures.ts";
import { shortText } from "./json-text.ts";
import { compareValues, equalValues, isArray, MAX_DEPTH, sortedKeys, typeOf } from "./order.ts";
import { lengthOfText } from "./strings.ts";
import { TextSearch } from "./text-search.ts";

const ELEMENT_BYTES = 8;
const MEMBER_BYTES = 48;

/** Builtins about arrays and objects, by name and number of arguments. */
export const COLLECTION_FUNCTIONS: Readonly<Record<string, Native>> = {
  "length/0": (input, _, { budget }) => lengthOf(input, budget),
  "not/0": (input) => !isTruthy(input),
  "type/0": (input) => typeOf(input),
  "toarray/0": (input) => (isArray(input) ? input : [input]),
  "keys/0": (input, _, { budget }) => keysOf(input, sortedKeys, budget),
  "keys_unsorted/0": (input, _, { budget }) => keysOf(input, unsortedKeys, budget),
  "has/1": (input, [key = null]) => has(input, key),
  "in/1": (input, [whole = null]) => has(whole, input),
  "contains/1": (input, [part = null], { budget }) => containsChecked(input, part, budget),
  "inside/1": (input, [whole = null], { budget }) => containsChecked(whole, input, budget),
  "add/0": (input, _, { budget }) => sum(elementsOf(input, budget), budget),
  "any/0": (input, _, { budget }) => paidElements(input, budget).some(isTruthy),
  "all/0": (input, _, { budget }) => paidElements(input, budget).every(isTruthy),
  "flatten/0": (input, _, { budget }) => flatten(elementsOf(input, budget), -1, budget),
  "flatten/1": (input, [depth = null], { budget }) => flattenTo(input, depth, budget),
  "reverse/0": (input, _, { budget }) => reverse(input, budget),
  "transpose/0": (input, _, { budget }) => transpose(elementsOf(input, budget), budget),
  "to_entries/0": (input, _, { budget }) => toEntries(input, budget),
  "from_entries/0": (input, _, { budget }) => fromEntries(elementsOf(input, budget), budget),
};

function lengthOf(input: Json, budget: Budget): number {
  if (typeof input === "string") return lengthOfText(input, budget);
  if (typeof input === "number") return Math.abs(input);
  if (input === null) return 0;
  if (typeof input === "boolean") throw typeError(input, "has no length");
  if (isArray(input)) return input.length;
  const { length } = Object.keys(input);
  payForKeys(budget, length);
  return length;
}

function keysOf(input: Json, keys: (object: JsonObject, budget: Budget) => string[], budget: Budget): Json {
  if (typeof input !== "object" || input === null) throw typeError(input, "has no keys");
  const found = isArray(input) ? Array.from(input.keys()) : keys(input, budget);
  if (isArray(input)) spend(budget, found.length);
  grow(budget, found.length * ELEMENT_BYTES);
  return found;
}

function unsortedKeys(object: JsonObject, budget: Budget): string[] {
  const keys = Object.keys(object);
  payForKeys(budget, 2 * keys.length);
  return keys;
}

function has(value: Json, key: Json): boolean {
  if (value === null) return false;
  if (typeof key === "string" && isJsonObject(value)) return Object.hasOwn(value, key);
  if (typeof key === "number" && isArray(value)) return key > -1 && key < value.length;
  throw new JqError(`Cannot check whether ${typeOf(value)} has a ${typeOf(key)} key`);
}

function containsChecked(whole: Json, part: Json, budget: Budget): boolean {
  if (!sameKind(whole, part)) throw pairError(whole, part, "cannot have their containment checked");
  return contains(whole, part, budget, 0);
}

/** `true` and `false` are of two kinds here. */
function sameKind(a: Json, b: Json): boolean {
  return typeof a === "boolean" ? a === b : typeOf(a) === typeOf(b);
}

function contains(whole: Json, part: Json, budget: Budget, depth: number): boolean {
  if (depth > MAX_DEPTH) throw new JqError("Containment check too deep");
  spend(budget, 1);
  if (!sameKind(whole, part)) return false;
  if (typeof whole === "string") return containsText(whole, part as string, budget);
  if (isArray(part)) return containsItems(whole as readonly Json[], part, budget, depth + 1);
  if (!isJsonObject(part) || !isJsonObject(whole)) return equalValues(whole, part, budget);
  const keys = Object.keys(part);
  payForKeys(budget, keys.length);
  return keys.every(
    (key) => Object.hasOwn(whole, key) && contains(whole[key] as Json, part[key] as Json, budget, depth + 1),
  );
}

/** Follows arrays of one element in a loop: they may nest deeper than the native stack stands. */
function containsItems(whole: readonly Json[], part: readonly Json[], budget: Budget, depth: number): boolean {
  let [outer, inner, level] = [whole, part, depth];
  while (outer.length === 1 && inner.length === 1 && isArray(outer[0]) && isArray(inner[0])) {
    if (++level > MAX_DEPTH) throw new JqError("Containment check too deep");
    spend(budget, 1);
    [outer, inner] = [outer[0], inner[0]];
  }
  return inner.every((item) => outer.some((candidate) => contains(candidate, item, budget, level)));
}

function containsText(whole: string, part: string, budget: Budget): boolean {
  payForReading(budget, whole);
  payForReading(budget, part);
  spend(budget, whole.length / 16);
  return new TextSearch(part, budget).find(whole, 0) >= 0;
}

function paidElements(input: Json, budget: Budget): readonly Json[] {
  const elements = elementsOf(input, budget);
  spend(budget, elements.length / 4);
  return elements;
}

/** Arrays are put together once, not added one to the other. */
function sum(values: readonly Json[], budget: Budget): Json {
  spend(budget, values.length);
  if (values.length > 2 && values.every(isArray)) return joinedArrays(values, budget);
  let total: Json = null;
  for (const value of values) total = add(total, value, budget);
  return total;
}

function joinedArrays(arrays: readonly (readonly Json[])[], budget: Budget): Json {
  const joined: Json[] = [];
  for (const items of arrays) {
    spend(budget, items.length / 8);
    grow(budget, items.length * ELEMENT_BYTES);
    for (const item of items) joined.push(item);
  }
  return joined;
}

function flattenTo(input: Json, depth: Json, budget: Budget): Json {
  if (compareValues(depth, 0, budget) < 0) throw new JqError("flatten depth must not be negative");
  const items = elementsOf(input, budget);
  if (typeof depth === "number") return flatten(items, depth, budget);
  if (items.some(isArray)) throw pairError(depth, 1, "cannot be subtracted");
  return items;
}

/** An array being flattened, and how many levels below it may still be. */
interface Level {
  readonly items: readonly Json[];
  readonly depth: number;
  next: number;
}

/** @param depth levels to open; negative for all, and a fraction never comes to 0. */
function flatten(items: readonly Json[], depth: number, budget: Budget): Json {
  const flat: Json[] = [];
  const levels: Level[] = [{ items, depth, next: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (level.next >= level.items.length) {
      levels.pop();
      continue;
    }
    const item = level.items[level.next++] as Json;
    spend(budget, 1);
    if (isArray(item) && level.depth !== 0) {
      grow(budget, MEMBER_BYTES);
      levels.push({ items: item, depth: level.depth - 1, next: 0 });
    } else {
      grow(budget, ELEMENT_BYTES);
      flat.push(item);
    }
  }
  return flat;
}

function reverse(input: Json, budget: Budget): Json {
  const length = lengthOf(input, budget);
  if (!isArray(input)) {
    if (!(length > 0)) return [];
    getIn(input, length - 1, budget); // fails: only arrays have numbered elements
  }
  const items = input as readonly Json[];
  spend(budget, length / 8);
  grow(budget, length * ELEMENT_BYTES);
  return items.toReversed();
}

function transpose(rows: readonly Json[], budget: Budget): Json {
  const width = rows.reduce((most: number, row) => Math.max(most, lengthOf(row, budget)), 0);
  const columns: Json[] = [];
  for (let column = 0; column < width; column++) {
    spend(budget, rows.length + 1);
    grow(budget, rows.length * ELEMENT_BYTES);
    columns.push(rows.map((row) => getIn(row, column, budget)));
  }
  return columns;
}

function toEntries(input: Json, budget: Budget): Json {
  if (typeof input !== "object" || input === null) throw typeError(input, "has no keys");
  if (isArray(input)) return input.length === 0 ? [] : entriesOfArray(input, budget);
  const entries = Object.entries(input).map(([key, value]): Json => ({ key, value }));
  payForKeys(budget, entries.length);
  grow(budget, entries.length * MEMBER_BYTES);
  return entries;
}

function entriesOfArray(input: readonly Json[], budget: Budget): Json {
  spend(budget, input.length);
  grow(budget, input.length * MEMBER_BYTES);
  return input.map((value, key) => ({ key, value }));
}

/** Every spelling of key and value that jq takes. */
function fromEntries(entries: readonly Json[], budget: Budget): Json {
  spend(budget, entries.length * 2);
  grow(budget, entries.length * MEMBER_BYTES);
  const object: Draft = {};
  for (const entry of entries) {
    const key = firstTruthy(entry, ["key", "Key", "name", "Name"]);
    if (typeof key !== "string") throw new JqError(`Cannot use ${typeOf(key)} (${shortText(key)}) as object key`);
    payForKey(budget, key);
    setOwn(object, key, fieldOf(entry, has(entry, "value") ? "value" : "Value"));
  }
  return object;
}

function firstTruthy(entry: Json, keys: readonly string[]): Json {
  let value: Json = null;
  for (const key of keys) {
    value = fieldOf(entry, key);
    if (isTruthy(value)) return value;
  }
  return value;
}
