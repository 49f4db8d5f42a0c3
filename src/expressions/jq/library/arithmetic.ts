import { isJsonObject, type Json, type JsonObject } from "../../../values/json.ts";
import { type Budget, grow, payForCopy, payForJoining, payForKey, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import { type Draft, setOwn } from "../objects.ts";
import { pairError } from "./failures.ts";
import { equalValues, isArray, MAX_DEPTH } from "./order.ts";
import { splitText } from "./text.ts";

/** About what one more element or member takes. */
const ELEMENT_BYTES = 8;
const MEMBER_BYTES = 32;
/** Copying elements costs far less than a step each. */
const COPIED_A_STEP = 16;
const INT64_LIMIT = 2 ** 63;
const MAX_INT64 = 2n ** 63n - 1n;
/** jq's own limit of a text. */
const MAX_TEXT = 2 ** 31 - 16;
/** From here on a set is cheaper than comparing each with each. */
const SET_FROM = 8;

/** jq's `+`. @throws {JqError} "… cannot be added" */
export function add(a: Json, b: Json, budget: Budget): Json {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (typeof a === "string" && typeof b === "string") {
    payForJoining(budget, a, b);
    return a + b;
  }
  if (a === null) return b;
  if (b === null) return a;
  if (isArray(a) && isArray(b)) return concatenated(a, b, budget);
  if (isJsonObject(a) && isJsonObject(b)) return merged(a, b, budget);
  throw pairError(a, b, "cannot be added");
}

/** Growing an array element by element must not cost its whole length in bytes each time, or no array could be built so. */
function concatenated(a: readonly Json[], b: readonly Json[], budget: Budget): readonly Json[] {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  spend(budget, (a.length + b.length) / COPIED_A_STEP);
  grow(budget, a.length + ELEMENT_BYTES * b.length);
  return a.concat(b);
}

function merged(a: JsonObject, b: JsonObject, budget: Budget): JsonObject {
  payForMembers(Object.keys(a).length, Object.keys(b).length, budget);
  return { ...a, ...b };
}

function payForMembers(copied: number, added: number, budget: Budget): void {
  payForCopy(budget, copied + added);
  grow(budget, copied + MEMBER_BYTES * added);
}

/** jq's `-`. @throws {JqError} "… cannot be subtracted" */
export function subtract(a: Json, b: Json, budget: Budget): Json {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (isArray(a) && isArray(b)) return without(a, b, budget);
  throw pairError(a, b, "cannot be subtracted");
}

function without(a: readonly Json[], b: readonly Json[], budget: Budget): readonly Json[] {
  spend(budget, a.length + b.length);
  grow(budget, ELEMENT_BYTES * a.length);
  if (b.length >= SET_FROM && b.every(isScalar)) {
    for (const item of a) if (typeof item === "string") payForKey(budget, item);
    for (const item of b) if (typeof item === "string") payForKey(budget, item);
    const removed = new Set(b);
    removed.delete(Number.NaN); // equals nothing
    return a.filter((item) => !removed.has(item));
  }
  return a.filter((item) => {
    spend(budget, b.length);
    return !b.some((removed) => equalValues(item, removed, budget));
  });
}

function isScalar(value: Json): boolean {
  return typeof value !== "object" || value === null;
}

/** jq's `*`: numbers, a string so many times, or objects merged to the bottom. @throws {JqError} "… cannot be multiplied" */
export function multiply(a: Json, b: Json, budget: Budget): Json {
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (typeof a === "string" && typeof b === "number") return repeated(a, b, budget);
  if (typeof a === "number" && typeof b === "string") return repeated(b, a, budget);
  if (isJsonObject(a) && isJsonObject(b)) return mergedDeeply(a, b, budget);
  throw pairError(a, b, "cannot be multiplied");
}

function repeated(text: string, times: number, budget: Budget): string | null {
  if (!(times >= 0)) return null;
  const whole = Math.trunc(times);
  if (whole === 0 || text === "") return "";
  if (text.length * whole >= MAX_TEXT) throw new JqError("Repeat string result too long");
  grow(budget, text.length * whole);
  return text.repeat(whole);
}

/** Without native recursion: objects may nest deeper than the stack stands. */
function mergedDeeply(a: JsonObject, b: JsonObject, budget: Budget): JsonObject {
  const result = copied(a, budget);
  const pending: [target: Draft, source: JsonObject, depth: number][] = [[result, b, 0]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [target, source, depth] = next;
    if (depth >= MAX_DEPTH) throw new JqError("Object merge too deep");
    for (const [key, value] of Object.entries(source)) {
      payForMembers(0, 1, budget);
      const present = Object.hasOwn(target, key) ? target[key] : undefined;
      if (!isJsonObject(present) || !isJsonObject(value)) {
        setOwn(target, key, value);
        continue;
      }
      const child = copied(present, budget);
      setOwn(target, key, child);
      pending.push([child, value, depth + 1]);
    }
  }
  return result;
}

function copied(object: JsonObject, budget: Budget): Draft {
  payForMembers(Object.keys(object).length, 0, budget);
  return { ...object };
}

/** jq's `/`: numbers, or a string split. @throws {JqError} "… cannot be divided" */
export function divide(a: Json, b: Json, budget: Budget): Json {
  if (typeof a === "number" && typeof b === "number") {
    if (b === 0) throw pairError(a, b, "cannot be divided because the divisor is zero");
    return a / b;
  }
  if (typeof a === "string" && typeof b === "string") return splitText(a, b, budget);
  throw pairError(a, b, "cannot be divided");
}

/** jq's `%`, of numbers cut to 64-bit integers; the sign is the dividend's. @throws {JqError} "… cannot be divided (remainder)" */
export function modulo(a: Json, b: Json, _budget: Budget): Json {
  if (typeof a !== "number" || typeof b !== "number") throw pairError(a, b, "cannot be divided (remainder)");
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
  const divisor = Math.trunc(b);
  if (divisor === 0) throw pairError(a, b, "cannot be divided (remainder) because the divisor is zero");
  if (Math.abs(a) >= INT64_LIMIT || Math.abs(b) >= INT64_LIMIT) return Number(int64(a) % int64(b));
  return (Math.trunc(a) % divisor) + 0; // never -0
}

function int64(value: number): bigint {
  if (value >= INT64_LIMIT) return MAX_INT64;
  return value <= -INT64_LIMIT ? -(2n ** 63n) : BigInt(Math.trunc(value));
}
