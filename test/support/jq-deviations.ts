import type { Json } from "../../src/values/json.ts";
import type { Pair } from "./jq-expressions.ts";
import { asPrinted, type Outcome } from "./jq-values.ts";

/** A difference from jq that is meant, and how it is recognised. */
interface Deviation {
  readonly reason: string;
  applies(pair: Pair, jq: Outcome, ours: Outcome): boolean;
}

const BUDGET = /\(budget: |too deep/;
const REGEX_THAT_GOES_ON = /gsub|splits|scan|split\(.*;|match\(|"g/;
/** Bytes that are no text become U+FFFD. */
const MAKES_NON_ASCII = /base64d|implode|@urid/;
const ALTERNATIVES = /\?\/\//;

const DEVIATIONS: readonly Deviation[] = [
  {
    reason: "an evaluation has budgets",
    applies: (_pair, _jq, ours) => BUDGET.test(ours.error ?? ""),
  },
  {
    reason: "after an empty match before a character of several bytes jq matches again at each of its bytes",
    applies: ({ program, input }) =>
      REGEX_THAT_GOES_ON.test(program) &&
      (MAKES_NON_ASCII.test(program) || hasNonAscii(program + JSON.stringify(input))),
  },
  {
    reason: "the last digits of exponentials, logarithms and angles",
    applies: (_pair, jq, ours) =>
      jq.error === undefined && close(jq.outputs.map(asPrinted), ours.outputs.map(asPrinted)),
  },
  {
    reason: "jq keeps literals and inputs as decimal numbers, of which none is -0 and which it writes as 1E+308",
    applies: (_pair, jq, ours) => asDouble(jq) === asDouble(ours),
  },
  {
    reason: "keys that look like array indexes come first in JavaScript",
    applies: ({ program }) => /INDEX\(/.test(program),
  },
  {
    reason: "where nan is sorted by, jq's order is that of its C library",
    applies: ({ program }) => /\bnan\b/.test(program) && /sort|group_by|unique/.test(program),
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

const RELATIVE_ERROR = 1e-14;

const LAST_DIGITS = /(\d\.\d{13})\d+/g;

/** The same, but for the last digits of numbers, in texts too. */
function close(a: Json, b: Json): boolean {
  if (typeof a === "string" && typeof b === "string")
    return a.replace(LAST_DIGITS, "$1") === b.replace(LAST_DIGITS, "$1");
  if (typeof a === "number" && typeof b === "number") {
    return Math.abs(a - b) <= RELATIVE_ERROR * Math.max(Math.abs(a), Math.abs(b));
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && close(Reflect.get(a, key), Reflect.get(b, key)));
}

function asDouble({ outputs, error = "" }: Outcome): string {
  const text = JSON.stringify(outputs)
    .replace(/-0(?![\d.])/g, "0")
    .replace(/(\d)E\+(\d)/g, "$1e+$2");
  return text + (error === "" ? "" : "!");
}

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
