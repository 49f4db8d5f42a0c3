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

/** Steps for each key of an object that is listed: what has many keys is a hash table, whose order must be found. */
const KEY_STEPS = 4;
/** The same where the object is copied. */
const COPIED_KEY_STEPS = 16;
/** Steps for a new object. */
const OBJECT_STEPS = 4;
/** Objects up to this size are cheap to copy. */
const SMALL_OBJECT = 64;

/** Takes the steps for looking at all members of an object. @throws {JqBudgetError} */
export function payForKeys(budget: Budget, keys: number): void {
  spend(budget, keys * KEY_STEPS);
}

/** Takes the steps for a copy of an object. @throws {JqBudgetError} */
export function payForCopy(budget: Budget, keys: number): void {
  spend(budget, keys > SMALL_OBJECT ? keys * COPIED_KEY_STEPS : OBJECT_STEPS + keys);
}

/** Takes the steps for comparing texts, which may first have to be put together from their parts. @throws {JqBudgetError} */
export function payForCharacters(budget: Budget, characters: number): void {
  if (characters > 64) spend(budget, characters >>> 6);
}
