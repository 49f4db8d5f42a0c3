import { afterEach, describe, expect, test } from "vitest";
import { compile, JqError, JqSyntaxError } from "../../src/expressions/jq/index.ts";
import { HOSTILE_PATTERNS, HOSTILE_VALUES } from "../support/jq-hostile.ts";

/** An evaluation with the default budgets is meant to take a quarter of a second; the machine may be busy and the code cold. */
const CPU_MS = 5_000;
const RSS_BYTES = 1.5 * 2 ** 30;
const RUNS = 10_000;
const SMALL_BUDGET = { fuel: 5_000, maxOutputBytes: 20_000, now: 0 };

const HOSTILE = [...HOSTILE_PATTERNS, ...HOSTILE_VALUES];

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
