import { describe, expect, test } from "vitest";
import { compile, JqSyntaxError } from "../../../../src/expressions/jq/index.ts";
import { testCases } from "./cases.ts";

describe("given operators, when a program is parsed, then they bind as in jq", () => {
  testCases([
    ["1 + 2 * 3 - 4 / 2 % 3", null, 5],
    ["1 - 2 - 3", null, -4],
    ["1, 2 | . + 1", null, 2, 3],
    ["1 // 2 // 3", null, 1],
    ["null // null // 3", null, 3],
    ["true or false and false", null, true],
    ["1 + 1 == 2 and 3 > 2", null, true],
    ["1 + 2 as $x | -$x", null, -3],
    ["1 as $x | 2, $x", null, 2, 1],
    [".a = .b // 7", { a: null, b: 2 }, { a: 2, b: 2 }],
    ["1 + try 2 catch 3 + 4", null, 7],
    ["-.a", { a: 1 }, -1],
    ["-try 1", null, -1],
    ["[.[] | if . then 1 elif true then 2 end]", [true, false], [1, 2]],
    ["[if false then 1 end]", 7, [7]],
    ["reduce .[] as $x (0; . + $x) | . * 2", [1, 2], 6],
    ["try error(1) // 2", null, 2],
    ["def f: 1; def g: f + 1; g, f", null, 2, 1],
    ["def f: def g: 3; g; f", null, 3],
    ["def f(x): x | x; f(. + 1)", 1, 3],
  ]);
});

describe("given fields, keys and strings, when a program is parsed, then they are read as in jq", () => {
  testCases([
    [".a.b", { a: { b: 1 } }, 1],
    ['."a"."b c"', { a: { "b c": 1 } }, 1],
    ['.["a"].["b"]', { a: { b: 1 } }, 1],
    [".and, .if, .reduce", { and: 1, if: 2, reduce: 3 }, 1, 2, 3],
    ["{if: 1, and: 2, a, as}", { a: 3, as: 4 }, { if: 1, and: 2, a: 3, as: 4 }],
    ['{"a b", @base64 "x": 2, "c\\(1)": 3, (.k): 4}', { "a b": 1, k: "d" }, { "a b": 1, x: 2, c1: 3, d: 4 }],
    ["1 as $x | {$x, $__loc__}", null, { x: 1, __loc__: { file: "<top-level>", line: 1 } }],
    ['"k" as $x | {$x: 1}', null, { k: 1 }],
    ["{a: 1 | . + 1, b: 2 // 3}", null, { a: 2, b: 2 }],
    ["{(1, 2 | tostring): 3}", null, { "1": 3 }, { "2": 3 }],
    ['"\\u00e9\\ud83d\\ude00\\udc00\\n\\t\\/"', null, "é😀\ufffd\n\t/"],
    ['.@base64 "x", .a.@json "b"', { eA: 0, x: 1, a: { b: 2 } }, 1, 2],
    ['"a\\("b\\("c")")d"', null, "abcd"],
    ['@json "x\\(.)", @text', [1], "x[1]", "[1]"],
    [". # \\\n comment goes on\n + 1", 1, 2],
    ["#!\n1", null, 1],
    [".5, 1., 1e2, .5e-1", null, 0.5, 1, 100, 0.05],
    [".[1:][:1], .[:-1][1:]", [1, 2, 3], [2], [2]],
    [".a?.b?, .[]?", 1],
    ["1 as $if | $if", null, 1],
    ["label $then | 1, break $then, 2", null, 1],
    ["..", [1], [1], 1],
    ["$__loc__.line\n| ., ($__loc__ | .line)", null, 1, 2],
  ]);
});

const HALF_ALONE = "after \\uD800 to \\uDBFF comes the second half of a surrogate pair, \\uDC00 to \\uDFFF";

describe("given a text that is no program, when it is compiled, then the error says where and what was expected", () => {
  const refused: readonly (readonly [source: string, line: number, column: number, message: string])[] = [
    ["", 1, 1, "the expression is empty"],
    ["# nothing", 1, 1, "the expression is empty"],
    [".a |", 1, 5, "unexpected end of the expression: expected an expression"],
    ["(1", 1, 3, 'unexpected end of the expression: expected ")"'],
    ["[1 2]", 1, 4, 'unexpected "2": expected "]"'],
    ["{a: 1", 1, 6, 'unexpected end of the expression: expected "," or "}"'],
    ["{1: 2}", 1, 2, 'unexpected "1": expected a key, a string, a variable, "(" or "}"'],
    ["{(1): 2}", 1, 3, "a key must be a string, not 1"],
    ["{(.a)}", 1, 6, 'unexpected "}": expected ":" after the key'],
    ["if . then 1", 1, 12, 'unexpected end of the expression: expected "elif", "else" or "end"'],
    ["if .\nelse 1 end", 2, 1, 'unexpected "else": expected "then"'],
    [". as [] | 1", 1, 7, 'unexpected "]": expected a pattern: a variable, "[" or "{"'],
    [". as $x", 1, 8, 'unexpected end of the expression: expected "|" after the pattern'],
    ["reduce . as $x (0)", 1, 18, 'unexpected ")": expected ";"'],
    ["def f: 1", 1, 9, 'unexpected end of the expression: expected ";" after the body of the function'],
    ["def f(1): 1; f", 1, 7, 'unexpected "1": expected the name of a parameter'],
    ["1 < 2 < 3", 1, 7, 'unexpected "<": expected parentheses, since such operators cannot follow each other,'],
    ["break", 1, 6, "unexpected end of the expression: expected the label to break to"],
    ["break $x", 1, 1, "there is no label $x to break to"],
    ['"abc', 1, 1, "the string that begins here is not closed"],
    ['"a\\qb"', 1, 3, 'invalid escape \\q; expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX or \\( )'],
    ['"\\(1;2)"', 1, 5, 'unexpected ";": expected ")" after the program inside the string'],
    ...['"\\ud83d"', '"\\ud83d\\n"', '"\\ud83d\\u0041"', '"\\ud83d\\ud83d\\ude00"', '"\\ud83dx"'].map(
      (source) => [source, 1, 2, HALF_ALONE] as const,
    ),
    ["def f: .; f.[1:]", 1, 15, 'unexpected ":": expected "]" (a slice has no dot before its bracket)'],
    ["1 .[:1]", 1, 5, 'unexpected ":": expected "]" (a slice has no dot before its bracket)'],
    [".@base64", 1, 9, "unexpected end of the expression: expected a string"],
    [". %% 2", 1, 4, 'unexpected "%": expected an expression'],
    ["1 & 2", 1, 3, 'unexpected character "&"'],
    [". foo", 1, 3, 'unexpected "foo": expected a field without a blank after the dot: .name, ."name" or .["name"]'],
    [".a?//1", 1, 3, 'unexpected "?//": expected an operator or the end of the expression'],
    ["nope(1; 2)", 1, 1, "nope/2 is not defined"],
    ["def f: nope; 1", 1, 8, "nope/0 is not defined"],
    ["1 as $a | $b", 1, 11, "$b is not defined; known here: $a, $input"],
    ["[halt]", 1, 2, '"halt" cannot be used: an expression cannot end the process; use error'],
  ];
  test.each(refused)("%s", (source, line, column, message) => {
    const attempt = () => compile(source, { variables: ["input"] });
    expect(attempt).toThrow(JqSyntaxError);
    expect(attempt).toThrow(expect.objectContaining({ line, column, message }));
  });
});

describe("given a program that is too large, when it is compiled, then it is refused", () => {
  test.each([
    ["brackets inside each other", `${"[".repeat(301)}${"]".repeat(301)}`],
    ["a chain of operators", `1${" + 1".repeat(1_000)}`],
    ["a chain of fields", `.a${".a".repeat(1_000)}`],
    ["bindings", `${"1 as $x | ".repeat(301)}.`],
    ["characters", " ".repeat(262_145)],
    ["words and signs", `[${Array(33_000).fill("1").join(",")}]`],
  ])("%s", (_what, source) => {
    expect(() => compile(source)).toThrow(JqSyntaxError);
  });

  test("a list of many values is none of these", () => {
    expect(compile(`[${Array(20_000).fill("1").join(",")}] | length`).first(null)).toBe(20_000);
  });
});

test("given one text and one set of variables, when compiled again, then the same program is given", () => {
  const program = compile(".a + $x + $y", { variables: ["x", "y"] });
  expect(compile(".a + $x + $y", { variables: ["y", "x"] })).toBe(program);
  expect(program.reads).toEqual(["x", "y"]);
});

test("given texts and variables that look like each other, when they are compiled, then each is a program of its own", () => {
  compile("-1", { variables: ["now"] });
  expect(compile("now\n-1").first(null, {}, { now: 5_000 })).toBe(4);
  compile(".a", { variables: ["keys"] });
  expect(() => compile("keys\n.a").first({ a: 1 })).toThrow("Cannot index array");
  const variables = [[], ["a b"], ["a", "b"], ["a", "b", "c"]];
  expect(new Set(variables.map((names) => compile("1 + 1", { variables: names }))).size).toBe(4);
});
