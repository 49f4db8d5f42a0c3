import type { Json } from "../../../values/json.ts";
import { type Budget, grow, spend } from "../budget.ts";
import type { Native } from "../native.ts";
import { sortable } from "./elements.ts";
import { pairError, typeError } from "./failures.ts";
import { compareValues, equalValues, isArray, sortedOrder } from "./order.ts";

const ELEMENT_BYTES = 8;
const GROUP_BYTES = 48;

/**
 * Builtins that put values in order. Those named `_…_by_impl` take what the caller computed for each element (`map([f])`) as their
 * argument.
 */
export const SORTING_FUNCTIONS: Readonly<Record<string, Native>> = {
  "sort/0": (input, _, { budget }) => sortBy(sortable(input), sortable(input), budget),
  "unique/0": (input, _, { budget }) => uniqueBy(sortable(input), sortable(input), budget),
  "_sort_by_impl/1": (input, [keys = null], { budget }) => sortBy(...both(input, keys), budget),
  "_group_by_impl/1": (input, [keys = null], { budget }) => groupBy(...both(input, keys), budget),
  "_unique_by_impl/1": (input, [keys = null], { budget }) => uniqueBy(...both(input, keys), budget),
  "min/0": (input, _, { budget }) => extreme(input, input, budget, true),
  "max/0": (input, _, { budget }) => extreme(input, input, budget, false),
  "_min_by_impl/1": (input, [keys = null], { budget }) => extreme(input, keys, budget, true),
  "_max_by_impl/1": (input, [keys = null], { budget }) => extreme(input, keys, budget, false),
  "bsearch/1": (input, [target = null], { budget }) => search(input, target, budget),
};

function both(input: Json, keys: Json): [values: readonly Json[], keys: readonly Json[]] {
  if (!isArray(input) || !isArray(keys) || input.length !== keys.length) {
    throw pairError(input, keys, "cannot be sorted, as they are not both arrays");
  }
  return [input, keys];
}

function sortBy(values: readonly Json[], keys: readonly Json[], budget: Budget): Json {
  grow(budget, values.length * ELEMENT_BYTES);
  return sortedOrder(keys, budget).map((index) => values[index] as Json);
}

function groupBy(values: readonly Json[], keys: readonly Json[], budget: Budget): Json {
  grow(budget, values.length * ELEMENT_BYTES);
  const groups: Json[][] = [];
  let current: Json | undefined;
  for (const index of sortedOrder(keys, budget)) {
    const key = keys[index] as Json;
    const value = values[index] as Json;
    if (current !== undefined && equalValues(current, key, budget)) {
      groups.at(-1)?.push(value);
      continue;
    }
    grow(budget, GROUP_BYTES);
    groups.push([value]);
    current = key;
  }
  return groups;
}

/** The first value of each key, in the order of the keys. */
function uniqueBy(values: readonly Json[], keys: readonly Json[], budget: Budget): Json {
  grow(budget, values.length * ELEMENT_BYTES);
  const unique: Json[] = [];
  let current: Json | undefined;
  for (const index of sortedOrder(keys, budget)) {
    const key = keys[index] as Json;
    if (current !== undefined && equalValues(current, key, budget)) continue;
    unique.push(values[index] as Json);
    current = key;
  }
  return unique;
}

/** Of equal ones `min` takes the first, `max` the last. */
function extreme(values: Json, keys: Json, budget: Budget, least: boolean): Json {
  if (!isArray(values) || !isArray(keys)) throw pairError(values, keys, "cannot be iterated over");
  if (values.length !== keys.length) throw pairError(values, keys, "have wrong length");
  spend(budget, keys.length);
  let best = 0;
  for (let i = 1; i < keys.length; i++) {
    if (compareValues(keys[i] as Json, keys[best] as Json, budget) < 0 === least) best = i;
  }
  return values[best] ?? null;
}

/** The index of a value in a sorted array, or -1 less the index where it belongs. */
function search(input: Json, target: Json, budget: Budget): number {
  if (!isArray(input)) throw typeError(input, "cannot be searched from");
  let start = 0;
  let end = input.length;
  while (start < end) {
    const middle = Math.floor((start + end) / 2);
    const order = compareValues(target, input[middle] as Json, budget);
    if (order === 0) return middle;
    if (order < 0) end = middle;
    else start = middle + 1;
  }
  return -1 - start;
}
