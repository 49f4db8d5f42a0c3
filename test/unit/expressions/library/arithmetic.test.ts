import { expect, test } from "vitest";
import { JqBudgetError } from "../../../../src/expressions/jq/errors.ts";
import { add, divide, modulo, multiply, subtract } from "../../../../src/expressions/jq/library/arithmetic.ts";
import { toJson } from "../../../../src/expressions/jq/library/json-text.ts";
import type { Json } from "../../../../src/values/json.ts";
import { jqOutputs, plenty, resultOf } from "./support.ts";

const VALUES: readonly Json[] = [
  ...[null, true, 0, 1, -1, 2.5, -7, 3, 5e18, 1e19, -1e19, 0.5, 1e300],
  ...["", "a", "a,b,", "é😀x", ",", "aa"],
  ...[[], [1], [1, 2, "a", 1], ["a", [1]], [[1], {}]],
  ...[{}, { a: 1 }, { a: { b: 1 } }, { a: { c: [1] }, "\ue000": 1 }, { b: null, a: { b: { c: 2 } } }],
  JSON.parse('{"__proto__": {"a": 1}}'),
];
/** Texts that jq would repeat into gigabytes. */
const isTooLong = (a: Json, b: Json) =>
  [a, b].some((one) => typeof one === "string") && [a, b].some((one) => Number(one) > 1e9);
const PAIRS = VALUES.flatMap((a) => VALUES.filter((b) => !isTooLong(a, b)).map((b): Json => [a, b]));

test.each([
  ["+", add],
  ["-", subtract],
  ["*", multiply],
  ["/", divide],
  ["%", modulo],
] as const)(
  "given values of all types, when %s is applied, then the result or the complaint is jq's",
  (operator, apply) => {
    const ours = PAIRS.map((pair) => {
      const [a = null, b = null] = pair as readonly Json[];
      return resultOf(() => toJson(apply(a, b, plenty()), plenty()));
    });
    // A product makes numbers of literals, which jq keeps as they were written.
    const plain = 'map(if type == "number" then . * 1 else . end)';
    const program = `.[] | ${plain} as [$a, $b] | try ($a ${operator} $b | tojson) catch "!\\(.)"`;
    expect(ours).toEqual(jqOutputs(program, PAIRS));
  },
);

test("given a number beyond 64 bits, when a remainder is taken, then it is cut as jq cuts it", () => {
  expect(modulo(1e300, 7, plenty())).toBe(Number((2n ** 63n - 1n) % 7n));
  expect(modulo(-Infinity, 5, plenty())).toBe(Number(-(2n ** 63n) % 5n));
  expect(modulo(5, Infinity, plenty())).toBe(5);
  expect(modulo(Number.NaN, 5, plenty())).toBeNaN();
});

test("given a text repeated too often, when it is made, then the budget ends it before", () => {
  expect(() => multiply("x", 1e8, { fuel: 1e6, bytes: 1e6 })).toThrow(JqBudgetError);
});

test("given operands, when they are added, then neither is changed", () => {
  const a = Object.freeze({ a: 1 });
  const b = Object.freeze({ b: 2 });
  expect(add(a, b, plenty())).toEqual({ a: 1, b: 2 });
  expect(multiply(a, b, plenty())).toEqual({ a: 1, b: 2 });
  expect(add(Object.freeze([1]), Object.freeze([2]), plenty())).toEqual([1, 2]);
});
