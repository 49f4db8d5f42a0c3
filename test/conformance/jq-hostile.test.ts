import { afterEach, describe, expect, test } from "vitest";
import { compile, JqError, JqSyntaxError } from "../../src/expressions/jq/index.ts";

/** An evaluation with the default budgets is meant to take a quarter of a second; the machine may be busy and the code cold. */
const CPU_MS = 5_000;
const RSS_BYTES = 1.5 * 2 ** 30;
const RUNS = 10_000;
const SMALL_BUDGET = { fuel: 5_000, maxOutputBytes: 20_000, now: 0 };

const DEEP = "reduce range(20000) as $_ (1; [.])";
const DEEP_OBJECT = "reduce range(20000) as $_ (1; {a: .})";
const SHARED = "reduce range(64) as $_ (1; [., .])";

/** Patterns that make a matcher without a budget try for years, on texts that make them. */
const PATTERNS: readonly string[] = [
  '"\\("a" * 40)!" | test("^(a+)+$")',
  '"\\("a" * 40)!" | test("^(a|a)*$")',
  '"\\("a" * 40)!" | test("^(a|aa)+$")',
  '"\\("a" * 5000)!" | test("^(.*?,){20}x")',
  '"\\("a" * 40)!" | test("(a*)*b")',
  '"\\("a" * 40)!" | test("((a+)+)+$")',
  '"\\("ab" * 40)!" | test("^((ab)*)*$")',
  '"\\("a" * 40)" | test("(?<x>a*)\\\\k<x>\\\\k<x>b")',
  '"\\("a" * 30)" | test("(a?){30}a{30}b")',
  '"\\("a" * 200000)" | test("a*a*a*a*b")',
  '"\\("a" * 200000)" | [match("a*?b"; "g")]',
  '"\\("a" * 100000)" | [match("(?=(a+))a*b\\\\1"; "g")]',
  '"\\("a" * 100000)" | [scan("(?<=a+)b")]',
  '"\\("x" * 100000)" | [match(""; "g")] | length',
  '"\\("x" * 100000)" | gsub(""; "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy")',
  '"\\("x" * 10000)" | gsub("x"; "y", "z")',
  '"\\("x" * 1000000)" | gsub("x"; "") | length',
  '"\\("a" * 100000)" | test("(?:(?:a{1,1000}){1,1000}){1,1000}b")',
  '"a" | test("(" * 5000 + ")" * 5000)',
  '"a" | test("a{100000}{100000}{100000}")',
  '"a" | test("(a{0,1000}){0,1000}" * 50)',
  '"a" | test("[" + "a-z" * 100000 + "]")',
  '"a" | test("a" * 1000000)',
  '"a" | test("(?:" * 300)',
  '"a" | test("a" + "*" * 5000)',
  '"a" | test("(?<n>a|b\\\\g<n>c)*$")',
  '"\\("b" * 3000)" | test("(?<n>a|b\\\\g<n>|\\\\g<n>c)")',
  '"\\("a" * 50)" | test("(?<n>(a|\\\\g<n>)*)b")',
  '[range(1000) | tostring as $p | "a" | test($p)] | length',
  '"\\("é" * 100000)" | [match("é"; "g").offset] | length',
  '"\\("\\u0000" * 1000)" | test("\\u0000+$")',
  '"a" | test("\\\\p{" + "L" * 100000 + "}")',
];

/** Builtins given far too much, far too deep, or nonsense. */
const VALUES: readonly string[] = [
  `${DEEP} | tojson | length`,
  `${DEEP} | tostream`,
  `${DEEP} | flatten`,
  `${DEEP} | walk(.)`,
  `${DEEP} as $x | ${DEEP} as $y | $x == $y`,
  `${DEEP} as $x | ${DEEP} as $y | [$x, $y] | sort`,
  `${DEEP} | contains(.)`,
  `${DEEP_OBJECT} | contains(.)`,
  `${DEEP_OBJECT} | . * .`,
  `${DEEP_OBJECT} | [paths] | length`,
  `${DEEP_OBJECT} | error`,
  `${DEEP} | @base64`,
  `${DEEP} | "\\(.)" | fromjson`,
  `${DEEP} | tonumber`,
  `${SHARED} | tojson`,
  `${SHARED} | @html`,
  `${SHARED} | contains(.)`,
  `${SHARED} | tostring | ascii_downcase`,
  `${SHARED} as $x | ${SHARED} as $y | [$x, $y] | unique`,
  `${SHARED} | [.[], .[]] | group_by(.)`,
  `${SHARED} | tostream`,
  '"x" * 1000000 | [., .] | [combinations] | length',
  '"x" * 30000000 | @base64 | @base64 | @base64 | @base64',
  '"x" * 30000000 | @uri',
  '"\\u0001" * 20000000 | tojson | tojson',
  '"x" * 1000000 | explode | implode | explode | implode | length',
  "[range(100000)] | implode",
  "[-1, 1114112, 55296, 1e300, 0.5] | implode",
  "[nan] | implode",
  '"," * 10000000 | split(",") | length',
  '"," * 1000000 | split(",") | join(",") | length',
  '[range(1000000)] | map(tostring) | join(",") | length',
  '"[" * 1000000 | try fromjson catch length',
  '"[1," * 9000 | try fromjson catch length',
  '"\\"" + "a" * 10000000 | try fromjson catch length',
  '"{\\"__proto__\\": {\\"polluted\\": 1}}" | fromjson',
  "{} | .__proto__.polluted = 1",
  "{} | .constructor.prototype.polluted = 1",
  '{} | setpath(["__proto__", "polluted"]; 1)',
  '[{key: "__proto__", value: {polluted: 1}}] | from_entries',
  '{a: {}} * {"__proto__": {"polluted": 1}, a: {"__proto__": {"polluted": 1}}}',
  '{} | .["__proto__"] |= {polluted: 1} | with_entries(.) | map_values(.) | walk(.)',
  '"polluted" | capture("(?<__proto__>p)(?<constructor>o)")',
  '[["__proto__", "polluted"], 1] | [., [["__proto__"]]] | fromstream(.[])',
  'INDEX("__proto__", "constructor"; .)',
  '{} | has("constructor", "toString", "__proto__")',
  "{} | .toString, .constructor, .__proto__, .hasOwnProperty",
  '"constructor" as $k | {} | getpath([$k, "name"])',
  '@json "\\(1e1000)\\(nan)\\(-1e1000)" | fromjson',
  '"%" * 1000000 | try @urid catch length',
  '"%41" * 1000000 | @urid | length',
  '"====" * 1000 | @base64d',
  '"a" * 10000001 | try @base64d catch length',
  "1e300 | try todate catch length",
  "-1e300 | try gmtime catch length",
  "[1e300, 1e300, 1e300, 1e300, 1e300, 1e300] | try mktime catch length",
  '0 | try strftime("%c" * 1000000) catch length',
  '0 | try strftime("%99999999d") catch length',
  '"1" * 1000000 | try strptime("%Y" * 100000) catch length',
  '[limit(100000; repeat("%Y-"))] | add as $f | "2015" | try strptime($f) catch length',
  "[range(300000)] | sort_by(-.) | bsearch(5)",
  '[range(3000) | {a: (. % 7), b: "x" * 1000}] | group_by(.a) | map(unique_by(.b)) | length',
  "[range(3000)] | [., .] | transpose | length",
  "[[range(100000)]] + [range(1000) | []] | transpose | length",
  "[range(2000)] - [range(2000) | [.]] | length",
  "[range(20000) | [.]] - [range(20000) | [. + 1]] | length",
  "[range(20000)] | [.[:10000], .] | .[1] | indices([1, 2]) | length",
  '"ab" * 500000 | indices("ab") | length',
  '"a" * 100000 | indices("a" * 50000) | length',
  '"é" * 300000 | .[100000:200000] | length',
  '"x" * 1000000 | ltrimstr("x" * 999999) | length',
  '" " * 3000000 | trim | length',
  '"x" + " " * 1000000 + "x" | rtrim | length',
  "jn(1e300; 1e300), yn(-1e300; 1), (1e300 | gamma, tgamma, lgamma_r, frexp, j0, y1, logb, significand)",
  "ldexp(1; 1e300), scalb(1; 1e300), scalbln(1e300; 1e300), nextafter(1e300; infinite), fma(1e300; 1e300; 1e300)",
  "[.[]?, ..?] | @csv, @tsv, @sh",
  "[limit(1e9; range(1e9))] | length",
  "$__prog_args",
  "env | length",
  "input",
  'getpath([range(9000) | "a"]) | length',
  '[splits("a")] | length',
  "ascii",
];

const HOSTILE = [...PATTERNS, ...VALUES];

afterEach(() => {
  expect(Reflect.get({}, "polluted")).toBeUndefined();
  expect(Reflect.get([], "polluted")).toBeUndefined();
  expect(Reflect.get(Object, "polluted")).toBeUndefined();
});

describe("hostile expressions about values", () => {
  test.each(HOSTILE)("given %s, when it is evaluated, then it ends within its budgets", (source) => {
    const before = process.cpuUsage();
    expect(["ends", "fails"]).toContain(outcome(source));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(CPU_MS);
    expect(process.memoryUsage().rss).toBeLessThan(RSS_BYTES);
    expect(compile(".a + 1").first({ a: 1 })).toBe(2);
  });

  test(`given ${RUNS} of them in a row with small budgets, when another follows, then it is unharmed`, () => {
    for (let i = 0; i < RUNS; i++) {
      expect(["ends", "fails"]).toContain(outcome(HOSTILE[i % HOSTILE.length] ?? ".", SMALL_BUDGET));
    }
    expect(compile('"a1" | test("[a-z]\\\\d")').first(null)).toBe(true);
    expect(process.memoryUsage().rss).toBeLessThan(RSS_BYTES);
  });
});

/** Anything but these errors is a bug. */
function outcome(source: string, options?: typeof SMALL_BUDGET): string {
  try {
    compile(source).all(null, {}, options);
    return "ends";
  } catch (error) {
    return error instanceof JqError || error instanceof JqSyntaxError ? "fails" : String(error);
  }
}
