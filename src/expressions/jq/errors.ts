import type { Json } from "../../values/json.ts";

/** False where the intrinsics are frozen (`node --frozen-intrinsics`). */
const STACK_IS_OURS = Object.getOwnPropertyDescriptor(Error, "stackTraceLimit")?.writable === true;

/** The text is not a jq program, or names something that is not there. Both counts are from 1. */
export class JqSyntaxError extends Error {
  override readonly name: string = "JqSyntaxError";
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}

/**
 * A program failed. `value` is what `catch` receives: a text, or whatever `error(value)` was given.
 *
 * It has no stack trace: that would cost many times what the rest of the error does, programs fail in loops, and it would only show the
 * inside of the compiler.
 */
export class JqError extends Error {
  override readonly name: string = "JqError";
  readonly value: Json;

  constructor(message: string, value: Json = message) {
    const { stackTraceLimit } = Error;
    if (STACK_IS_OURS) Error.stackTraceLimit = 0;
    super(message);
    if (STACK_IS_OURS) Error.stackTraceLimit = stackTraceLimit;
    this.value = value;
  }
}

/** An evaluation used up a budget. jq's own `try` cannot catch it. */
export class JqBudgetError extends JqError {
  override readonly name = "JqBudgetError";
  constructor(readonly budget: "fuel" | "output" | "depth") {
    super(
      {
        fuel: "the expression takes too many steps (budget: fuel)",
        output: "the expression makes too much data (budget: output size)",
        depth: "the expression nests too deeply (budget: depth)",
      }[budget],
    );
  }
}
