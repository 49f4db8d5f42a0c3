export interface EvaluationOptions {
  /** What `now` gives, in epoch milliseconds, a finite number; without it `now` is an error. */
  readonly now?: number;
  /** Steps that the evaluation may take, at least 0; a step is about the cost of evaluating one node of the program. */
  readonly fuel?: number;
  /** Bytes of strings, arrays and objects that the evaluation may make, at least 0; its outputs may take as many as JSON text. */
  readonly maxOutputBytes?: number;
}

/** NaN would be a budget that is never used up. @throws {RangeError} for what is no number or out of its range. */
export function checkOptions({ now, fuel, maxOutputBytes }: EvaluationOptions): void {
  if (now !== undefined && !Number.isFinite(now)) {
    throw new RangeError(`now is epoch milliseconds, a finite number, not ${String(now)}`);
  }
  checkBudget("fuel", fuel);
  checkBudget("maxOutputBytes", maxOutputBytes);
}

function checkBudget(name: string, amount: number | undefined): void {
  if (amount === undefined || (typeof amount === "number" && amount >= 0)) return;
  throw new RangeError(`${name} is a number of at least 0, not ${String(amount)}`);
}
