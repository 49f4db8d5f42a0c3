import { expect, test } from "vitest";
import { JqBudgetError, JqError } from "../../../../src/expressions/jq/errors.ts";
import {
  compareValues,
  equalValues,
  sortedKeys,
  sortValues,
  typeOf,
} from "../../../../src/expressions/jq/library/order.ts";
import type { Json } from "../../../../src/values/json.ts";
import { jqOutputs, plenty } from "./support.ts";

const VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  2.5,
  "",
  "a",
  "ab",
  "\ue000",
  "😀",
  "é",
  [],
  [1],
  [1, 2],
  [[]],
  [{ a: 1 }],
  {},
  { a: 1 },
  { b: 0 },
  { a: 2 },
  { b: 1, a: 1 },
  { "\ue000": 1 },
  { "😀": 1 },
];

test("given values of all types, when two are compared, then the order is jq's", () => {
  const ours = VALUES.map((a) => VALUES.map((b) => [Math.sign(compareValues(a, b)), equalValues(a, b)]));
  const program = "map(. as $a | $all | map([(if $a < . then -1 elif $a > . then 1 else 0 end), $a == .]))";
  expect(ours).toEqual(jqOutputs(`. as $all | ${program}`, VALUES)[0]);
});

test("given values of all types, when they are sorted, then they stand as in jq", () => {
  expect([sortValues(VALUES, plenty())]).toEqual(jqOutputs("sort", VALUES));
});

test("given nan, when it is compared, then it is less than every number and equal to none", () => {
  expect(compareValues(Number.NaN, Number.NaN)).toBeLessThan(0);
  expect(compareValues(Number.NaN, -Infinity)).toBeLessThan(0);
  expect(compareValues(1, Number.NaN)).toBeGreaterThan(0);
  expect(equalValues(Number.NaN, Number.NaN)).toBe(false);
  expect(equalValues([Number.NaN], [Number.NaN])).toBe(false);
});

test("given keys beyond U+FFFF, when they are sorted, then they come last", () => {
  const budget = { fuel: 1_000, bytes: 0 };
  expect(sortedKeys({ "😀": 1, "\uffff": 2, b: 3, a: 4 }, budget)).toEqual(["a", "b", "\uffff", "😀"]);
});

test("given keys with a meaning in JavaScript, when objects are compared, then they are only keys", () => {
  const proto: Json = JSON.parse('{"__proto__": 1}');
  expect(equalValues(proto, {})).toBe(false);
  expect(equalValues({ constructor: 1 }, { toString: 1 })).toBe(false);
  expect(equalValues(proto, JSON.parse('{"__proto__": 1}'))).toBe(true);
});

function nested(levels: number): Json {
  let value: Json = [];
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

test("given values that nest 10,000 levels, when they are compared, then they are", () => {
  expect(equalValues(nested(10_000), nested(10_000))).toBe(true);
  expect(compareValues(nested(10_000), nested(9_999))).toBeGreaterThan(0);
});

test("given values that nest deeper, when they are compared, then that is an error", () => {
  expect(() => equalValues(nested(10_001), nested(10_001))).toThrow(new JqError("Equality check too deep"));
  expect(() => compareValues(nested(10_001), nested(10_001))).toThrow(new JqError("Comparison too deep"));
});

test("given values that share their parts endlessly, when they are compared, then the budget ends it", () => {
  const shared = () => {
    let value: Json = [];
    for (let i = 0; i < 64; i++) value = [value, value];
    return value;
  };
  expect(() => equalValues(shared(), shared())).toThrow(JqBudgetError);
  expect(() => compareValues(shared(), shared())).toThrow(JqBudgetError);
});

test("given a value of each type, when its type is asked for, then jq's name is given", () => {
  expect([null, true, 1, "a", [], {}].map(typeOf)).toEqual(["null", "boolean", "number", "string", "array", "object"]);
});
