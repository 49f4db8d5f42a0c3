import { describe, expect, test } from "vitest";
import { compile } from "../../../../src/expressions/jq/index.ts";
import type { Json } from "../../../../src/values/json.ts";
import { testCases } from "./cases.ts";

describe("given path expressions, when their paths are asked for, then they are jq's", () => {
  testCases([
    ["[path(.a[].b?)]", { a: [{ b: 1 }, 2] }, [["a", 0, "b"]]],
    ["[path(..)]", [[1]], [[], [0], [0, 0]]],
    ["[paths]", { b: 1, a: [2] }, [["b"], ["a"], ["a", 0]]],
    ['[paths(type == "number")]', { b: 1, a: [2] }, [["b"], ["a", 0]]],
    ["path(if .a then .b else .c end), path(.a // .b), path(.x // .b)", { a: 1 }, ["b"], ["a"], ["b"]],
    [
      "[path(first(.a, .b)), path(limit(2; .a, .b, .c)), path(skip(1; .a, .b)), path(nth(1; .a, .b))]",
      null,
      [["a"], ["a"], ["b"], ["b"], ["b"]],
    ],
    ['path(getpath(["a", 0]) | .b)', null, ["a", 0, "b"]],
    ["path(.[1:][0]), path(.[-1])", [1, 2], [{ start: 1, end: null }, 0], [-1]],
    ["[path(.a | select(.b))]", { a: { b: 1 } }, [["a"]]],
    ["path(.a | recurse(.b?; . != null))", { a: { b: null } }, ["a"]],
    ["[path(.. | numbers)]", [1, { a: 2 }], [[0], [1, "a"]]],
    ["path(.a and true), path(.)", { a: true }, ["a"], []],
    ["path(1)", 1, new Error("Invalid path expression with result 1")],
    ["path(. as $x | $x)", [1], []],
    ["path(map(.a))", [{ a: 1 }], new Error("Invalid path expression with result [1]")],
    ["path(map(.) | .[0])", [1], new Error("Invalid path expression near attempt to access element 0 of [1]")],
    ["path(map(.) | .[])", [1], new Error("Invalid path expression near attempt to iterate through [1]")],
    [
      "def f: .a, .b; [path(f | .c)]",
      null,
      [
        ["a", "c"],
        ["b", "c"],
      ],
    ],
    ['path(label $x | .a, break $x, .b), path(try error catch .), path(error("x")?)', null, ["a"], []],
    [
      "[path(foreach (.a, .b) as $x (.; .c; .d))]",
      null,
      [
        ["a", "c", "d"],
        ["b", "c", "d"],
      ],
    ],
    [
      "try path({a: 1} as $x | error($x.a)) catch .",
      null,
      'Invalid path expression near attempt to access element "a" of {"a":1}',
    ],
    ['try path(error(.a)) catch ., try path(error("x")) catch .', { a: 1 }, 1, "x"],
    ["path(last(.a, .b))", null, []],
    ["path(until(.a == null; .a))", { a: { a: null } }, ["a"]],
  ]);
});

describe("given updates, when they run, then a changed copy is given", () => {
  testCases([
    ['.a = 1, .a.b.c = 1, .["x"] = 2', null, { a: 1 }, { a: { b: { c: 1 } } }, { x: 2 }],
    [".[2] = 1, .[1:3] = [9]", null, [null, null, 1], [9]],
    [".[-1] = 5", [0, 1], [0, 5]],
    [".[-1] = 5", [], new Error("Out of bounds negative array index")],
    [".[1e9] = 1", null, new Error("Array index too large")],
    [".[nan] = 1", [1], new Error("Cannot set array element at NaN index")],
    [".a = 1", [], new Error('Cannot index array with string ("a")')],
    [".[0:1] = 1", [1], new Error("A slice of an array can only be assigned another array")],
    ['.[0:1] = "x"', "abc", new Error("Cannot update string slices")],
    [".a += (1, 2), (.a |= (5, 6)), (.a = (1, 2))", { a: 10 }, { a: 11 }, { a: 12 }, { a: 5 }, { a: 1 }, { a: 2 }],
    [".a -= 1 | .a *= 4 | .a /= 2 | .a %= 4 | .b //= 7", { a: 6 }, { a: 2, b: 7 }],
    [".[] |= empty, (.[] | select(. >= 2)) |= empty", [1, 5, 3], [], [1]],
    ["(.a, .b) |= empty", { a: 1, b: 2, c: 3 }, { c: 3 }],
    ['.. |= (if type == "number" then . + 1 else . end)', [1, [2]], [2, [3]]],
    [".[1:3] |= map(. * 10)", [1, 2, 3, 4], [1, 20, 30, 4]],
    ["(.a as $x | .b) = $__loc__.line", { a: 1 }, { a: 1, b: 1 }],
    ["map_values(. + 1), map_values(empty)", { a: 1 }, { a: 2 }, {}],
    [".[] += 1, with_entries(.value += 1)", { a: 1, b: 2 }, { a: 2, b: 3 }, { a: 2, b: 3 }],
    ['setpath(["a", 0]; 1), setpath([]; 2)', null, { a: [1] }, 2],
    ['getpath(["a", "b"]) = 1', null, { a: { b: 1 } }],
    ["(.a, .a.b) = {b: 1}", null, { a: { b: { b: 1 } } }],
    ["to_entries, (.a | to_entries?)", { a: [1] }, [{ key: "a", value: [1] }], [{ key: 0, value: 1 }]],
  ]);
});

describe("given a reduce that changes its state, when the left side of an update reads it, then it reads what was before", () => {
  testCases([
    ["reduce (1, 2) as $i ([0, 10, 20]; (.[0], .[.[0]]) += 1)", null, [3, 10, 21]],
    [
      'reduce ("a", "b") as $k ({cur: "z"}; .cur = "z" | (.cur, .seen[.cur]) = $k)',
      null,
      { cur: "b", seen: { z: "b" } },
    ],
    [
      "reduce range(3) as $i ({n: 0}; .n += 1 | (.n, .log[.n | tostring]) |= (. // 0) + 1)",
      null,
      { n: 6, log: { 1: 1, 3: 1, 5: 1 } },
    ],
    [
      "reduce (1, 2, 3) as $i ({}; .x = 1 | (.a, (if .a == 2 then .b else .c end)) = $i)",
      null,
      { x: 1, a: 3, c: 2, b: 3 },
    ],
    ["reduce (1, 2) as $i ([1]; .[0] = 1 | (.[] as $x | .[length]) = $i)", null, [1, 1, 2]],
    ["reduce (1, 2) as $i ([0]; .[0] = 3 | (.[0], .[.[0]]) |= empty)", null, []],
    [
      "reduce 1 as $i ([range(3000)]; .[0] = 0 | (.[] as $x | .[.[0] + $x]) += 1) | [length, .[0], .[2999]]",
      null,
      [3000, 1, 3000],
    ],
    ['reduce 1 as $i ({}; .x = 1 | (.a, error("path")) |= error("update"))', null, new Error("update")],
    ["try reduce 1 as $i ({}; .x = 1 | (.a, error(.)) |= 1) catch .", null, { x: 1 }],
    ['reduce 1 as $i ({}; .x = 1 | (.a, error("path")) |= 1)', null, new Error("path")],
    ["[label $f | reduce 1 as $i ({}; .x = 1 | (.a, break $f) |= (label $g | 1, break $g))]", null, []],
    ['label $f | reduce 1 as $i ({}; .x = 1 | (.a, break $f) |= error("update"))', null, new Error("update")],
    ['reduce 1 as $i ({}; .x = 1 | (repeat(.a)) |= error("update"))', null, new Error("update")],
  ]);
});

describe("given deletions, when they run, then what is left is jq's", () => {
  testCases([
    [
      "del(.a), del(.a, .b), del(.x), del(.), del(empty)",
      { a: 1, b: 2 },
      { b: 2 },
      {},
      { a: 1, b: 2 },
      null,
      { a: 1, b: 2 },
    ],
    ["del(.[0, 2]), del(.[1:]), del(.[-1]), del(.[]), del(.[5])", [1, 2, 3], [2], [1], [1, 2], [], [1, 2, 3]],
    ["del(.[0].a, .[1])", [{ a: 1, b: 2 }, 3], [{ b: 2 }]],
    ["del(.. | select(. == 1))", { a: 1, b: [1, 2, { c: 1 }] }, { b: [2, {}] }],
    ['delpaths([["a", "b"], ["a"]]), delpaths([])', { a: { b: 1 } }, {}, { a: { b: 1 } }],
    ["delpaths(1)", {}, new Error("Paths must be specified as an array")],
    ["delpaths([1])", {}, new Error("Path must be specified as array, not number")],
    ["del(.[0].a)", [[1]], new Error('Cannot index array with string ("a")')],
    ["pick(.a, .b[1])", { a: 1, b: [2, 3, 4], c: 5 }, { a: 1, b: [null, 3] }],
    ["pick(.[-1])", [1, 2], new Error("Out of bounds negative array index")],
    ["[tostream]", { a: [1, {}], b: 2 }, [[["a", 0], 1], [["a", 1], {}], [["a", 1]], [["b"], 2], [["b"]]]],
    ["fromstream(tostream)", { a: [1, { b: 2 }], c: [] }, { a: [1, { b: 2 }], c: [] }],
  ]);
});

test("given data that nests 10,000 levels deep, when it is walked, changed and compared, then nothing overflows", () => {
  const nested = "reduce range(10000) as $i (0; [.])";
  const cases: readonly (readonly [source: string, output: Json])[] = [
    ["[..] | length", 10_001],
    ["[paths] | length", 10_000],
    ["walk(.) | flatten", [0]],
    ["flatten", [0]],
    ["(.. | numbers) = 1 | flatten", [1]],
    ["del(.. | numbers) | flatten", []],
    ["getpath([range(10000) | 0])", 0],
    [". == .", true],
    ["[.] | unique | length", 1],
    ["[tostream] | length", 10_001],
    ["tojson | length", 20_001],
  ];
  for (const [source, output] of cases) {
    expect(compile(`${nested} | ${source}`).first(null, {}, { fuel: 1e9, maxOutputBytes: 1e10 }), source).toEqual(
      output,
    );
  }
});
