import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile, JqError } from "../../../../src/expressions/jq/index.ts";
import { DEAR, ENDLESS } from "../../../support/jq-hostile.ts";
import type { HostileRun } from "../../../support/jq-hostile-run.ts";

/**
 * An evaluation with the default budgets takes a quarter of a second on a machine of its own. Others on the same machine, and the test
 * runner, which makes calls between files slower, multiply that.
 */
const CPU_MS = 2_000;
const RSS_BYTES = 2 ** 30;
const GROWTH_BYTES = 128 * 2 ** 20;
const EVALUATIONS = Number(process.env.HOSTILE_EVALUATIONS ?? 10_000);
/** Every so many-th has the default budgets. */
const DEFAULT_EVERY = Number(process.env.HOSTILE_DEFAULT_EVERY ?? 250);
const SHOWN = 5;

const costs: { source: string; cpuMs: number }[] = [];

test.each([...ENDLESS, ...DEAR])("given %s, when it is evaluated, then it ends within its budgets", (source) => {
  const program = compile(source);
  const before = process.cpuUsage();
  expect(() => program.first(null)).toThrow(JqError);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = Math.round((user + system) / 1_000);
  costs.push({ source, cpuMs });
  expect(cpuMs).toBeLessThan(CPU_MS);
  expect(process.memoryUsage().rss).toBeLessThan(RSS_BYTES);
  expect(compile(".a").first({ a: 1 })).toBe(1);
});

afterAll(() => {
  show("in the test runner", [...costs].sort((a, b) => b.cpuMs - a.cpuMs).slice(0, SHOWN));
});

test(`given ${EVALUATIONS} hostile evaluations in one process, when another follows, then it is unharmed and nothing is kept`, () => {
  const script = join(import.meta.dirname, "../../../support/jq-hostile-run.ts");
  const output = execFileSync(
    process.execPath,
    ["--expose-gc", "--max-old-space-size=1024", "--import", "tsx", script, String(EVALUATIONS), String(DEFAULT_EVERY)],
    { encoding: "utf8" },
  );
  const { rssBytes, worst, afterwards }: HostileRun = JSON.parse(output);
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  show(
    `in a process whose memory was ${mebibytes(rssBytes.before)} MiB and is ${mebibytes(rssBytes.after)} MiB`,
    worst,
  );
  expect(afterwards).toBe(3);
  expect(worst[0]?.cpuMs).toBeLessThan(CPU_MS);
  expect(rssBytes.after - rssBytes.before).toBeLessThan(GROWTH_BYTES);
}, 120_000);

function show(where: string, worst: readonly { readonly source: string; readonly cpuMs: number }[]): void {
  console.log(
    `most CPU time of one evaluation, ${where}:`,
    worst.map(({ source, cpuMs }) => `\n  ${cpuMs} ms  ${source}`).join(""),
  );
}

test.each([
  ["fuel", Number.NaN],
  ["fuel", -1],
  ["maxOutputBytes", Number.NaN],
  ["maxOutputBytes", -1],
  ["now", Number.NaN],
  ["now", Number.POSITIVE_INFINITY],
])("given %s of %d, when a program is evaluated, then it is a RangeError that names it", (name, value) => {
  for (const program of [compile("."), compile(".a"), compile("1, 2")]) {
    expect(() => program.first(null, {}, { [name]: value })).toThrow(RangeError);
    expect(() => program.all(null, {}, { [name]: value })).toThrow(name);
  }
});

test("given texts that are joined piece by piece, when one is read at the end, then that costs what the pieces cost", () => {
  expect(compile('reduce range(1e5) as $i (""; . + "abcdefghijk") | length').first(null)).toBe(1_100_000);
  expect(compile('[range(1e5) | tostring] | join(",") | startswith("0,1,")').first(null)).toBe(true);
});

test("given a list of which every member fails, when failures are dropped, then the default budget is enough", () => {
  const texts = Array(100_000).fill("x");
  expect(compile("[.[] | tonumber?] | length").first(texts)).toBe(0);
});

test("given programs of more text than is kept, when one is compiled again, then it works as before", () => {
  const long = `[${Array(20_000).fill("1").join(",")}] | length`;
  expect(compile(long)).not.toBe(compile(long));
  expect(compile(long).first(null)).toBe(20_000);
});
