import { JqError } from "../../src/expressions/jq/errors.ts";
import { compile, type EvaluationOptions } from "../../src/expressions/jq/index.ts";
import { fromJson } from "../../src/expressions/jq/library/json-parser.ts";
import { equalValues } from "../../src/expressions/jq/library/order.ts";
import type { Json } from "../../src/values/json.ts";

/** Reads a JSON text as jq does, `nan` and all. */
export function jqValue(text: string): Json {
  return fromJson(text, { fuel: 1e9, bytes: 1e9 });
}

/** A value as it comes back from its JSON text: `nan` is null, the infinities are the largest numbers, there is one zero. */
export function asPrinted(value: Json): Json {
  if (typeof value === "number") {
    if (Number.isNaN(value)) return null;
    return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE) + 0;
  }
  if (typeof value !== "object" || value === null) return value;
  const text = JSON.stringify(value, (_key, member) => (typeof member === "number" ? asPrinted(member) : member));
  return JSON.parse(text);
}

export function sameOutputs(left: readonly Json[], right: readonly Json[]): boolean {
  return equalValues(left.map(asPrinted), right.map(asPrinted));
}

/** What a program gave until it failed, if it did. */
export interface Outcome {
  readonly outputs: readonly Json[];
  /** What `catch` would receive, as JSON text; undefined when it ended well. */
  readonly error?: string;
}

/** Runs a program to its end or its first error. @throws {JqSyntaxError} */
export function outcomeOf(source: string, input: Json, options?: EvaluationOptions): Outcome {
  const program = compile(source);
  try {
    return { outputs: program.all(input, {}, options) };
  } catch (error) {
    if (!(error instanceof JqError)) throw error;
    return { outputs: outputsBeforeError(source, input, options), error: error.message };
  }
}

/** `try` ends the stream where the error is. */
function outputsBeforeError(source: string, input: Json, options?: EvaluationOptions): readonly Json[] {
  try {
    return compile(`try (${source}\n) catch empty`).all(input, {}, options);
  } catch {
    return [];
  }
}
