/**
 * What the worst expressions cost until their budgets end them: CPU time of one evaluation with the default budgets, garbage collection
 * and the compiler's threads included, after a warm-up. The least of some rounds, since what others do on the machine only adds to it.
 */
import { compile, JqError, JqSyntaxError } from "../src/expressions/jq/index.ts";
import { DEAR, ENDLESS, HOSTILE_PATTERNS, HOSTILE_VALUES } from "../test/support/jq-hostile.ts";
import { table } from "./support.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SHOWN = Number(process.env.SHOWN ?? 5);

function cpuMilliseconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Nothing but its own errors comes out of it. @returns how it ended. */
function evaluate(source: string): string {
  try {
    compile(source).all(null);
    return "an output";
  } catch (error) {
    if (error instanceof JqError || error instanceof JqSyntaxError) return error.message.slice(0, 60);
    throw error;
  }
}

const costs = [...DEAR, ...ENDLESS, ...HOSTILE_PATTERNS, ...HOSTILE_VALUES].map((source) => {
  const end = evaluate(source);
  const rounds = Array.from({ length: ROUNDS }, () => cpuMilliseconds(() => evaluate(source)));
  return { source, end, ms: Math.min(...rounds) };
});
costs.sort((a, b) => b.ms - a.ms);
console.log(`${costs.length} hostile expressions; the ${SHOWN} that cost most:\n`);
const rows = costs
  .slice(0, SHOWN)
  .map(({ source, end, ms }) => [`\`${source.slice(0, 80)}\``, ms.toFixed(0), end] as const);
console.log(table(["expression", "CPU, ms", "ends with"], rows));
