import { LRUCache } from "lru-cache";
import { type Budget, grow, payForReading, spend } from "../../budget.ts";
import { JqError } from "../../errors.ts";
import { isUnitwise, unitsAt } from "../text.ts";
import { compilePattern } from "./compiler.ts";
import { patternError } from "./failure.ts";
import { parsePattern } from "./parser.ts";
import type { Program } from "./program.ts";
import { Search } from "./search.ts";

/** What a group matched; `string` is null and `offset` -1 when it took no part. */
export interface Capture {
  readonly offset: number;
  readonly length: number;
  readonly string: string | null;
  readonly name: string | null;
}

/** A match as jq's `match` gives it; places and lengths are counted in characters. */
export interface Match {
  readonly offset: number;
  readonly length: number;
  readonly string: string;
  readonly captures: readonly Capture[];
}

interface Flags {
  readonly global: boolean;
  readonly ignoreCase: boolean;
  readonly extended: boolean;
  readonly dotAll: boolean;
  readonly longest: boolean;
  readonly notEmpty: boolean;
}

const MAX_PATTERN_LENGTH = 65_536;
/** Longer patterns are compiled each time, so that what is kept stays small. */
const KEPT_PATTERN_LENGTH = 2_048;
/** Steps before the first character is looked at. */
const SEARCH_STEPS = 6;
const MATCH_BYTES = 96;
const CAPTURE_BYTES = 64;

const programs = new LRUCache<string, Program>({ max: 256 });

/**
 * All matches of a pattern, or the first without the flag `g`.
 *
 * @param flags of `g i x s n p l m`, or null.
 * @throws {JqError} for a bad pattern or flag.
 * @throws {JqBudgetError} when matching takes too long.
 */
export function matchAll(text: string, pattern: string, flags: string | null, budget: Budget): Match[] {
  const options = flagsOf(flags);
  payForReading(budget, text);
  spend(budget, SEARCH_STEPS + text.length / 32);
  const program = programOf(pattern, options, budget);
  const search = new Search(program, text, options);
  const counter = new Counter(text);
  const matches: Match[] = [];
  for (let from = 0; from <= text.length && search.find(from, budget); ) {
    matches.push(matchOf(text, program, search.slots, counter, budget));
    const [begin = 0, end = 0] = search.slots;
    if (!options.global) break;
    from = begin === end ? end + unitsAt(text, end) : end;
  }
  return matches;
}

/** Whether a pattern matches anywhere. @throws as {@link matchAll} */
export function testRegex(text: string, pattern: string, flags: string | null, budget: Budget): boolean {
  const options = flagsOf(flags);
  payForReading(budget, text);
  spend(budget, SEARCH_STEPS);
  return new Search(programOf(pattern, options, budget), text, options).find(0, budget);
}

function flagsOf(flags: string | null): Flags {
  const given = flags ?? "";
  if (/[^gixmspln]/.test(given)) throw new JqError(`${given} is not a valid modifier string`);
  return {
    global: given.includes("g"),
    ignoreCase: given.includes("i"),
    extended: given.includes("x"),
    dotAll: given.includes("m") || given.includes("p"),
    longest: given.includes("l"),
    notEmpty: given.includes("n"),
  };
}

function programOf(pattern: string, { ignoreCase, extended, dotAll }: Flags, budget: Budget): Program {
  const key = `${ignoreCase ? "i" : ""}${extended ? "x" : ""}${dotAll ? "s" : ""}/${pattern}`;
  const known = programs.get(key);
  if (known !== undefined) return known;
  if (pattern.length > MAX_PATTERN_LENGTH) throw patternError("too long pattern");
  spend(budget, 200 + pattern.length * 20);
  const program = compilePattern(parsePattern(pattern, { ignoreCase, extended, dotAll, multiline: false }));
  if (pattern.length <= KEPT_PATTERN_LENGTH) programs.set(key, program);
  return program;
}

function matchOf(text: string, program: Program, slots: Int32Array, counter: Counter, budget: Budget): Match {
  const [begin = 0, end = 0] = slots;
  spend(budget, 4 + program.names.length);
  grow(budget, MATCH_BYTES + CAPTURE_BYTES * program.names.length);
  const offset = counter.characters(begin, budget);
  const captures = program.names.map((name, index) => {
    const from = slots[2 * index + 2] ?? -1;
    const to = slots[2 * index + 3] ?? -1;
    if (from < 0 || to < 0) return { offset: -1, string: null, length: 0, name };
    // In an empty match jq puts every group where the match is.
    if (begin === end) return { offset, string: "", length: 0, name };
    const start = counter.characters(from, budget);
    if (from >= to) return { offset: start, string: "", length: 0, name };
    return { offset: start, length: counter.characters(to, budget) - start, string: text.slice(from, to), name };
  });
  return { offset, length: counter.characters(end, budget) - offset, string: text.slice(begin, end), captures };
}

/** Counts characters up to a place in UTF-16 units, going on from the last place asked for. */
class Counter {
  private readonly unitwise: boolean;
  private units = 0;
  private count = 0;

  constructor(private readonly text: string) {
    this.unitwise = isUnitwise(text);
  }

  characters(units: number, budget: Budget): number {
    if (this.unitwise) return units;
    spend(budget, Math.abs(units - this.units));
    while (this.units > units) {
      this.units -= this.units > 1 && unitsAt(this.text, this.units - 2) === 2 ? 2 : 1;
      this.count--;
    }
    while (this.units < units) {
      this.units += unitsAt(this.text, this.units);
      this.count++;
    }
    return this.count;
  }
}
