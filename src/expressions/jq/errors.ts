import type { Json } from "../../values/json.ts";

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

/** A program failed. `value` is what `catch` receives: a text, or whatever `error(value)` was given. */
export class JqError extends Error {
  override readonly name: string = "JqError";
  constructor(
    message: string,
    readonly value: Json = message,
  ) {
    super(message);
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
