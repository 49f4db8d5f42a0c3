/**
 * Evaluates hostile expressions in a row, in a process of its own, and prints what that took as one line of JSON. Run with `--expose-gc`.
 *
 * Arguments: how many evaluations; every how many-th has the default budgets, all others small ones.
 */
import { compile, JqError, JqSyntaxError } from "../../src/expressions/jq/index.ts";
import { DEAR, ENDLESS, HOSTILE_PATTERNS, HOSTILE_VALUES } from "./jq-hostile.ts";

export interface HostileRun {
  /** Resident memory after a warm-up, and after all evaluations. */
  readonly rssBytes: { readonly before: number; readonly after: number };
  /** The evaluations that took the most CPU time, the worst first. */
  readonly worst: readonly { readonly source: string; readonly cpuMs: number }[];
  /** What an evaluation gives afterwards. */
  readonly afterwards: unknown;
}

const SMALL = { fuel: 2_000, maxOutputBytes: 10_000 };
const WORST = 5;
const [evaluations = 10_000, every = 500] = process.argv.slice(2).map(Number);
const sources = [...DEAR, ...ENDLESS, ...HOSTILE_PATTERNS, ...HOSTILE_VALUES];

/** Only errors that belong to the language come out. @returns CPU time, milliseconds. */
function evaluate(source: string, options: object): number {
  const before = process.cpuUsage();
  try {
    compile(source).all(null, {}, options);
  } catch (error) {
    if (!(error instanceof JqError || error instanceof JqSyntaxError)) throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function settledRss(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

/** A stride that meets every expression in turn, whatever the two numbers are. */
function sample(index: number): string {
  return sources[(index * 7) % sources.length] ?? ".";
}

// What the compilers of JavaScript keep, and the room the heap takes for the largest of them, is not growth.
for (const source of sources) evaluate(source, SMALL);
for (const source of DEAR.slice(0, 4)) evaluate(source, {});
const before = settledRss();
const costs: { source: string; cpuMs: number }[] = [];
for (let i = 0; i < evaluations; i++) {
  if (i % every !== 0) evaluate(sources[i % sources.length] ?? ".", SMALL);
  else costs.push({ source: sample(i / every), cpuMs: Math.round(evaluate(sample(i / every), {})) });
}
costs.sort((a, b) => b.cpuMs - a.cpuMs);
const result: HostileRun = {
  rssBytes: { before, after: settledRss() },
  worst: costs.slice(0, WORST),
  afterwards: compile("[range(3)] | add").first(null),
};
console.log(JSON.stringify(result));
