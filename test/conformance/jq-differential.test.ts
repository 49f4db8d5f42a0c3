import fc from "fast-check";
import { expect, test } from "vitest";
import { JqSyntaxError } from "../../src/expressions/jq/errors.ts";
import { deviationOf } from "../support/jq-deviations.ts";
import { type Pair, pairs } from "../support/jq-expressions.ts";
import { loadOracle } from "../support/jq-oracle.ts";
import { type Outcome, outcomeOf, sameOutputs } from "../support/jq-values.ts";

/** Programs and inputs to try; `PAIRS=100000` for a long run. */
const PAIRS = Number(process.env.PAIRS ?? 3_000);
/** The same programs each time, unless `SEED` asks for others. */
const SEED = Number(process.env.SEED ?? 1);
/** Drawn at once: a sample keeps all it needs to shrink. */
const CHUNK = 250;
const SHOWN = 20;
const MINUTE = 60_000;

test(
  `given ${PAIRS} programs and inputs (SEED=${SEED}), when ours and jq run them, then they agree`,
  async () => {
    const oracle = await loadOracle();
    const differences: string[] = [];
    const deviations = new Map<string, number>();
    let broken = 0;
    let failed = 0;
    for (const pair of drawn()) {
      const jq = await oracle.run(pair.program, pair.input);
      if (jq === undefined) {
        broken++;
        continue;
      }
      if (jq.error !== undefined) failed++;
      const ours = ourOutcome(pair);
      if (agree(jq, ours)) continue;
      const reason = deviationOf(pair, jq, ours);
      if (reason === undefined) differences.push(described(pair, jq, ours));
      else deviations.set(reason, (deviations.get(reason) ?? 0) + 1);
    }
    console.log(`${PAIRS} pairs, SEED=${SEED}: ${failed} programs fail, jq broke off on ${broken}`);
    for (const [reason, count] of deviations) console.log(`${count} differences: ${reason}`);
    expect(differences.slice(0, SHOWN).join("\n\n")).toBe("");
  },
  PAIRS * 50 + MINUTE,
);

function* drawn(): Generator<Pair> {
  for (let at = 0; at < PAIRS; at += CHUNK) {
    yield* fc.sample(pairs, { numRuns: Math.min(CHUNK, PAIRS - at), seed: SEED + at });
  }
}

function ourOutcome({ program, input }: Pair): Outcome {
  try {
    return outcomeOf(program, input);
  } catch (error) {
    if (!(error instanceof JqSyntaxError)) throw error;
    return { outputs: [], error: error.message };
  }
}

/** The same outputs, or an error on both sides. */
function agree(jq: Outcome, ours: Outcome): boolean {
  if (jq.error !== undefined || ours.error !== undefined) return jq.error !== undefined && ours.error !== undefined;
  return sameOutputs(jq.outputs, ours.outputs);
}

function described({ program, input }: Pair, jq: Outcome, ours: Outcome): string {
  return [program, `  input ${JSON.stringify(input)}`, `  jq    ${shown(jq)}`, `  ours  ${shown(ours)}`].join("\n");
}

function shown({ outputs, error = "" }: Outcome): string {
  return `${JSON.stringify(outputs).slice(0, 1_000)} ${error.slice(0, 300)}`;
}
