import { JqBudgetError } from "./errors.ts";

/**
 * What one evaluation may use. Both counts go down; the first to pass zero ends the evaluation with an error that names it.
 * One object an evaluation: everything that loops, recurses or grows takes from it.
 */
export interface Budget {
  /** Steps left: one is about the cost of one closure call, or of one character or element looked at by a loop. */
  fuel: number;
  /** Bytes of new strings and arrays left. */
  bytes: number;
}

/** Takes steps. @throws {JqBudgetError} when none are left. */
export function spend(budget: Budget, steps: number): void {
  budget.fuel -= steps;
  if (budget.fuel < 0) throw new JqBudgetError("fuel");
}

/** Takes bytes of output, before they are allocated. @throws {JqBudgetError} when none are left. */
export function grow(budget: Budget, bytes: number): void {
  budget.bytes -= bytes;
  if (budget.bytes < 0) throw new JqBudgetError("output");
}
