import { describe, expect, test } from "vitest";
import { compileExpression, ExpressionError, ExpressionSyntaxError } from "../../../src/expressions/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const first = (source: string, input: Json = null, args: JsonObject = {}) =>
  compileExpression(source, Object.keys(args)).first(input, args);

describe("given a program, when it runs, then its first output is jq's", () => {
  const cases: readonly (readonly [source: string, input: Json, args: JsonObject, output: Json | undefined])[] = [
    [".a.b", { a: { b: [1] } }, {}, [1]],
    [".a.b", null, {}, null],
    [".missing", {}, {}, null],
    [".constructor", {}, {}, null],
    ["$x", null, { x: { y: 1 } }, { y: 1 }],
    ["$x.y", null, { x: { y: 1 } }, 1],
    ['"text"', null, {}, "text"],
    ["12.5", null, {}, 12.5],
    ["null", 1, {}, null],
    ["false", 1, {}, false],
    ["1 + 1", null, {}, 2],
    ["empty", null, {}, undefined],
    ["repeat(.)", 7, {}, 7],
    [".[]", [3, 2, 1], {}, 3],
    ["def f(x): x | x; f(. + 1)", 1, {}, 3],
    ["def f: 1; def g: f + 1; g", null, {}, 2],
    [". + 1 # a comment", 1, {}, 2],
    [". + 1 # continued \\", 1, {}, 2],
    ["# first\n. + 1", 1, {}, 2],
    [".a\n  | length", { a: [1, 2] }, {}, 2],
    ['"a\\($x)b"', null, { x: '"); input' }, 'a"); inputb'],
    ['"a\\("\\($x)")b"', null, { x: "-" }, "a-b"],
    ["$x + $y", null, { x: "1) | halt | (", y: "\\(env)" }, "1) | halt | (\\(env)"],
    ["{$x, y: .}", 1, { x: 2 }, { x: 2, y: 1 }],
    ["{input: 1, env, if: 2}", { env: 3 }, {}, { input: 1, env: 3, if: 2 }],
    [". as {input: $i} | $i", { input: 4 }, {}, 4],
    [".input", { input: 5 }, {}, 5],
    ["$__loc__.line", null, {}, 1],
    ["[0 * -1]", null, {}, [0]],
    ['{"__proto__": 1}', null, {}, JSON.parse('{"__proto__": 1}')],
    ["nan", null, {}, null],
    ["-1", null, {}, -1],
  ];
  test.each(cases)("%s", (source, input, args, output) => {
    expect(first(source, input, args)).toEqual(output);
  });
});

describe("given a simple program evaluated without jq, when jq runs it too, then both say the same", () => {
  const inputs: readonly Json[] = [
    null,
    true,
    5,
    "text",
    [],
    [1],
    {},
    { a: 1 },
    { a: { b: 2 } },
    { a: null },
    { a: [] },
  ];
  const sources = [
    ".",
    ".a",
    ".a.b",
    "$x",
    "$x.a",
    "$x.a.b",
    '"a b"',
    "0",
    "1.25",
    "true",
    "null",
    ".k_of_more_than_24_characters",
  ];
  const outcome = (source: string, value: Json) => {
    try {
      return { output: first(source, value, { x: value }) };
    } catch (error) {
      return { error: error instanceof ExpressionError ? error.message : error };
    }
  };
  test.each(sources)("%s", (source) => {
    for (const input of inputs) expect(outcome(source, input)).toEqual(outcome(`${source} | .`, input));
  });
});

describe("given a text that is no program, when it is compiled, then it is refused with jq's words", () => {
  const cases: readonly (readonly [source: string, message: string])[] = [
    ["", "the expression is empty"],
    [".a |\n foo +", "syntax error, unexpected end of file (line 2, column 6)"],
    ["1), (2", "syntax error, unexpected INVALID_CHARACTER, expecting end of file (line 1, column 2)"],
    ["foo(1)", "foo/1 is not defined (line 1, column 1)"],
    ["$y", "$y is not defined (line 1, column 1); known here: $x"],
    ["$x + $y.z", "$y is not defined (line 1, column 6); known here: $x"],
    ["def f: 1;", "syntax error, unexpected end of file (line 1, column 9)"],
    ["1 \0 2", "an expression cannot hold the character U+0000"],
    ["input", '"input" cannot be used in a workflow'],
    ["[inputs]", '"inputs" cannot be used in a workflow'],
    ["env.HOME", '"env" cannot be used in a workflow'],
    ["$ENV.HOME", '"$ENV" cannot be used in a workflow'],
    ["$ARGS", '"$ARGS" cannot be used in a workflow'],
    ["$__prog_args", '"$__prog_args" cannot be used in a workflow'],
    ['"\\(input)"', '"input" cannot be used in a workflow'],
    ["{a: if . then 1, input else 2 end}", '"input" cannot be used in a workflow'],
    [". | debug", '"debug" cannot be used in a workflow'],
    ["halt", '"halt" cannot be used in a workflow'],
    ['import "a" as a; .', '"import" cannot be used in a workflow'],
    ['include "a"; .', '"include" cannot be used in a workflow'],
  ];
  test.each(cases)("%s", (source, message) => {
    expect(() => compileExpression(source, ["x"])).toThrow(new ExpressionSyntaxError(message));
  });
});

describe("given a program that fails, when it runs, then the error carries jq's message", () => {
  const cases: readonly (readonly [source: string, input: Json, message: string])[] = [
    [".a", 5, 'Cannot index number with string ("a")'],
    [". + 1", "x", 'string ("x") and number (1) cannot be added'],
    ['error("a\\nb")', null, "a\nb"],
    ["error({code: 1})", null, '{"code":1}'],
    ["[range(1e8)]", null, "jq ran out of memory or nests too deeply"],
  ];
  test.each(cases)("%s", (source, input, message) => {
    expect(() => first(source, input)).toThrow(new ExpressionError(message));
  });
});

test("given a program that broke jq, when another runs in the same turn, then it gives its own output", () => {
  expect(() => first("def f: 1 + f; f")).toThrow(ExpressionError);
  expect(first(". + 1", 1)).toBe(2);
});

test("given variables of which some are used, when compiled, then `reads` names the used ones only", () => {
  const program = compileExpression('# $b\n"$b \\($a.x + "$c \\($d)")"', ["a", "b", "c", "d", "e"]);
  expect(program.reads).toEqual(["a", "d"]);
});

test("given an input of 20,000 items, when a program reads it, then nothing is lost on the way", () => {
  const items = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `item ${id} é😀` }));
  expect(first("[.[] | .]", items)).toEqual(items);
});
