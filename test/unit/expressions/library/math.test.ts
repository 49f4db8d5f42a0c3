import { expect, test } from "vitest";
import { MATH_FUNCTIONS } from "../../../../src/expressions/jq/library/math.ts";
import type { Json } from "../../../../src/values/json.ts";
import { call, jqLines, resultOf } from "./support.ts";

const NUMBERS: readonly number[] = [
  ...[
    0, -0.5, 0.5, 1, -1, 1.5, -1.5, 2, 2.5, -2.5, 3, 10, 100.25, 1e-5, -1e-300, 1e300, 5e-324, 171, -3.7, 7.25, 25, -20,
  ],
];
/** C is exact to the last digit; series and JavaScript's functions nearly so. */
const DIGITS_LOST = 1e-11;
/** Not in jq, not in this build of it, or told apart below. */
const LEFT_OUT = ["gamma/0", "pow10/0", "nan/0", "infinite/0", "abs/0", "jn/2", "yn/2", "fma/3"];
const NEAR_SMALLEST = ["lgamma/0", "lgamma_r/0"];

const names = Object.keys(MATH_FUNCTIONS).filter((name) => !LEFT_OUT.includes(name));

test.each(names)("given numbers, when %s is applied, then the result is jq's", (name) => {
  const [word = "", arity = ""] = name.split("/");
  const numbers = NUMBERS.filter((one) => one !== 5e-324 || !NEAR_SMALLEST.includes(name));
  const pairs = arity === "0" ? numbers.map((x) => [x, 0]) : numbers.flatMap((x) => numbers.map((y) => [x, y]));
  const program = `.[] | map(. * 1) as [$x, $y] | ${arity === "0" ? `$x | ${word}` : `${word}($x; $y)`}`;
  const theirs = jqLines(program, pairs).map((line) => JSON.parse(line));
  pairs.forEach(([x = 0, y = 0], index) => {
    const ours = arity === "0" ? call(MATH_FUNCTIONS[name], x) : call(MATH_FUNCTIONS[name], null, x, y);
    expect({ x, y, close: close(printed(ours), theirs[index]) }).toEqual({ x, y, close: true });
  });
});

test.each(["jn", "yn"])("given small orders, when %s is applied, then the result is jq's", (word) => {
  const pairs = [-3, -1, 0, 1, 2, 7, 20].flatMap((order) => [0.1, 1, 2.5, 10, 50, 100].map((x) => [order, x]));
  const theirs = jqLines(`.[] | ${word}(.[0]; .[1])`, pairs).map(Number);
  const ours = pairs.map(([order = 0, x = 0]) => Number(call(MATH_FUNCTIONS[`${word}/2`], null, order, x)));
  ours.forEach((value, index) => {
    expect(Math.abs(value - (theirs[index] ?? 0))).toBeLessThan(1e-12 * Math.max(1, Math.abs(value)));
  });
});

test("given what is no number, when functions are applied, then the complaint is jq's", () => {
  expect(resultOf(() => call(MATH_FUNCTIONS["floor/0"], "a"))).toBe('!string ("a") number required');
  expect(resultOf(() => call(MATH_FUNCTIONS["pow/2"], null, 1, null))).toBe("!null (null) number required");
  expect(resultOf(() => call(MATH_FUNCTIONS["abs/0"], null))).toBe("!null (null) cannot be negated");
  expect(call(MATH_FUNCTIONS["abs/0"], "a")).toBe("a");
});

test("given numbers that lose digits, when fma is applied, then the product keeps them", () => {
  const x = 1 + 2 ** -30;
  expect(call(MATH_FUNCTIONS["fma/3"], null, x, x, -1)).toBe(2 ** -29 + 2 ** -60);
});

/** As jq prints it. */
function printed(value: Json): Json {
  if (typeof value === "number") {
    return Number.isNaN(value) ? null : Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
  }
  return Array.isArray(value) ? value.map(printed) : value;
}

function close(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.every((one, index) => close(one, b[index]));
  if (typeof a !== "number" || typeof b !== "number") return a === b;
  return Math.abs(a - b) <= DIGITS_LOST * Math.max(Math.abs(a), Math.abs(b));
}
