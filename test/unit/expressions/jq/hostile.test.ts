import { expect, test } from "vitest";
import { compile, JqError } from "../../../../src/expressions/jq/index.ts";

/** An evaluation with the default budgets takes a quarter of a second; the test runner makes calls between files several times slower. */
const CPU_MS = 10_000;
const RSS_BYTES = 1.5 * 2 ** 30;

/** Never end, or would make far too much. */
const HOSTILE: readonly string[] = [
  "def f: f; f",
  "def f: f | f; f",
  "def f: 1 + f; f",
  "def f: [f]; f",
  "def f: {a: f}; f",
  "def f: f, f; f",
  "def f: f // f; f",
  "def f: f as $x | $x; f",
  "def f: if . then f else f end; f",
  "def f: try f catch .; f",
  "def f: try error(f) catch f; f",
  "def f: label $x | f | ., break $x; f",
  "def f: reduce (1, 2) as $x (0; f); f",
  "def f: path(f); f",
  "path(def f: .a | f; f)",
  "def f: .a |= f; f",
  "def f(g): f(g | g); f(.)",
  "def f(g): g | f(g + 1); f(1)",
  "def f($x): f($x + 1); f(0)",
  "def f: first(f); f",
  "def f: last(f); f",
  "def f: limit(1; f); f",
  "def f: isempty(f); f",
  "def f: any(f; .); f",
  "def f: walk(f); [1] | f",
  'def f: "\\(f)"; f',
  'def f: @json "\\(f)"; f',
  `${Array.from({ length: 99 }, (_, i) => `def f${i}: ${i === 0 ? "1" : `f${i - 1} + f${i - 1}`};`).join(" ")} f98`,
  "[range(1e12)]",
  "[range(1e12) | select(. < 0)]",
  "last(range(1e12))",
  "[limit(1e9; repeat(1))]",
  "limit(1e9; range(1e9)) | select(. < 0)",
  '[repeat("x" * 1000)]',
  '"x" * 1e9',
  '"x" * 1e7 * 100',
  '[range(1e6) | "x" * 1000]',
  "reduce range(1e9) as $i (0; . + 1)",
  "reduce range(1e9) as $i ([]; . + [$i])",
  'reduce range(1e9) as $i (""; . + "xxxxxxxxxx")',
  'reduce range(100) as $i ("x"; . + .)',
  "reduce range(100) as $i ([1]; . + .)",
  "reduce range(100) as $i ([1]; [., .])",
  "reduce range(100) as $i ([1]; [., .]) | tojson",
  "reduce range(100) as $i ([1]; [., .]) | flatten",
  "reduce range(100) as $i ([1]; [., .]) | [..] | length",
  "reduce range(60) as $i ({}; {a: ., b: .}) | walk(.)",
  "reduce range(60) as $i ({}; {a: ., b: .}) | [paths] | length",
  "reduce range(60) as $i ([1]; [., .]) as $x | reduce range(60) as $i ([1]; [., .]) as $y | $x == $y",
  "reduce range(60) as $i ({}; {a: ., b: .}) | . * .",
  "reduce range(60) as $i ([1]; [., .]) | contains(.)",
  `${"[.,.]|".repeat(200)}.`,
  "foreach range(1e9) as $i (0; . + 1; empty)",
  ".[1e9] = 1",
  ".[536870911] = 1",
  '["a", 1e9] as $p | setpath($p; 1)',
  "setpath([range(1e6)]; 1)",
  "[range(1e5)] | combinations | select(. == 0)",
  "[[range(100)] | combinations(50)]",
  "until(false; .)",
  "[while(true; .)]",
  "[recurse(.)]",
  "[recurse(., .)]",
  "[recurse(. + 1)] | length",
  "label $f | repeat(.) | select(false)",
  "[range(1e5)] | map([range(1e5)])",
  "[range(3e6)] | group_by(.)",
  '"\\(range(1e9))" | select(false)',
  "{a: range(1e9)} | select(false)",
  '[limit(1e7; repeat(""))] | join("x")',
  'test("(a+)+$"; "x") as $x | $x | until(false; .)',
  '("a" * 1e5 + "b") | test("(a+)+$") as $x | until($x == 7; .)',
  '"a" * 1e5 | [scan("(a*)*b")] | until(false; .)',
  "reduce range(1e5) as $i (null; {a: .}) | .. |= .",
  "reduce range(1e5) as $i (null; [.])",
  "nan | until(. > 0; .)",
];

test.each(HOSTILE)("given %s, when it is evaluated, then it ends with an error within its budgets", (source) => {
  const program = compile(source);
  const before = process.cpuUsage();
  expect(() => program.first(null)).toThrow(JqError);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(CPU_MS);
  expect(process.memoryUsage().rss).toBeLessThan(RSS_BYTES);
  expect(compile(".a").first({ a: 1 })).toBe(1);
});

test("given 10,000 evaluations that use up their budgets, when another follows, then it is unharmed", () => {
  const spins = ["last(range(1e9))", "def f: 1 + f; f", '"x" * 1e9', "[recurse(., .)]"].map((source) =>
    compile(source),
  );
  for (let i = 0; i < 10_000; i++) {
    expect(() => spins[i % spins.length]?.first(null, {}, { fuel: 2_000, maxOutputBytes: 10_000 })).toThrow(JqError);
  }
  expect(compile("[range(3)] | add").first(null)).toBe(3);
  expect(process.memoryUsage().rss).toBeLessThan(RSS_BYTES);
});
