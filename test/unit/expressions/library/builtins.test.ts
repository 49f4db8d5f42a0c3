import { expect, test } from "vitest";
import { COLLECTION_FUNCTIONS } from "../../../../src/expressions/jq/library/collections.ts";
import { toJson } from "../../../../src/expressions/jq/library/json-text.ts";
import { SORTING_FUNCTIONS } from "../../../../src/expressions/jq/library/sorting.ts";
import { STRING_FUNCTIONS } from "../../../../src/expressions/jq/library/strings.ts";
import type { Native } from "../../../../src/expressions/jq/native.ts";
import type { Json } from "../../../../src/values/json.ts";
import { call, jqOutputs, plenty, resultOf } from "./support.ts";

const BUILTINS: Readonly<Record<string, Native>> = {
  ...STRING_FUNCTIONS,
  ...COLLECTION_FUNCTIONS,
  ...SORTING_FUNCTIONS,
};
/** Not in jq 1.8.2. */
const OURS = ["ascii/0", "toarray/0"];
const names = Object.keys(BUILTINS).filter((name) => !OURS.includes(name));
const alone = names.filter((name) => name.endsWith("/0"));
const withOne = names.filter((name) => name.endsWith("/1"));

const VALUES: readonly Json[] = [
  ...[null, true, false, 0, 1, -1.5, 2, 300],
  ...["", "a", " \u00a0pad\t\u2003", "a,b, c", "Hello ÉÀ World", "é😀x", "abcabc", "12", "true", "[1,{}]", "\u0000"],
  ...[[], [1], [3, 1, 2, 1, null], ["b", "a", "b"], [[1, [2, [3]]], 4], [[1, 2], [3]], [97, 233, 128512, -1, 55296]],
  ...[[{ key: "a", value: 1 }, { Name: "b", Value: 2 }, { name: "c" }], [["a", 1]], [true, false, null], [[]]],
  ...[{}, { a: 1, b: [1, 2] }, { b: { c: null }, a: "x" }, { constructor: 1, toString: 2 }],
  JSON.parse('{"__proto__": {"a": 1}, "é": 2, "😀": 3, "\ue000": 4}'),
];
const ARGUMENTS: readonly Json[] = [
  ...[null, true, 0, 1, -1, 1.5, "", "a", "b", ", ", "😀", "abc", "constructor", "__proto__"],
  ...[[], [1], [1, 2], ["a"], {}, { a: 1 }, { b: {} }],
];

test.each(alone)("given values of all types, when %s is applied, then the result or the complaint is jq's", (name) => {
  const ours = VALUES.map((value) => resultOf(() => toJson(call(BUILTINS[name], value), plenty())));
  expect(ours).toEqual(jqOutputs(`.[] | try (${name.slice(0, -2)} | tojson) catch "!\\(.)"`, VALUES));
});

test.each(withOne)(
  "given values of all types, when %s is applied, then the result or the complaint is jq's",
  (name) => {
    const pairs = VALUES.flatMap((value) => ARGUMENTS.map((argument): [Json, Json] => [value, argument]));
    const ours = pairs.map(([value, argument]) =>
      resultOf(() => toJson(call(BUILTINS[name], value, argument), plenty())),
    );
    const program = `.[] | .[1] as $x | try (.[0] | ${name.slice(0, -2)}($x) | tojson) catch "!\\(.)"`;
    expect(ours).toEqual(jqOutputs(program, pairs));
  },
);

test("given what jq 1.8.2 lacks, when it is applied, then it does what later and earlier versions did", () => {
  expect(call(BUILTINS["ascii/0"], 65)).toBe("A");
  expect(call(BUILTINS["toarray/0"], 1)).toEqual([1]);
  expect(call(BUILTINS["toarray/0"], [1])).toEqual([1]);
});

test("given values, when any builtin is applied, then they are as before", () => {
  const before = JSON.stringify(VALUES);
  for (const name of names) {
    for (const value of VALUES) resultOf(() => call(BUILTINS[name], value, "a"));
  }
  expect(JSON.stringify(VALUES)).toBe(before);
});
