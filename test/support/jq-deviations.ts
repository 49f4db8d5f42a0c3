import type { Pair } from "./jq-expressions.ts";
import type { Outcome } from "./jq-values.ts";

/** A difference from jq that is meant, and how it is recognised. */
interface Deviation {
  readonly reason: string;
  applies(pair: Pair, jq: Outcome, ours: Outcome): boolean;
}

const BUDGET = /\(budget: |too deep/;
const REGEX_THAT_GOES_ON = /gsub|splits|scan|split\(.*;|match\(|"g/;
const ALTERNATIVES = /\?\/\//;

const DEVIATIONS: readonly Deviation[] = [
  {
    reason: "an evaluation has budgets",
    applies: (_pair, _jq, ours) => BUDGET.test(ours.error ?? ""),
  },
  {
    reason: "after an empty match before a character of several bytes jq matches again at each of its bytes",
    applies: ({ program, input }) => REGEX_THAT_GOES_ON.test(program) && hasNonAscii(program + JSON.stringify(input)),
  },
  {
    reason: "the words for an invalid path, where jq's builtin is written in jq",
    applies: (_pair, jq, ours) => isAboutPaths(jq) && isAboutPaths(ours),
  },
  {
    reason: "an error or a break after the body of ?// makes jq try the next pattern",
    applies: ({ program }) => ALTERNATIVES.test(program),
  },
];

function isAboutPaths({ outputs, error = "" }: Outcome): boolean {
  return (JSON.stringify(outputs) + error).includes("Invalid path expression");
}

function hasNonAscii(text: string): boolean {
  return /[^\0-\x7f]/.test(text);
}

/** Why a difference is meant; undefined when it is not. */
export function deviationOf(pair: Pair, jq: Outcome, ours: Outcome): string | undefined {
  return DEVIATIONS.find((one) => one.applies(pair, jq, ours))?.reason;
}
