import { type Budget, spend } from "../../budget.ts";
import {
  COMPOSED,
  CONVERSION_STEPS,
  DAYS,
  daysSinceEpoch,
  MONTHS,
  type Moment,
  modulo,
  momentOf,
  weekdayOf,
  yearDayOf,
} from "./calendar.ts";

/** The weekday and the day of the year that C's caller puts in to see whether they were set. */
const UNSET_WEEKDAY = 8;
const UNSET_YEAR_DAY = 367;
const SPACE = /[ \t\n\v\f\r]/;
const MAX_NESTING = 5;

/** What a format read, and what of the text it left over. */
export interface Parsed {
  readonly moment: Moment;
  readonly rest: string;
}

/**
 * Reads a time as glibc's `strptime` does in the C locale. What the format does not name stays 0 (the year 1900, the day 0); a zone is
 * read and not used.
 *
 * @returns undefined when the text does not fit.
 * @throws {JqBudgetError}
 */
export function strptime(text: string, format: string, budget: Budget): Parsed | undefined {
  const reader = new Reader(text, budget);
  return reader.read(format, 0) ? { moment: reader.moment(), rest: text.slice(reader.position) } : undefined;
}

/** Least and greatest value and most digits of the numbers. */
const NUMBERS: Readonly<Record<string, readonly [from: number, to: number, digits: number]>> = {
  C: [0, 99, 2],
  d: [1, 31, 2],
  e: [1, 31, 2],
  g: [0, 99, 2],
  G: [0, 9999, 4],
  H: [0, 23, 2],
  k: [0, 23, 2],
  I: [1, 12, 2],
  l: [1, 12, 2],
  j: [1, 366, 3],
  m: [1, 12, 2],
  M: [0, 59, 2],
  S: [0, 61, 2],
  u: [1, 7, 1],
  U: [0, 53, 2],
  V: [0, 53, 2],
  w: [0, 6, 1],
  W: [0, 53, 2],
  y: [0, 99, 2],
  Y: [0, 9999, 4],
};

/** The letters after which weekday and day of the year are wanted. */
const DATE_LETTERS = new Set("bBhCdemyY");

/** Numbers as they were read, under the letter of their conversion. */
type Read = Record<string, number | undefined>;

class Reader {
  position = 0;
  private readonly found: Read = {};
  private wantsDays = false;
  private isAfternoon = false;

  constructor(
    private readonly text: string,
    private readonly budget: Budget,
  ) {}

  /** True when the format fits what comes next. */
  read(format: string, nesting: number): boolean {
    for (let i = 0; i < format.length; i++) {
      const character = format[i] as string;
      if (SPACE.test(character)) {
        this.skipSpace();
      } else if (character !== "%") {
        if (this.text[this.position] !== character) return false;
        this.position++;
      } else {
        i++;
        while ("_-0^#".includes(format[i] ?? " ")) i++;
        if (format[i] === "E" || format[i] === "O") i++;
        if (!this.conversion(format[i] ?? "", nesting)) return false;
      }
    }
    return true;
  }

  private conversion(letter: string, nesting: number): boolean {
    spend(this.budget, CONVERSION_STEPS);
    if (DATE_LETTERS.has(letter)) this.wantsDays = true;
    if (Object.hasOwn(NUMBERS, letter)) return this.number(letter);
    const composed = Object.hasOwn(COMPOSED, letter) ? COMPOSED[letter] : undefined;
    if (composed !== undefined) return nesting < MAX_NESTING && this.read(composed, nesting + 1);
    switch (letter) {
      case "%":
        return this.text[this.position++] === "%";
      case "a":
      case "A":
        return this.name("a", DAYS);
      case "b":
      case "B":
      case "h":
        return this.name("b", MONTHS);
      case "n":
      case "t":
        this.skipSpace();
        return true;
      case "p":
      case "P":
        return this.halfOfDay();
      case "s":
        return this.epochSeconds();
      case "z":
        return this.offset();
      case "Z":
        this.skipSpace();
        return this.skip(/[^ \t\n\v\f\r]*/y);
      default:
        return false;
    }
  }

  private skipSpace(): void {
    while (SPACE.test(this.text[this.position] ?? "x")) this.position++;
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    this.position += found?.[0].length ?? 0;
    return found !== null;
  }

  private number(letter: string): boolean {
    const [from, to, digits] = NUMBERS[letter] ?? [0, 0, 0];
    while (this.text[this.position] === " ") this.position++;
    const start = this.position;
    let value = 0;
    while (this.position - start < digits && value * 10 <= to && isDigit(this.text[this.position])) {
      value = value * 10 + Number(this.text[this.position++]);
    }
    if (this.position === start || value < from || value > to) return false;
    this.found[ALIASES[letter] ?? letter] = letter === "u" ? value % 7 : value;
    return true;
  }

  /** A full or a short name, in any case of letters. */
  private name(letter: string, names: readonly string[]): boolean {
    const rest = this.text.slice(this.position, this.position + 12).toLowerCase();
    for (const [index, name] of names.entries()) {
      const lower = name.toLowerCase();
      const found = [lower, lower.slice(0, 3)].find((form) => rest.startsWith(form));
      if (found === undefined) continue;
      this.position += found.length;
      this.found[letter === "a" ? "w" : "m"] = letter === "a" ? index : index + 1;
      return true;
    }
    return false;
  }

  private halfOfDay(): boolean {
    const half = this.text.slice(this.position, this.position + 2).toUpperCase();
    if (half !== "AM" && half !== "PM") return false;
    this.isAfternoon = half === "PM";
    this.position += 2;
    return true;
  }

  private epochSeconds(): boolean {
    const start = this.position;
    if (!this.skip(/\d{1,15}/y)) return false;
    this.found.s = Number(this.text.slice(start, this.position));
    return true;
  }

  private offset(): boolean {
    this.skipSpace();
    return this.skip(/Z|[+-]\d\d(?::?[0-5]\d)?/y);
  }

  moment(): Moment {
    const { s, H = 0, I, M = 0, S = 0 } = this.found;
    if (s !== undefined) return momentOf(s);
    const hour = I === undefined ? H : (I % 12) + (this.isAfternoon ? 12 : 0);
    return { ...this.date(), hour, minute: M, second: S };
  }

  private date(): Omit<Moment, "hour" | "minute" | "second"> {
    const { m, d = 0, w, j } = this.found;
    const year = this.year();
    const yearDay = j === undefined ? this.yearDayOfWeek(year) : j - 1;
    let [month, day] = [(m ?? 1) - 1, d];
    const incomplete = m === undefined || this.found.d === undefined;
    if (yearDay !== undefined && incomplete && (this.wantsDays || j === undefined)) {
      const found = momentOf(daysSinceEpoch(year, 0, 1 + yearDay) * 86_400);
      if (m === undefined) month = found.month;
      if (this.found.d === undefined) day = found.day;
    }
    return {
      year,
      month,
      day,
      weekday: w ?? (this.wantsDays ? weekdayOf(daysSinceEpoch(year, month, day)) : UNSET_WEEKDAY),
      yearDay: yearDay ?? (this.wantsDays ? yearDayOf(year, month, day) : UNSET_YEAR_DAY),
    };
  }

  private year(): number {
    const { Y, y, C } = this.found;
    if (Y !== undefined) return Y;
    if (y !== undefined) return C === undefined ? (y >= 69 ? 1900 + y : 2000 + y) : C * 100 + y;
    return C === undefined ? 1900 : C * 100;
  }

  /** From a week of the year (`%U` from Sunday, `%W` from Monday) and a weekday. */
  private yearDayOfWeek(year: number): number | undefined {
    const { U, W, w } = this.found;
    const week = U ?? W;
    if (week === undefined || w === undefined) return undefined;
    const offset = U === undefined ? 1 : 0;
    const first = weekdayOf(daysSinceEpoch(year, 0, 1));
    return modulo(7 - (first - offset), 7) + (week - 1) * 7 + modulo(w - offset, 7);
  }
}

/** Letters that fill the same field. */
const ALIASES: Readonly<Record<string, string>> = { e: "d", k: "H", l: "I", u: "w" };

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}
