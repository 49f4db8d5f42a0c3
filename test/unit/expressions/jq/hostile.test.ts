import { expect, test } from "vitest";
import { compile, JqError } from "../../../../src/expressions/jq/index.ts";
import { ENDLESS } from "../../../support/jq-hostile.ts";

/** An evaluation with the default budgets takes a quarter of a second; the test runner makes calls between files several times slower. */
const CPU_MS = 10_000;
const RSS_BYTES = 1.5 * 2 ** 30;

test.each(ENDLESS)("given %s, when it is evaluated, then it ends with an error within its budgets", (source) => {
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
