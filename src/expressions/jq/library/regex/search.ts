import type { Budget } from "../../budget.ts";
import { unitsAt } from "../text.ts";
import { type Choice, Machine } from "./machine.ts";
import type { FirstCharacters } from "./measures.ts";
import type { Program } from "./program.ts";

/** Looks for the matches of one program in one text. */
export class Search {
  private readonly machine: Machine;

  constructor(
    private readonly program: Program,
    private readonly text: string,
    private readonly choice: Choice,
  ) {
    this.machine = new Machine(program, text, choice);
  }

  /** Begin and end of the match found and of its groups in UTF-16 units, -1 where there is none. */
  get slots(): Int32Array {
    return this.machine.slots;
  }

  /**
   * Looks for a match that begins at `from` or later.
   *
   * @throws {JqBudgetError}
   */
  find(from: number, budget: Budget): boolean {
    const { machine } = this;
    machine.begin(budget, from);
    try {
      return this.choice.longest ? this.findLongest(from) : this.findFirst(from);
    } finally {
      machine.release();
      machine.end(budget);
    }
  }

  private findFirst(from: number): boolean {
    for (let start = this.candidate(from); start >= 0; start = this.candidate(start + unitsAt(this.text, start))) {
      if (this.machine.matchAt(start)) return true;
    }
    return false;
  }

  /** The longest of all matches, the first of those. */
  private findLongest(from: number): boolean {
    const { machine, text } = this;
    let longest: Int32Array | undefined;
    for (let start = this.candidate(from); start >= 0; start = this.candidate(start + unitsAt(text, start))) {
      machine.matchAt(start);
      if (machine.best !== undefined && lengthOf(machine.best) > lengthOf(longest)) longest = machine.best;
    }
    if (longest !== undefined) machine.slots.set(longest);
    return longest !== undefined;
  }

  /** The next place where a match may begin, -1 when there is none. */
  private candidate(from: number): number {
    const { text, program } = this;
    if (from > text.length) return -1;
    if (program.anchored) return from === 0 ? 0 : -1;
    if (program.prefix !== "") {
      const found = text.indexOf(program.prefix, from);
      this.machine.pay(((found < 0 ? text.length : found) - from) >> 3);
      return found;
    }
    return program.first === null ? from : this.candidateByFirst(from, program.first);
  }

  private candidateByFirst(from: number, first: FirstCharacters): number {
    const { text } = this;
    let at = from;
    while (at < text.length) {
      const unit = text.charCodeAt(at);
      if (unit < 128 ? first.ascii[unit] === 1 : first.others) break;
      at++;
    }
    this.machine.pay((at - from) >> 1);
    return at < text.length ? at : -1;
  }
}

/** -1 for no match, so that an empty one is longer. */
function lengthOf(slots: Int32Array | undefined): number {
  return slots === undefined ? -1 : (slots[1] ?? 0) - (slots[0] ?? 0);
}
