import fc from "fast-check";
import { expect, test } from "vitest";
import { numberText, parseNumber } from "../../../../src/expressions/jq/library/numbers.ts";
import { jqLines, jqOutputs } from "./support.ts";

test("given any numbers, when they are printed, then the text is jq's", () => {
  const numbers = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), { numRuns: 2_000, seed: 1 });
  const round = [0, 1, 3, -7, 1e15, 1e16, 1e17, 1e21, 1e22, 1.5e17, 123456789012e6, 1e-4, 1e-5, 1.5e-7, 5e-324, 1e308];
  const all = [...numbers, ...round].filter((one) => !Object.is(one, -0)); // JSON has one zero
  // A literal keeps its digits in jq: a product is a number again.
  expect(all.map(numberText)).toEqual(jqLines(".[] * 1", all));
});

test("given what is no number, when it is printed, then it is null or the largest number", () => {
  expect([Number.NaN, Infinity, -Infinity, -0].map(numberText)).toEqual([
    "null",
    "1.7976931348623157e+308",
    "-1.7976931348623157e+308",
    "-0",
  ]);
});

const TEXTS = [
  "1",
  "+1",
  ".5",
  "5.",
  "1e",
  "1e5",
  "-1.5E-3",
  "0x10",
  "",
  " 1",
  "1 ",
  "1_0",
  "-",
  "--1",
  "0001",
  "1.2.3",
];

test("given texts, when they are read as numbers, then those are read that jq reads", () => {
  const ours = TEXTS.map((text) => parseNumber(text) ?? "no");
  expect(ours).toEqual(jqOutputs('.[] | try (tonumber * 1) catch "no"', TEXTS));
});

test("given the names of what is no number, when they are read, then case does not matter", () => {
  expect(["nan", "NaN", "-nan", "inf", "-Infinity", "INF", "nan1"].map(parseNumber)).toEqual([
    Number.NaN,
    Number.NaN,
    Number.NaN,
    Infinity,
    -Infinity,
    Infinity,
    undefined,
  ]);
});
