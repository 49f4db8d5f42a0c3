import { describe, expect, test } from "vitest";
import { compileTemplate, readsOf, renderTemplate } from "../../../src/dsl/template.ts";
import { ExpressionSyntaxError } from "../../../src/expressions/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const rendered = (value: Json, input: Json = null, args: JsonObject = {}) =>
  renderTemplate(compileTemplate(value, Object.keys(args)), input, args, { now: 0 });

describe("given a value, when it is rendered in strict mode, then only whole ${ } strings are evaluated", () => {
  const cases: readonly (readonly [value: Json, output: Json])[] = [
    ["${ .a }", 1],
    ["  ${.a}\n", 1],
    ["${\n  .a\n  + 1\n}", 2],
    [".a", ".a"],
    ["Hello ${ .a }!", "Hello ${ .a }!"],
    ["${ empty }", null],
    [
      { x: [{ y: "${ .a }" }, "z"], w: null },
      { x: [{ y: 1 }, "z"], w: null },
    ],
    [[], []],
    [JSON.parse('{"__proto__": "${ .a }", "constructor": 2}'), JSON.parse('{"__proto__": 1, "constructor": 2}')],
    ["${ .text }", "${ .a }"],
  ];
  test.each(cases)("%j", (value, output) => {
    const result = rendered(value, { a: 1, text: "${ .a }" });
    expect(result).toEqual(output);
    expect(JSON.stringify(result)).toBe(JSON.stringify(output));
  });
});

test("given a value without expressions, when it is compiled, then it is one literal", () => {
  expect(compileTemplate({ a: [1, { b: "c" }] }, [])).toEqual({ kind: "literal", value: { a: [1, { b: "c" }] } });
});

test("given expressions in several places, when asked what they read, then each variable is named once", () => {
  const template = compileTemplate({ a: "${ $x }", b: ["${ $y + $x }", "${ .z }"] }, ["x", "y", "z"]);
  expect([...readsOf(template)].sort()).toEqual(["x", "y"]);
});

test("given a string that only begins and ends like an expression, when it is compiled, then it is refused", () => {
  expect(() => compileTemplate("${ .a } and ${ .b }", [])).toThrow(ExpressionSyntaxError);
});
