import { describe, expect, test } from "vitest";
import { compile, JqBudgetError, JqError } from "../../../../src/expressions/jq/index.ts";
import type { Json } from "../../../../src/values/json.ts";
import { testCases } from "./cases.ts";

describe("given programs with several outputs, when they are combined, then the order is jq's", () => {
  testCases([
    ["(1, 2) + (10, 20)", null, 11, 12, 21, 22],
    ["[(1, 2) * (3, 4)]", null, [3, 6, 4, 8]],
    ["{a: (1, 2), b: (3, 4)}", null, { a: 1, b: 3 }, { a: 1, b: 4 }, { a: 2, b: 3 }, { a: 2, b: 4 }],
    ['"\\(1, 2) \\(3, 4)"', null, "1 3", "2 3", "1 4", "2 4"],
    ["[.[(0, 1):(2, 3)]]", [0, 1, 2, 3], [[0, 1], [0, 1, 2], [1], [1, 2]]],
    ["[range(0, 1; 3, 4)]", null, [0, 1, 2, 0, 1, 2, 3, 1, 2, 1, 2, 3]],
    ["(1, null) and (1, 2)", null, true, true, false],
    ["def f($a; $b): $a + $b; [f(1, 2; 10, 20)]", null, [11, 21, 12, 22]],
    ["[pow(2, 3; 4, 5)]", null, [16, 81, 32, 243]],
    ['[splits("a", "b")]', "abc", ["", "bc", "a", "c"]],
    ["if (true, false) then 1 else 2 end", null, 1, 2],
    ["(null, 1, false, 2) // 3", null, 1, 2],
    ["empty // 3", null, 3],
    ["[1, null | if . then . else empty end]", null, [1]],
  ]);
});

describe("given patterns, when values are taken apart, then the variables are jq's", () => {
  testCases([
    [". as [$a, {b: $c}] | [$a, $c]", [1, { b: 2 }], [1, 2]],
    [
      '. as {a: $x, $b, ("c", "d"): $z, $e: [$f]} | [$x, $b, $z, $e, $f]',
      { a: 1, b: 2, c: 3, d: 4, e: [5] },
      [1, 2, 3, [5], 5],
      [1, 2, 4, [5], 5],
    ],
    [". as {(.k): $x} | $x", { k: "k" }, "k"],
    ["[.[] as [$a] ?// $a | $a]", [[1], 2], [1, 2]],
    // A step that fails has taken the state already when the source goes on with its next pattern.
    ['reduce (.[] as [$a] ?// $a | $a) as $x (0; if $x == 1 then error("t") else [., $x] end)', [[1]], [null, [1]]],
    [
      '[foreach (.[] as [$a] ?// $a | $a) as $x (0; if $x == 1 then error("t") else [., $x] end)]',
      [[1]],
      [[null, [1]]],
    ],
    [".[] as {a: $a} ?// [$b] | [$a, $b]", [{ a: 1 }, [2]], [1, null], [null, 2]],
    ['[[3]] | .[] as [$a] ?// $a | if ($a | type) == "number" then error("x") else $a end', null, [3]],
    ['[[1, 2]] | .[] as [$a] ?// $a | error("z\\($a)")', null, new Error("z[1,2]")],
    ["1 as [$a] | $a", null, new Error("Cannot index number with number (0)")],
    ["[1, 2] as [$a, $a] | $a", null, 2],
    ["{a: 1, b: 2} as {a: $x, b: $x} | $x", null, 1],
    [
      "reduce .[] as [$k, $v] ({}; .[$k] = $v)",
      [
        ["a", 1],
        ["b", 2],
      ],
      { a: 1, b: 2 },
    ],
  ]);
});

describe("given loops, when they run, then their state is jq's", () => {
  testCases([
    ["reduce (1, 2) as $x (0, 10; . + $x)", null, 3, 13],
    ["reduce (1, 2) as $x (0; . + $x, . * 2)", null, 0],
    ["reduce (1, 2) as $x (0; empty)", null, null],
    ["reduce (1, 2, 3) as $x (0; if $x == 2 then empty else . + $x end)", null, 3],
    [
      "[foreach (1, 2) as $x (0; . + $x, . * 10; [$x, .])]",
      null,
      [
        [1, 1],
        [1, 0],
        [2, 2],
        [2, 0],
      ],
    ],
    ["[foreach range(3) as $x (0; . + $x)]", null, [0, 1, 3]],
    ["[limit(3; repeat(1))], [limit(0; error)], [limit(1.5; 1, 2, 3)]", null, [1, 1, 1], [], [1, 2]],
    ["[skip(1; 1, 2, 3)], [skip(1.5; 1, 2, 3)], [nth(0, 2; range(5))]", null, [2, 3], [2, 3], [0, 2]],
    ["limit(-1; 1)", null, new Error("limit doesn't support negative count")],
    ["[first(1, error), first(empty)], isempty(1, error)", null, [1], false],
    ["[until(. > 3; . + 1, 10)]", 1, [4, 10, 10, 10]],
    ["[while(. < 3; . + 1, 10)]", 1, [1, 2]],
    ["[recurse(if . < 3 then . + 1 else empty end)], [recurse(. + 1; . < 3)]", 1, [1, 2, 3], [1, 2]],
    ["[recurse(.[]?; . != 3)]", [1, [3, [4]]], [[1, [3, [4]]], 1, [3, [4]], [4], 4]],
    ['[first(recurse(.a, error("later")))]', { a: 1 }, [{ a: 1 }]],
    ["[recurse(.[])?]", [[1, 2], [3]], [[[1, 2], [3]], [1, 2], 1]],
    ["[try recurse(.[]) catch .]", [[1, 2], [3]], [[[1, 2], [3]], [1, 2], 1, "Cannot iterate over number (1)"]],
    ["[limit(4; recurse(.[]))]", [[1, 2], [3]], new Error("Cannot iterate over number (1)")],
    ["[recurse(.a, .b)?]", { a: 1, b: { a: 2 } }, [{ a: 1, b: { a: 2 } }, 1]],
    ['[recurse(if . < 2 then . + 1, . + 2, error("e") else empty end)?]', 0, [0, 1, 2, 3]],
    [
      "[label $f | recurse(if . < 2 then . + 1, break $f else (label $g | ., break $g | select(. > 9)) end)]",
      0,
      [0, 1, 2],
    ],
    ["[range(0; -1; nan)], [range(0; 10; nan)], [limit(3; range(0; null; nan))]", null, [0], [], [0, null, null]],
    ['[range("a"; 1; nan)]', null, new Error('string ("a") and number (null) cannot be added')],
    ["[limit(3; recurse(. + 1, empty))]", 0, [0, 1, 2]],
    ["[range(5; 0; -2)], [range(0; 1; 0)], [range(2; 0)]", null, [5, 3, 1], [], []],
    ["[label $a | label $b | 1, break $a, 2], [label $x | (1, 2) | ., break $x]", null, [1], [1]],
    ["[.[] | label $x | if . > 1 then break $x else . end]", [1, 2, 1], [1, 1]],
    ["label $x | [1, break $x]", null],
    ["def f(g): [g]; [label $x | f(1, break $x)], 2", null, [], 2],
    ['[walk(if type == "number" then (., .) else . end)]', [1, { a: 3 }], [[1, 1, { a: 3 }]]],
    ["walk(if . == 1 then empty else . end)", { a: 1, b: [1, 2] }, { b: [2] }],
  ]);
});

describe("given errors, when they are caught, then only those of the body are", () => {
  testCases([
    ['try error("x") catch .', null, "x"],
    ["[.[] | try error catch .]", [1, null], [1, null]],
    ['[(1, error("x"), 2)?]', null, [1]],
    ['try (1, error("a")) catch error("b")', null, new Error("b")],
    ['try ((1 | try . catch 2) | error("outside")) catch .', null, "outside"],
    ['(try 1 catch 2) | error("out")', null, new Error("out")],
    ['error("x") // 1', null, new Error("x")],
    ["[label $out | try (break $out) catch .]", null, [{ __jq: 0 }]],
    ["[label $out | (1, break $out, 2)?]", null, [1]],
    [".a?, .[0]?, (1 | .[]?)", { a: 1 }, 1],
    ["try ([1] | .a) catch .", null, 'Cannot index array with string ("a")'],
    ["try error(1, 2) catch .", null, 1],
    ["error(empty)", null],
    ["try (def f: f; [f]) catch 1", null, new Error("the expression takes too many steps (budget: fuel)")],
  ]);
});

describe("given functions, when they are called, then their closures see what was around them", () => {
  testCases([
    [
      "def id(x): x; 2000 as $x | def f(x): 1 as $x | id([$x, x, x]); def g(x): 100 as $x | f($x, $x + x); g($x)",
      "more",
      [1, 100, 2100, 100, 2100],
    ],
    ["def f(g): if . < 3 then (g | f(g)) else . end; [f(. as $y | . + 1, $y + 2)]", 0, [3, 4, 3, 3, 4]],
    ["def f: (. as $y | . + 1, $y); [f | f]", 0, [2, 1, 1, 0]],
    ["def f($a): 10 | a; 1 | f(. + 1)", null, 11],
    ["def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; 10 | fac", null, 3_628_800],
    ["def f: if . > 100000 then . else . + 1 | f end; 0 | f", null, 100_001],
    ["def f: ., (. + 1 | if . < 100000 then f else empty end); [f] | length", 0, 100_000],
    ["def a(f): def b: f; b; 5 | a(. + 1)", null, 6],
    ["def f(x; y): x, y; [f(1; 2, 3)]", null, [1, 2, 3]],
    ['def map(f): "mine"; map(.), (def input: 3; input)', null, "mine", 3],
  ]);
});

test("given keys that mean something to JavaScript, when a program reads and writes them, then they are data like others", () => {
  const input = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
  expect(compile(".__proto__.a, .constructor, .toString, .hasOwnProperty").all(input)).toEqual([1, 2, null, null]);
  const [made] = compile('.["__proto__"].b = 1 | .toString = 2 | . + {valueOf: 3}').all({});
  expect(JSON.stringify(made)).toBe('{"__proto__":{"b":1},"toString":2,"valueOf":3}');
  expect(compile('{"__proto__": 1, a: 2} | to_entries | from_entries | keys').first(null)).toEqual(["__proto__", "a"]);
  expect(compile('reduce ("__proto__", "a") as $k ({}; .[$k] += 1) | tojson').first(null)).toBe(
    '{"__proto__":1,"a":1}',
  );
  expect(compile('[{k: "__proto__"}] | INDEX(.k) | keys').first(null)).toEqual(["__proto__"]);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>).b).toBeUndefined();
});

test("given a reduce that builds on its own state, when parts of the state were kept, then they stay as they were", () => {
  const all = (source: string) => compile(source).all(null);
  expect(all("reduce range(3) as $i ([]; . + [$i] | . + [.])")).toEqual([
    [0, [0], 1, [0, [0], 1], 2, [0, [0], 1, [0, [0], 1], 2]],
  ]);
  expect(all("reduce range(3) as $i ({}; .n += 1 | .old = .)")).toEqual([
    { n: 3, old: { n: 3, old: { n: 2, old: { n: 1 } } } },
  ]);
  expect(all('[foreach range(3) as $i ({}; .["k\\($i)"] = $i)]')).toEqual([
    [{ k0: 0 }, { k0: 0, k1: 1 }, { k0: 0, k1: 1, k2: 2 }],
  ]);
  expect(all("{a: [1]} as $x | reduce range(2) as $i ($x; .a += [$i]) | [., $x]")).toEqual([
    [{ a: [1, 0, 1] }, { a: [1] }],
  ]);
  expect(all("reduce range(2) as $i ([[0]]; (.[0], .[1]) |= [., .] | .[0][0][0] = 9)")).toHaveLength(1);
  expect(all("[[1]] | (.[0], .[0][0]) |= [., .] | .[0][0][0] = 5 | .[0][1]")).toEqual([[1]]);
});

test("given budgets, when one is used up, then the error names it, and the next evaluation has its own", () => {
  const spin = compile("last(range(1e6))");
  expect(() => spin.first(null, {}, { fuel: 1_000 })).toThrow(new JqBudgetError("fuel"));
  expect(spin.first(null)).toBe(999_999);
  const long = compile('"ab" * 1000');
  expect(() => long.first(null, {}, { maxOutputBytes: 100 })).toThrow(new JqBudgetError("output"));
  expect(() => compile("reduce range(40) as $i ([1]; [., .])").first(null)).toThrow(new JqBudgetError("output"));
});

test("given arguments, when a program runs, then it sees those it reads and null for those not given", () => {
  const program = compile("[$a, $b]", { variables: ["a", "b", "c"] });
  expect(program.first(null, { a: 1, c: 3 })).toEqual([1, null]);
  expect(program.first(null)).toEqual([null, null]);
});

describe("given outputs that hold constants, when their receiver changes them, then the program stays as it was", () => {
  test.each([
    "[1, 2]",
    "{a: {b: 1}}",
    "[]",
    "{}",
    "env",
    "$ENV",
    "builtins",
    "$__loc__",
    "[[1] + [2]]",
    "[{a: [1]}, .]",
    "{a: {b: 1}}.a",
  ])("%s", (source) => {
    const program = compile(source);
    const before = JSON.stringify(program.all(null));
    for (const output of program.all(null)) spoil(output);
    spoil(program.first(null));
    expect(JSON.stringify(program.all(null))).toBe(before);
  });
});

test.each(["[1, 2] | error", "error({a: [1]})", "try error([1]) catch error([., [2]])"])(
  "given the value of an error of %s, when its receiver changes it, then later errors are not changed",
  (source) => {
    const program = compile(source);
    const caught = (): Json => {
      try {
        return program.first(null) ?? null;
      } catch (error) {
        if (error instanceof JqError) return error.value;
        throw error;
      }
    };
    const before = JSON.stringify(caught());
    spoil(caught());
    expect(JSON.stringify(caught())).toBe(before);
  },
);

/** Changes whatever can be changed. */
function spoil(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) spoil(member);
  if (Array.isArray(value)) value.push(9);
  else Reflect.set(value, "spoilt", true);
}

describe("given a program that gives a part of what it is given, when it runs, then its output is judged like any other", () => {
  test.each([".", ".a", ".a.b", "$x", "$x.a", "$x.a.b"])("%s", (source) => {
    const program = compile(source, { variables: ["x"] });
    const keys = source.split(".").filter((key) => key !== "" && key !== "$x");
    const first = (output: Json, maxOutputBytes?: number): Json | undefined => {
      const given = keys.reduceRight<Json>((inside, key) => ({ [key]: inside }), output);
      return program.first(given, { x: given }, maxOutputBytes === undefined ? {} : { maxOutputBytes });
    };
    expect(() => first(JSON.parse("[".repeat(1_001) + "]".repeat(1_001)))).toThrow(new JqBudgetError("depth"));
    expect(() => first("x".repeat(100), 99)).toThrow(new JqBudgetError("output"));
    expect(() => first(1, 3)).toThrow(new JqBudgetError("output"));
    expect(first([Number.NaN, Number.POSITIVE_INFINITY])).toEqual([null, Number.MAX_VALUE]);
    expect(Object.is(first(-0), 0)).toBe(true);
    const output = { c: [1, "x"] };
    expect(first(output)).toBe(output);
  });
});
