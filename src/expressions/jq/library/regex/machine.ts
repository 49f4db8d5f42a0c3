import type { Budget } from "../../budget.ts";
import { JqBudgetError } from "../../errors.ts";
import { foldCase } from "./characters.ts";
import { Choices, FIELDS, MAX_STACK, UNDO } from "./choices.ts";
import { nextClusterEnd } from "./clusters.ts";
import { Op, type Program } from "./program.ts";
import { before, foldText, holds } from "./surroundings.ts";

/** As constants of this module they cost nothing to compare with. */
const {
  Assert,
  Atomic,
  Backreference,
  CallGroup,
  Character,
  CharacterFold,
  Cluster,
  Count,
  CountInit,
  CountRound,
  ExitIfEmpty,
  IfMatched,
  InnerEnd,
  Jump,
  LookAhead,
  LookBehind,
  Match,
  Return,
  Run,
  Save,
  SaveBoth,
  OneOf,
  Split,
  SplitLater,
  Literal,
} = Op;

/** Calls of groups inside one another. */
const MAX_CALLS = 5_000;
/** Looks and atomic groups inside one another, which recurse on the native stack. */
const MAX_INNER = 400;
/** Entry of the stack for a run that gives back its characters: this less the address that follows it. */
const RUN = -2;

/** Where a group was called from. */
interface Call {
  readonly back: number;
  readonly outer: number;
  readonly depth: number;
  /** Counters of loops, which a group called inside itself must not disturb. */
  readonly counters: Int32Array;
}

/** Which matches are wanted. */
export interface Choice {
  /** The longest of all; otherwise the first. */
  readonly longest: boolean;
  readonly notEmpty: boolean;
}

/**
 * Runs a program over one text: a backtracking matcher, in which every operation is paid for, so that no pattern
 * can hold the process.
 */
export class Machine extends Choices {
  private readonly calls: Call[] = [];
  private inner = 0;
  private searchStart = 0;
  private matchStart = 0;
  /** With `longest`, the best match of the last {@link matchAt}, which itself says no. */
  best: Int32Array | undefined;

  constructor(
    private readonly program: Program,
    private readonly text: string,
    private readonly choice: Choice,
  ) {
    super(program.slots);
  }

  /** The budget for what follows. */
  begin(budget: Budget, searchStart: number): void {
    this.searchStart = searchStart;
    this.allow(budget);
  }

  /** Whether a match begins at a place; its places are in {@link slots}. @throws {JqBudgetError} */
  matchAt(start: number): boolean {
    this.best = undefined;
    this.slots.fill(-1);
    this.slots[0] = start;
    this.matchStart = start;
    this.calls.length = 0;
    this.height = 0;
    const end = this.run(0, start, -1, -1);
    if (end >= 0) this.slots[1] = end;
    return end >= 0;
  }

  /** Runs what is inside a look or an atomic group. @returns where it ended, or -1. */
  private runInner(address: number, position: number, mustEnd: number, call: number): number {
    if (++this.inner > MAX_INNER) throw new JqBudgetError("depth");
    try {
      return this.run(address, position, mustEnd, call);
    } finally {
      this.inner--;
    }
  }

  /**
   * The loop. Choices it makes stay on the stack above where it began.
   *
   * @param mustEnd where an inner pattern has to end, -1 for anywhere.
   * @param outer the call that is open, -1 for none.
   * @returns the end of the match, -1 when there is none.
   */
  private run(address: number, from: number, mustEnd: number, outer: number): number {
    const { code, sets, strings } = this.program;
    const { text } = this;
    const base = this.height;
    let pc = address;
    let at = from;
    let call = outer;
    for (;;) {
      if (++this.operations > this.limit) throw new JqBudgetError("fuel");
      let failed = false;
      switch (code[pc]) {
        case Match:
          if (this.accepts(at)) return at;
          failed = true;
          break;
        case InnerEnd:
          if (mustEnd < 0 || at === mustEnd) return at;
          failed = true;
          break;
        case Character: {
          const wanted = code[pc + 1] as number;
          if (wanted < 0x10000 ? text.charCodeAt(at) !== wanted : text.codePointAt(at) !== wanted) failed = true;
          at += wanted < 0x10000 ? 1 : 2;
          pc += 2;
          break;
        }
        case CharacterFold: {
          const found = text.codePointAt(at);
          if (found === undefined || foldCase(found) !== code[pc + 1]) failed = true;
          else at += found > 0xffff ? 2 : 1;
          pc += 2;
          break;
        }
        case Literal: {
          const wanted = strings[code[pc + 1] as number] as string;
          if (!text.startsWith(wanted, at)) failed = true;
          at += wanted.length;
          pc += 2;
          break;
        }
        case OneOf: {
          const found = text.codePointAt(at);
          if (found === undefined || !sets[code[pc + 1] as number]?.has(found)) failed = true;
          else at += found > 0xffff ? 2 : 1;
          pc += 2;
          break;
        }
        case Split:
          this.push(code[pc + 1] as number, at, call, 0);
          pc += 2;
          break;
        case SplitLater:
          this.push(pc + 2, at, call, 0);
          pc = code[pc + 1] as number;
          break;
        case Jump:
          pc = code[pc + 1] as number;
          break;
        case Save:
          this.setSlot(code[pc + 1] as number, at);
          pc += 2;
          break;
        case Assert:
          if (!holds(code[pc + 1] as number, text, at, this.searchStart)) failed = true;
          pc += 2;
          break;
        case Run: {
          const end = this.runOf(pc, at);
          if (end < 0) failed = true;
          else {
            if (end > this.runLeast) this.push(RUN - (pc + 4), this.runLeast, end, call);
            at = end;
          }
          pc += 4;
          break;
        }
        case CountInit:
          this.setSlot(code[pc + 1] as number, 0);
          pc += 2;
          break;
        case Count: {
          const count = this.slots[code[pc + 1] as number] as number;
          const max = code[pc + 3] as number;
          const exit = code[pc + 5] as number;
          if (count < (code[pc + 2] as number)) pc += 6;
          else if (max >= 0 && count >= max) pc = exit;
          else if (code[pc + 4] === 1) {
            this.push(exit, at, call, 0);
            pc += 6;
          } else {
            this.push(pc + 6, at, call, 0);
            pc = exit;
          }
          break;
        }
        case CountRound:
          this.setSlot(code[pc + 1] as number, (this.slots[code[pc + 1] as number] as number) + 1);
          pc += 2;
          break;
        case ExitIfEmpty:
          pc = this.slots[code[pc + 1] as number] === at ? (code[pc + 2] as number) : pc + 3;
          break;
        case LookAhead:
        case LookBehind:
          if (!this.look(pc, at, call)) failed = true;
          pc = code[code[pc] === LookAhead ? pc + 2 : pc + 4] as number;
          break;
        case Atomic: {
          const height = this.height;
          const end = this.runInner(pc + 2, at, -1, call);
          if (end < 0) failed = true;
          else {
            this.cut(height);
            at = end;
          }
          pc = code[pc + 1] as number;
          break;
        }
        case Backreference: {
          const end = this.again(code[pc + 1] as number, code[pc + 2] === 1, at);
          if (end < 0) failed = true;
          else at = end;
          pc += 3;
          break;
        }
        case IfMatched:
          pc = this.matched(code[pc + 1] as number) < 0 ? (code[pc + 2] as number) : pc + 3;
          break;
        case CallGroup:
          call = this.enter(pc + 2, call);
          pc = code[pc + 1] as number;
          break;
        case Return: {
          const open = this.calls[call] as Call;
          this.restoreCounters(open.counters);
          pc = open.back;
          call = open.outer;
          break;
        }
        case SaveBoth: {
          const slot = code[pc + 2] as number;
          this.setSlot(slot, this.slots[code[pc + 1] as number] as number);
          this.setSlot(slot + 1, at);
          pc += 3;
          break;
        }
        case Cluster: {
          const end = nextClusterEnd(text, at);
          this.pay(end - at);
          if (end === at) failed = true;
          at = end;
          pc += 1;
          break;
        }
      }
      if (!failed) continue;
      // Back to the last choice of this run.
      for (;;) {
        if (this.height === base) return -1;
        this.height -= FIELDS;
        const { stack, height } = this;
        const kind = stack[height] as number;
        if (kind === UNDO) {
          this.slots[stack[height + 1] as number] = stack[height + 2] as number;
          continue;
        }
        if (kind >= 0) {
          pc = kind;
          at = stack[height + 1] as number;
          call = stack[height + 2] as number;
          break;
        }
        pc = RUN - kind;
        call = stack[height + 3] as number;
        at = this.giveBack(pc, stack[height + 1] as number, stack[height + 2] as number);
        if (at < 0) continue;
        if (at > (stack[height + 1] as number)) this.push(kind, stack[height + 1] as number, at, call);
        break;
      }
    }
  }

  /** Whether a match that ends here is wanted; of several the longest is remembered. */
  private accepts(end: number): boolean {
    if (this.choice.notEmpty && end === this.matchStart) return false;
    if (!this.choice.longest) return true;
    if (this.best === undefined || end > (this.best[1] ?? 0)) {
      this.best = this.slots.slice();
      this.best[1] = end;
    }
    return false;
  }

  /** Where the run began to be longer than it must. */
  private runLeast = 0;

  /** Takes as many characters of a set as it can. @returns where they end, -1 when there are too few. */
  private runOf(pc: number, from: number): number {
    const { code, sets } = this.program;
    const { text } = this;
    const set = sets[code[pc + 1] as number];
    const min = code[pc + 2] as number;
    const max = code[pc + 3] as number;
    let at = from;
    let count = 0;
    if (min === 0) this.runLeast = from;
    for (; count !== max; count++) {
      const found = text.codePointAt(at);
      if (found === undefined || !set?.has(found)) break;
      at += found > 0xffff ? 2 : 1;
      if (count + 1 === min) this.runLeast = at;
    }
    this.pay(count >> 1);
    return count < min ? -1 : at;
  }

  /** Gives back one character of a run, or as many as it takes for what follows to begin. @returns -1 when there are no more. */
  private giveBack(pc: number, least: number, from: number): number {
    const { text } = this;
    const { code } = this.program;
    const next = code[pc] === Character ? (code[pc + 1] as number) : -1;
    let at = from;
    do {
      if (at <= least) return -1;
      at = before(text, at);
      this.operations++;
    } while (next >= 0 && next < 0x10000 && text.charCodeAt(at) !== next);
    return at;
  }

  private look(pc: number, at: number, call: number): boolean {
    const { code } = this.program;
    const negative = code[pc + 1] === 1;
    const height = this.height;
    const found =
      code[pc] === LookAhead
        ? this.runInner(pc + 3, at, -1, call) >= 0
        : this.lookBehind(pc + 5, at, code[pc + 2] as number, code[pc + 3] as number, call);
    if (!found) return negative;
    if (negative) this.unwind(height);
    else this.cut(height);
    return !negative;
  }

  /** Tries every width, the least first. */
  private lookBehind(address: number, at: number, min: number, max: number, call: number): boolean {
    let start = at;
    for (let width = 0; max < 0 || width <= max; width++) {
      if (width >= min && this.runInner(address, start, at, call) >= 0) return true;
      if (start === 0) return false;
      start = before(this.text, start);
      this.pay(1);
    }
    return false;
  }

  /** The first of some groups that matched, -1 for none. */
  private matched(reference: number): number {
    for (const group of this.program.references[reference] ?? []) {
      if ((this.slots[2 * group] ?? -1) >= 0 && (this.slots[2 * group + 1] ?? -1) >= 0) return group;
    }
    return -1;
  }

  /** Matches again what a group matched. @returns where it ends, or -1. */
  private again(reference: number, ignoreCase: boolean, at: number): number {
    const { text } = this;
    for (const group of this.program.references[reference] ?? []) {
      const begin = this.slots[2 * group] ?? -1;
      const end = this.slots[2 * group + 1] ?? -1;
      if (begin < 0 || end < begin) continue;
      this.pay((end - begin) >> 2);
      const wanted = text.slice(begin, end);
      const found = text.slice(at, at + wanted.length);
      if (found === wanted || (ignoreCase && foldText(found) === foldText(wanted))) return at + wanted.length;
    }
    return -1;
  }

  private enter(back: number, outer: number): number {
    const depth = outer < 0 ? 1 : (this.calls[outer]?.depth ?? 0) + 1;
    if (depth > MAX_CALLS || this.calls.length >= MAX_STACK / 8) throw new JqBudgetError("depth");
    const counters = this.slots.slice(2 * (this.program.names.length + 1));
    this.pay(counters.length);
    return this.calls.push({ back, outer, depth, counters }) - 1;
  }

  private restoreCounters(counters: Int32Array): void {
    const first = 2 * (this.program.names.length + 1);
    for (const [index, value] of counters.entries()) {
      if (this.slots[first + index] !== value) this.setSlot(first + index, value);
    }
  }
}
