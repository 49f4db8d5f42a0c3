import { loadJq } from "jq-wasm";
import type { Budget } from "../../../../src/expressions/jq/budget.ts";
import { JqError } from "../../../../src/expressions/jq/errors.ts";
import type { Native } from "../../../../src/expressions/jq/native.ts";
import type { Json } from "../../../../src/values/json.ts";

const jq = await loadJq();

/** What jq itself prints, a line for each output. @throws when the program fails */
export function jqLines(program: string, input: Json): readonly string[] {
  const { stdout, stderr, exitCode } = jq.raw(JSON.stringify(input), program, ["-c"]);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

/** What jq itself gives. */
export function jqOutputs(program: string, input: Json): readonly Json[] {
  return jqLines(program, input).map((line) => JSON.parse(line));
}

/** More than any test needs. */
export function plenty(): Budget {
  return { fuel: 1e9, bytes: 1e9 };
}

/** A result, or `!` and the message of the error. */
export function resultOf<Result>(compute: () => Result): Result | string {
  try {
    return compute();
  } catch (error) {
    if (error instanceof JqError) return `!${error.message}`;
    throw error;
  }
}

/** Calls a builtin at the beginning of 1970. */
export function call(native: Native | undefined, input: Json, ...args: readonly Json[]): Json {
  if (native === undefined) throw new Error("there is no such builtin");
  return native(input, args, { budget: plenty(), now: 0 });
}
