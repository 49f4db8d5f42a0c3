import type { Json, JsonObject } from "../../../values/json.ts";
import { type Budget, payForEquality, payForKeys, payForReading, spend } from "../budget.ts";
import { JqError } from "../errors.ts";

export type TypeName = "null" | "boolean" | "number" | "string" | "array" | "object";

/** Containers inside one another that a walk over values stands; jq stops at the same depth. */
export const MAX_DEPTH = 10_001;
/** Steps of a comparison that was given no budget: values that share their parts can be endless to walk. */
const OWN_FUEL = 10_000_000;
const RANK_OF_CONTAINERS = 5;

/** `Array.isArray` for values of jq, which are never mutated. */
export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The name jq gives the type of a value. */
export function typeOf(value: Json): TypeName {
  switch (typeof value) {
    case "string":
      return "string";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    default:
      if (value === null) return "null";
      return isArray(value) ? "array" : "object";
  }
}

/** jq's order of types: null, false, true, numbers, strings, arrays, objects. */
function rankOf(value: Json): number {
  switch (typeof value) {
    case "string":
      return 4;
    case "number":
      return 3;
    case "boolean":
      return value ? 2 : 1;
    default:
      if (value === null) return 0;
      return isArray(value) ? RANK_OF_CONTAINERS : RANK_OF_CONTAINERS + 1;
  }
}

/**
 * jq's total order. Negative, zero or positive; `nan` is less than every number, itself included.
 *
 * @param budget pays one step for each element looked at; without it a comparison has ten million steps of its own.
 * @throws {JqError} "Comparison too deep"
 * @throws {JqBudgetError} when the values are too large.
 */
export function compareValues(a: Json, b: Json, budget?: Budget): number {
  return compare(a, b, budget, -1);
}

/** @param nans what two `nan` compare as: the operators say less, a sort must call them equal. */
function compare(a: Json, b: Json, budget: Budget | undefined, nans: number): number {
  if (typeof a === "number" && typeof b === "number") return compareNumbers(a, b, nans);
  if (typeof a === "string" && typeof b === "string") {
    if (budget !== undefined) {
      payForReading(budget, a);
      payForReading(budget, b);
      spend(budget, Math.min(a.length, b.length) >>> 4);
    }
    return compareStrings(a, b);
  }
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  if (difference !== 0 || rank < RANK_OF_CONTAINERS) return difference;
  return compareContainers(a as Container, b as Container, budget ?? ownBudget(), nans);
}

function compareNumbers(a: number, b: number, nans: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  if (Number.isNaN(a)) return Number.isNaN(b) ? nans : -1;
  return 1;
}

/** By code point: UTF-16 puts surrogates (U+10000 and up) below U+E000. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return codePointRank(unitA) - codePointRank(unitB);
  }
  return a.length - b.length;
}

function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

type Container = readonly Json[] | JsonObject;

/** Two arrays being compared element by element: those compared, or the values of two objects in the order of their keys. */
interface Pair {
  readonly a: readonly Json[];
  readonly b: readonly Json[];
  next: number;
}

function compareContainers(a: Container, b: Container, budget: Budget, nans: number): number {
  const pairs: Pair[] = [];
  let result = open(pairs, a, b, budget);
  while (result === 0) {
    const pair = pairs.at(-1);
    if (pair === undefined) return 0;
    result = advance(pairs, pair, budget, nans);
  }
  return result;
}

/** Compares until the pair is done or something nested is found, which goes on top. */
function advance(pairs: Pair[], pair: Pair, budget: Budget, nans: number): number {
  const { a, b } = pair;
  const shared = Math.min(a.length, b.length);
  while (pair.next < shared) {
    const x = a[pair.next] as Json;
    const y = b[pair.next] as Json;
    pair.next++;
    spend(budget, 1);
    if (isContainer(x) && isContainer(y)) return open(pairs, x, y, budget);
    const result = compare(x, y, budget, nans);
    if (result !== 0) return result;
  }
  pairs.pop();
  return a.length - b.length;
}

function open(pairs: Pair[], a: Container, b: Container, budget: Budget): number {
  if (pairs.length >= MAX_DEPTH) throw new JqError("Comparison too deep");
  if (isArray(a)) {
    if (!isArray(b)) return -1;
    pairs.push({ a, b, next: 0 });
    return 0;
  }
  if (isArray(b)) return 1;
  return openObjects(pairs, a, b, budget);
}

function openObjects(pairs: Pair[], a: JsonObject, b: JsonObject, budget: Budget): number {
  const keys = sortedKeys(a, budget);
  const byKeys = compareKeys(keys, sortedKeys(b, budget), budget);
  if (byKeys === 0) pairs.push({ a: keys.map((key) => a[key] as Json), b: keys.map((key) => b[key] as Json), next: 0 });
  return byKeys;
}

function compareKeys(a: readonly string[], b: readonly string[], budget: Budget): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    payForCompared(a[i] as string, b[i] as string, budget);
    const result = compareStrings(a[i] as string, b[i] as string);
    if (result !== 0) return result;
  }
  return a.length - b.length;
}

function isContainer(value: Json): value is Container {
  return typeof value === "object" && value !== null;
}

function ownBudget(): Budget {
  return { fuel: OWN_FUEL, bytes: 0 };
}

/**
 * jq's `==`: `nan` equals nothing, unless it is inside one and the same array or object.
 *
 * @param budget as in {@link compareValues}.
 * @throws {JqError} "Equality check too deep"
 */
export function equalValues(a: Json, b: Json, budget?: Budget): boolean {
  if (budget !== undefined && typeof a === "string" && typeof b === "string") payForEquality(budget, a, b);
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b)) return false;
  return equalContainers(a, b, budget ?? ownBudget());
}

/** Level by level, without native recursion: data may nest deeper than the stack stands. */
function equalContainers(a: Container, b: Container, budget: Budget): boolean {
  let left: Container[] = [a];
  let right: Container[] = [b];
  for (let depth = 0; left.length > 0; depth++) {
    if (depth >= MAX_DEPTH) throw new JqError("Equality check too deep");
    const nextLeft: Container[] = [];
    const nextRight: Container[] = [];
    for (let i = 0; i < left.length; i++) {
      if (!equalLevel(left[i] as Container, right[i] as Container, nextLeft, nextRight, budget)) return false;
    }
    left = nextLeft;
    right = nextRight;
  }
  return true;
}

/** Compares what is directly inside; containers found there go to `left` and `right`. */
function equalLevel(x: Container, y: Container, left: Container[], right: Container[], budget: Budget): boolean {
  if (isArray(x)) {
    if (!isArray(y) || x.length !== y.length) return false;
    spend(budget, x.length + 3);
    for (let i = 0; i < x.length; i++) {
      if (!equalOrLater(x[i] as Json, y[i] as Json, left, right, budget)) return false;
    }
    return true;
  }
  if (isArray(y)) return false;
  const keys = Object.keys(x);
  const others = Object.keys(y).length;
  payForKeys(budget, keys.length + others + 1);
  if (keys.length !== others) return false;
  for (const key of keys) {
    if (!Object.hasOwn(y, key) || !equalOrLater(x[key] as Json, y[key] as Json, left, right, budget)) return false;
  }
  return true;
}

function equalOrLater(a: Json, b: Json, left: Container[], right: Container[], budget: Budget): boolean {
  if (typeof a === "string" && typeof b === "string") payForEquality(budget, a, b);
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b)) return false;
  left.push(a);
  right.push(b);
  return true;
}

/** Sorted in jq's order; equal values keep theirs. @throws {JqBudgetError} */
export function sortValues(values: readonly Json[], budget: Budget): Json[] {
  return sortedOrder(values, budget).map((index) => values[index] as Json);
}

/** The indexes of `keys` in the order of what they hold; equal ones keep their order. @throws {JqBudgetError} */
export function sortedOrder(keys: readonly Json[], budget: Budget): number[] {
  spend(budget, keys.length);
  return Array.from(keys.keys()).sort((i, j) => {
    spend(budget, 2);
    return compare(keys[i] as Json, keys[j] as Json, budget, 0);
  });
}

/** The keys of an object by code point. @throws {JqBudgetError} */
export function sortedKeys(object: JsonObject, budget: Budget): string[] {
  const keys = Object.keys(object);
  payForKeys(budget, keys.length);
  spend(budget, keys.length * (4 + 2 * Math.log2(keys.length + 1)));
  if (keys.length < 2) return keys;
  return keys.sort((a, b) => {
    payForCompared(a, b, budget);
    return compareStrings(a, b);
  });
}

/** Long keys that begin alike are compared character by character. */
function payForCompared(a: string, b: string, budget: Budget): void {
  const shorter = Math.min(a.length, b.length);
  if (shorter > SHORT_KEY) spend(budget, shorter >>> 3);
}

const SHORT_KEY = 64;
