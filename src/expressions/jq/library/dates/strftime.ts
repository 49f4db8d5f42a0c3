import { type Budget, spend } from "../../budget.ts";
import { COMPOSED, CONVERSION_STEPS, DAYS, isLeapYear, MONTHS, type Moment, modulo, secondsOf } from "./calendar.ts";

/** One conversion: flags, width, modifier, letter. */
const CONVERSION = /%([_\-0^#+]*)(\d*)([EO]?)([a-zA-Z%])/g;
/** C has no room for longer ones. */
const MAX_WIDTH = 1_000;

/** What a letter stands for, before flags and width. */
type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "number"; readonly value: number; readonly digits: number; readonly pad: "0" | " " };

/**
 * Formats as C's `strftime` does in the C locale and in UTC; what it does not know stays as it is.
 *
 * @throws {JqBudgetError}
 */
export function strftime(moment: Moment, format: string, budget: Budget): string {
  let formatted = "";
  let done = 0;
  // One after another: `replace` finds all of them before it asks for the first.
  for (const { 0: whole, 1: flags = "", 2: width = "", 4: letter = "", index } of format.matchAll(CONVERSION)) {
    spend(budget, CONVERSION_STEPS);
    const part = partOf(letter, moment, budget);
    const piece = part === undefined ? whole : padded(part, flags, Math.min(Number(width), MAX_WIDTH), letter);
    formatted += format.slice(done, index) + piece;
    done = index + whole.length;
  }
  return formatted + format.slice(done);
}

function padded(part: Part, flags: string, width: number, letter: string): string {
  const flag = [...flags].findLast((one) => one === "_" || one === "-" || one === "0");
  if (part.kind === "text") return recased(part.text, flags, letter).padStart(width, flag === "0" ? "0" : " ");
  const digits = String(Math.abs(part.value));
  const sign = part.value < 0 ? "-" : "";
  if (flag === "-") return sign + digits;
  const pad = flag === "_" ? " " : flag === "0" ? "0" : part.pad;
  const length = Math.max(part.digits, width) - sign.length;
  return pad === "0" ? sign + digits.padStart(length, "0") : (sign + digits).padStart(length + sign.length, " ");
}

function recased(text: string, flags: string, letter: string): string {
  if (flags.includes("^")) return text.toUpperCase();
  if (!flags.includes("#")) return text;
  return letter === "p" || letter === "Z" ? text.toLowerCase() : text.toUpperCase();
}

function text(value: string): Part {
  return { kind: "text", text: value };
}

function number(value: number, digits: number, pad: "0" | " " = "0"): Part {
  return { kind: "number", value, digits, pad };
}

const SIMPLE: Readonly<Record<string, (moment: Moment) => Part>> = {
  "%": () => text("%"),
  a: ({ weekday }) => text((DAYS[weekday] ?? "?").slice(0, 3)),
  A: ({ weekday }) => text(DAYS[weekday] ?? "?"),
  b: ({ month }) => text((MONTHS[month] ?? "?").slice(0, 3)),
  B: ({ month }) => text(MONTHS[month] ?? "?"),
  C: ({ year }) => number(Math.floor(year / 100), 2),
  d: ({ day }) => number(day, 2),
  e: ({ day }) => number(day, 2, " "),
  g: (moment) => number(modulo(isoWeekOf(moment).year, 100), 2),
  G: (moment) => number(isoWeekOf(moment).year, 1),
  h: ({ month }) => text((MONTHS[month] ?? "?").slice(0, 3)),
  H: ({ hour }) => number(hour, 2),
  I: ({ hour }) => number(twelveHours(hour), 2),
  j: ({ yearDay }) => number(yearDay + 1, 3),
  k: ({ hour }) => number(hour, 2, " "),
  l: ({ hour }) => number(twelveHours(hour), 2, " "),
  m: ({ month }) => number(month + 1, 2),
  M: ({ minute }) => number(minute, 2),
  n: () => text("\n"),
  p: ({ hour }) => text(hour < 12 ? "AM" : "PM"),
  P: ({ hour }) => text(hour < 12 ? "am" : "pm"),
  s: (moment) => number(secondsOf(moment), 1),
  S: ({ second }) => number(second, 2),
  t: () => text("\t"),
  u: ({ weekday }) => number(weekday === 0 ? 7 : weekday, 1),
  U: ({ yearDay, weekday }) => number(Math.floor((yearDay - weekday + 7) / 7), 2),
  V: (moment) => number(isoWeekOf(moment).week, 2),
  w: ({ weekday }) => number(weekday, 1),
  W: ({ yearDay, weekday }) => number(Math.floor((yearDay - modulo(weekday - 1, 7) + 7) / 7), 2),
  y: ({ year }) => number(modulo(year, 100), 2),
  Y: ({ year }) => number(year, 1),
  z: () => text("+0000"),
  Z: () => text("UTC"),
};

function partOf(letter: string, moment: Moment, budget: Budget): Part | undefined {
  const composed = Object.hasOwn(COMPOSED, letter) ? COMPOSED[letter] : undefined;
  if (composed !== undefined) return text(strftime(moment, composed, budget));
  return Object.hasOwn(SIMPLE, letter) ? SIMPLE[letter]?.(moment) : undefined;
}

function twelveHours(hour: number): number {
  return hour % 12 === 0 ? 12 : hour % 12;
}

/** The week of ISO 8601: weeks begin on Monday, and the first has the year's first Thursday. */
function isoWeekOf({ year, yearDay, weekday }: Moment): { readonly year: number; readonly week: number } {
  const thursday = yearDay - modulo(weekday - 1, 7) + 3;
  if (thursday < 0) return { year: year - 1, week: weekOf(thursday + daysIn(year - 1)) };
  if (thursday >= daysIn(year)) return { year: year + 1, week: weekOf(thursday - daysIn(year)) };
  return { year, week: weekOf(thursday) };
}

function weekOf(thursday: number): number {
  return Math.floor(thursday / 7) + 1;
}

function daysIn(year: number): number {
  return isLeapYear(year) ? 366 : 365;
}
