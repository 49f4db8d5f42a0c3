import type { Json } from "../../../values/json.ts";
import { type Budget, grow, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import type { Native } from "../native.ts";
import { add, subtract } from "./arithmetic.ts";
import { type Moment, momentOf, secondsOf } from "./dates/calendar.ts";
import { strftime } from "./dates/strftime.ts";
import { strptime } from "./dates/strptime.ts";
import { utf8Length } from "./json-text.ts";
import { isArray } from "./order.ts";

const ISO_8601 = "%Y-%m-%dT%H:%M:%SZ";
const MAX_INT = 2 ** 31 - 1;
/** Beyond, the year is no C `int`. */
const MAX_SECONDS = MAX_INT * 31_556_952;
/** How much longer than its format a formatted date may be. */
const ROOM = 100;
/** Steps of a conversion between seconds and the calendar. */
const CALENDAR_STEPS = 150;
/** Steps of taking a time apart. */
const FORMAT_STEPS = 20;

/** Builtins about dates, by name and number of arguments. The local time is UTC. */
export const DATE_FUNCTIONS: Readonly<Record<string, Native>> = {
  "mktime/0": paid(toSeconds),
  "gmtime/0": paid((input) => takeApart(input, "gmtime")),
  "localtime/0": paid((input) => takeApart(input, "localtime")),
  "strftime/1": (input, [format = null], { budget }) => formatTime(input, format, "strftime", budget),
  "strflocaltime/1": (input, [format = null], { budget }) => formatTime(input, format, "strflocaltime", budget),
  "strptime/1": (input, [format = null], { budget }) => parseTime(input, format, budget),
  "todate/0": (input, _, { budget }) => formatTime(input, ISO_8601, "strftime", budget),
  "todateiso8601/0": (input, _, { budget }) => formatTime(input, ISO_8601, "strftime", budget),
  "date/0": (input, _, { budget }) => formatTime(input, ISO_8601, "strftime", budget),
  "fromdate/0": (input, _, { budget }) => toSeconds(parseTime(input, ISO_8601, budget)),
  "fromdateiso8601/0": (input, _, { budget }) => toSeconds(parseTime(input, ISO_8601, budget)),
  "dateadd/2": (input, [_unit, amount = null], { budget }) => add(input, amount, budget),
  "datesub/2": (input, [_unit, amount = null], { budget }) => subtract(input, amount, budget),
};

/** What takes a time apart, or puts one together. */
function paid(compute: (input: Json) => Json): Native {
  return (input, _args, { budget }) => {
    spend(budget, CALENDAR_STEPS);
    return compute(input);
  };
}

/** Seconds since the epoch as `[year, month, day, hours, minutes, seconds, weekday, day of the year]`. */
function takeApart(input: Json, name: string): readonly Json[] {
  if (typeof input !== "number") throw new JqError(`${name}() requires numeric inputs`);
  if (!(Math.abs(input) <= MAX_SECONDS)) {
    throw new JqError("error converting number of seconds since epoch to datetime");
  }
  const moment = momentOf(Math.trunc(input));
  return brokenDown(moment, moment.second + (input - Math.floor(input)));
}

function brokenDown({ year, month, day, hour, minute, weekday, yearDay }: Moment, second: number): readonly Json[] {
  return [year, month, day, hour, minute, second, weekday, yearDay];
}

function toSeconds(input: Json): number {
  if (!isArray(input)) throw new JqError("mktime requires array inputs");
  const seconds = secondsOfParts(input, "mktime");
  // C's answer to an impossible time, and to the second before the epoch.
  if (seconds === -1 || Math.abs(seconds) > MAX_SECONDS) throw new JqError("invalid gmtime representation");
  return seconds;
}

/** Parts that are missing are 0, fractions are cut, and what is out of its range counts on into the next part. */
function secondsOfParts(parts: readonly Json[], name: string): number {
  const numbers = parts.slice(0, 8).map((part, index) => {
    if (typeof part !== "number" || Number.isNaN(part)) throw new JqError(`${name} requires parsed datetime inputs`);
    return toInt(index === 0 ? part - 1900 : part);
  });
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  return secondsOf({ year: year + 1900, month, day, hour, minute, second });
}

function toInt(value: number): number {
  return Math.trunc(Math.min(Math.max(value, -MAX_INT - 1), MAX_INT));
}

function formatTime(input: Json, format: Json, name: string, budget: Budget): string {
  const parts = typeof input === "number" ? takeApart(input, name === "strftime" ? "gmtime" : "localtime") : input;
  if (!isArray(parts)) throw new JqError(`${name}/1 requires parsed datetime inputs`);
  if (typeof format !== "string") throw new JqError(`${name}/1 requires a string format`);
  const seconds = secondsOfParts(parts, `${name}/1`);
  spend(budget, FORMAT_STEPS + format.length / 4);
  const text = strftime(momentOf(seconds), format, budget);
  grow(budget, text.length);
  const room = utf8Length(format) + ROOM;
  if ((text === "" && format !== "") || utf8Length(text) >= room)
    throw new JqError(`${name}/1: unknown system failure`);
  return text;
}

function parseTime(input: Json, format: Json, budget: Budget): readonly Json[] {
  if (typeof input !== "string" || typeof format !== "string") {
    throw new JqError("strptime/1 requires string inputs and arguments");
  }
  spend(budget, input.length / 8 + format.length / 4);
  const parsed = strptime(input, format, budget);
  if (parsed === undefined || /^[^ \t\n\v\f\r]/.test(parsed.rest)) {
    throw new JqError(`date "${input}" does not match format "${format}"`);
  }
  const parts = brokenDown(parsed.moment, parsed.moment.second);
  return parsed.rest === "" ? parts : [...parts, parsed.rest];
}
