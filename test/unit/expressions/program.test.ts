import { describe, expect, test } from "vitest";
import {
  compileExpression,
  ExpressionError,
  ExpressionSyntaxError,
  isVariableName,
} from "../../../src/expressions/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const first = (source: string, input: Json = null, args: JsonObject = {}) =>
  compileExpression(source, Object.keys(args)).first(input, args);

describe("given an expression, when it is evaluated, then its first output is the value", () => {
  const cases: readonly (readonly [source: string, input: Json, args: JsonObject, output: Json | undefined])[] = [
    [".a.b", { a: { b: [1] } }, {}, [1]],
    [".a.b", null, {}, null],
    [".missing", {}, {}, null],
    [".constructor", {}, {}, null],
    ["$x", null, { x: { y: 1 } }, { y: 1 }],
    ["$x.y", null, { x: { y: 1 } }, 1],
    ['"text"', null, {}, "text"],
    ["empty", null, {}, undefined],
    ["repeat(.)", 7, {}, 7],
    [".[]", [3, 2, 1], {}, 3],
    ["\n . + 1 # a comment", 1, {}, 2],
    ['"a\\($x)b"', null, { x: '"); input' }, 'a"); inputb'],
    ["$x + $y", null, { x: "1) | halt | (", y: "\\(env)" }, "1) | halt | (\\(env)"],
    ["{$x, y: .}", 1, { x: 2 }, { x: 2, y: 1 }],
    ["$constructor", null, { constructor: 5 }, 5],
    ['{"__proto__": 1}', null, {}, JSON.parse('{"__proto__": 1}')],
    ["nan", null, {}, null],
    ["infinite", null, {}, Number.MAX_VALUE],
    ["env.HOME, $ENV.HOME", null, {}, null],
  ];
  test.each(cases)("%s", (source, input, args, output) => {
    expect(first(source, input, args)).toEqual(output);
  });
});

test("given a program that gives a zero below zero, when it runs, then the output is the zero that JSON has", () => {
  expect(Object.is(first("0 * -1"), 0)).toBe(true);
  expect(first("[-0]")).toEqual([0]);
});

describe("given a text that is no program, when it is compiled, then it is refused with the place", () => {
  const cases: readonly (readonly [source: string, message: string])[] = [
    ["", "the expression is empty (line 1, column 1)"],
    [".a |\n foo +", "unexpected end of the expression: expected an expression (line 2, column 7)"],
    ["\n\n   .a + + 2", 'unexpected "+": expected an expression (line 3, column 9)'],
    ["\u00a0.a", 'unexpected character "\u00a0" (line 1, column 1)'],
    ["1), (2", 'unexpected ")": expected an operator or the end of the expression (line 1, column 2)'],
    ["foo(1)", "foo/1 is not defined (line 1, column 1)"],
    ["$y", "$y is not defined (line 1, column 1); known here: $x"],
    ["$x + $y.z", "$y is not defined (line 1, column 6); known here: $x"],
    ["def f: 1;", "unexpected end of the expression: expected an expression (line 1, column 10)"],
    ["1 \0 2", 'unexpected character "\\u0000" (line 1, column 3)'],
    ["$__prog_args", "$__prog_args is not defined (line 1, column 1); known here: $x"],
    ["input", '"input" cannot be used: an expression reads only its input and its variables (line 1, column 1)'],
    ['"\\(input)"', '"input" cannot be used: an expression reads only its input and its variables (line 1, column 4)'],
    [". | debug", '"debug" cannot be used: an expression gives only its outputs (line 1, column 5)'],
    ["halt", '"halt" cannot be used: an expression cannot end the process; use error (line 1, column 1)'],
    ['import "a" as a; .', '"import" cannot be used: an expression has no modules (line 1, column 1)'],
  ];
  test.each(cases)("%s", (source, message) => {
    expect(() => compileExpression(source, ["x"])).toThrow(new ExpressionSyntaxError(message));
  });
});

describe("given a program that fails, when it runs, then the error carries its message", () => {
  const cases: readonly (readonly [source: string, input: Json, message: string])[] = [
    [".a", 5, 'Cannot index number with string ("a")'],
    [". + 1", "x", 'string ("x") and number (1) cannot be added'],
    ['error("a\\nb")', null, "a\nb"],
    ["error({code: 1})", null, '{"code":1}'],
    ["error(null)", null, "null"],
    ["[range(1e8)]", null, "the expression makes too much data (budget: output size)"],
    ["last(range(1e12))", null, "the expression takes too many steps (budget: fuel)"],
    ["def f: 1 + f; f", null, "the expression nests too deeply (budget: depth)"],
  ];
  test.each(cases)("%s", (source, input, message) => {
    expect(() => first(source, input)).toThrow(new ExpressionError(message));
  });
});

test("given a program that used up a budget, when another runs, then it gives its own output", () => {
  expect(() => first("def f: 1 + f; f")).toThrow(ExpressionError);
  expect(first(". + 1", 1)).toBe(2);
});

test("given variables of which some are used, when compiled, then `reads` names the used ones only", () => {
  const program = compileExpression('# $b\n"$b \\($a.x + "$c \\($d)")"', ["a", "b", "c", "d", "e"]);
  expect(program.reads).toEqual(["a", "d"]);
});

test("given a variable that the program binds itself, when compiled, then `reads` does not name it", () => {
  expect(compileExpression("1 as $a | $a + $b", ["a", "b"]).reads).toEqual(["b"]);
});

test("given a time, when `now` is read, then it is that time in seconds; without one it fails", () => {
  const program = compileExpression("[now, (now | todate)]", []);
  expect(program.first(null, {}, { now: 1_764_000_000_500 })).toEqual([1_764_000_000.5, "2025-11-24T16:00:00Z"]);
  expect(() => program.first(null, {})).toThrow(new ExpressionError("now: no time was given to this evaluation"));
});

test("given a name, when it is asked whether it can be a variable, then jq's own names cannot", () => {
  expect(["item", "_x1", "constructor"].map(isVariableName)).toEqual([true, true, true]);
  expect(["", "1x", "a-b", "ENV", "ARGS", "__loc__"].map(isVariableName)).toEqual(Array(6).fill(false));
});

test("given an input of 20,000 items, when a program reads it, then nothing is lost on the way", () => {
  const items = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `item ${id} é😀` }));
  expect(first("[.[] | .]", items)).toEqual(items);
});
