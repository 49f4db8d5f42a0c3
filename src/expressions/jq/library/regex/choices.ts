import { type Budget, spend } from "../../budget.ts";
import { JqBudgetError } from "../../errors.ts";

/** How many operations count as one step of the budget. */
const OPERATIONS_A_STEP = 2;
/** Numbers that the stack of choices may hold: 32 MB. */
export const MAX_STACK = 2 ** 23;
/** Numbers of one entry. */
export const FIELDS = 4;

/** Entries of the stack: a place to go on from is its address; the others are negative. */
export const UNDO = -1;

let spareStack: Int32Array<ArrayBuffer> = new Int32Array(4_096);

/** What a backtracking matcher can go back to: a stack of choices and of changes to undo, and the budget that all of it is paid from. */
export class Choices {
  /** Begin and end of the match and of each group in UTF-16 units, -1 where there is none; counters behind. */
  readonly slots: Int32Array;
  protected stack: Int32Array<ArrayBuffer> = spareStack;
  protected height = 0;
  protected operations = 0;
  protected limit = 0;

  constructor(slots: number) {
    this.slots = new Int32Array(slots);
  }

  /** The stack that grew is kept for the next matcher, unless it grew too much. */
  release(): void {
    if (this.stack.length <= MAX_STACK / 64) spareStack = this.stack;
  }

  /** The budget for what follows. */
  protected allow(budget: Budget): void {
    this.operations = 0;
    this.limit = Math.max(budget.fuel, 0) * OPERATIONS_A_STEP;
  }

  /** Takes what was done since {@link allow} from the budget. @throws {JqBudgetError} */
  end(budget: Budget): void {
    spend(budget, this.operations / OPERATIONS_A_STEP);
  }

  /** @throws {JqBudgetError} when no operations are left. */
  pay(operations: number): void {
    this.operations += operations;
    if (this.operations > this.limit) throw new JqBudgetError("fuel");
  }

  protected push(kind: number, a: number, b: number, c: number): void {
    if (this.height + FIELDS > this.stack.length) this.enlarge();
    const { stack, height } = this;
    stack[height] = kind;
    stack[height + 1] = a;
    stack[height + 2] = b;
    stack[height + 3] = c;
    this.height = height + FIELDS;
  }

  private enlarge(): void {
    if (this.stack.length * 2 > MAX_STACK) throw new JqBudgetError("output");
    const larger = new Int32Array(this.stack.length * 2);
    larger.set(this.stack);
    this.stack = larger;
  }

  /** Sets a slot until it is gone back. */
  protected setSlot(slot: number, value: number): void {
    this.push(UNDO, slot, this.slots[slot] ?? -1, 0);
    this.slots[slot] = value;
  }

  /** Forgets the choices above a height, but not how to undo what was set. */
  protected cut(base: number): void {
    const { stack } = this;
    let kept = base;
    for (let at = base; at < this.height; at += FIELDS) {
      if (stack[at] !== UNDO) continue;
      stack.copyWithin(kept, at, at + FIELDS);
      kept += FIELDS;
    }
    this.pay((this.height - base) >> 3);
    this.height = kept;
  }

  /** Undoes everything above a height. */
  protected unwind(base: number): void {
    const { stack } = this;
    while (this.height > base) {
      this.height -= FIELDS;
      if (stack[this.height] === UNDO) this.slots[stack[this.height + 1] ?? 0] = stack[this.height + 2] ?? -1;
    }
  }
}
