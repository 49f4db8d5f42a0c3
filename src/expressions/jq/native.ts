import type { Json } from "../../values/json.ts";
import type { Budget } from "./budget.ts";

/** What a native function may know of the evaluation besides its input and arguments. */
export interface NativeCall {
  readonly budget: Budget;
  /** The time of the evaluation, epoch milliseconds. */
  readonly now: number;
}

/** A builtin that gives exactly one output, written in TypeScript. @throws {JqError} */
export type Native = (input: Json, args: readonly Json[], call: NativeCall) => Json;
