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
  /** How many long texts were joined and not yet read, by their lengths: see `payForJoining`. */
  joined?: Uint32Array | undefined;
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
/** Objects with more keys are too large for the processor's caches: each key takes longer by as many steps. */
const LARGE_OBJECT = 1_024;
const LARGE_OBJECT_STEPS = 14;
/** Steps for a new object. */
const OBJECT_STEPS = 4;
/** Objects up to this size are cheap to copy. */
const SMALL_OBJECT = 64;

/** Takes the steps for looking at all members of an object. @throws {JqBudgetError} */
export function payForKeys(budget: Budget, keys: number): void {
  spend(budget, keys > LARGE_OBJECT ? keys * (KEY_STEPS + LARGE_OBJECT_STEPS) : keys * KEY_STEPS);
}

/** Takes the steps for a copy of an object. @throws {JqBudgetError} */
export function payForCopy(budget: Budget, keys: number): void {
  if (keys <= SMALL_OBJECT) spend(budget, OBJECT_STEPS + keys);
  else spend(budget, keys * (keys > LARGE_OBJECT ? COPIED_KEY_STEPS + LARGE_OBJECT_STEPS : COPIED_KEY_STEPS));
}

/** A text that only remembers what it was joined from takes about as many bytes. */
const JOINT_BYTES = 32;
/** Texts up to this length are paid for in full when they are joined. */
const SHORT_TEXT = 256;
/** Places of `Budget.joined`: lengths are counted modulo this power of two. */
const LENGTHS = 2 ** 16;

/**
 * Takes the bytes for one text joined to another. JavaScript joins long texts in constant time: their characters are put in one place
 * only when somebody looks at them, once. That is paid for by who looks: at most once for each joined text of that length, so that
 * building a text piece by piece costs what the pieces cost.
 *
 * @throws {JqBudgetError}
 */
export function payForJoining(budget: Budget, a: string, b: string): void {
  const length = a.length + b.length;
  if (length <= SHORT_TEXT) {
    grow(budget, length + JOINT_BYTES);
    return;
  }
  grow(budget, Math.min(a.length, b.length) + JOINT_BYTES);
  budget.joined ??= new Uint32Array(LENGTHS);
  budget.joined[length % LENGTHS] = (budget.joined[length % LENGTHS] ?? 0) + 1;
}

/** Takes what it costs that a text is looked at which may still have to be put together. @throws {JqBudgetError} */
export function payForReading(budget: Budget, text: string): void {
  if (text.length <= SHORT_TEXT || budget.joined === undefined) return;
  const waiting = budget.joined[text.length % LENGTHS] ?? 0;
  if (waiting === 0) return;
  budget.joined[text.length % LENGTHS] = waiting - 1;
  spend(budget, text.length >>> 4);
  grow(budget, text.length >>> 2);
}

/** Takes the steps for finding out whether two texts are the same: those of one length are compared to the end. @throws {JqBudgetError} */
export function payForEquality(budget: Budget, a: string, b: string): void {
  if (a.length !== b.length || a.length <= 64) return;
  payForReading(budget, a);
  payForReading(budget, b);
  spend(budget, a.length >>> 6);
}

/** Takes the steps for finding a text among the keys of an object: long ones are hashed, and kept. @throws {JqBudgetError} */
export function payForKey(budget: Budget, key: string): void {
  if (key.length <= 64) return;
  payForReading(budget, key);
  spend(budget, key.length >>> 3);
}

/** Takes the steps for looking at so many characters at once, as natives of the machine do. @throws {JqBudgetError} */
export function payForCharacters(budget: Budget, characters: number): void {
  if (characters > 64) spend(budget, characters >>> 6);
}
