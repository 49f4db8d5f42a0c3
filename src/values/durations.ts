import { parse } from "tinyduration";
import { isJsonObject, type Json } from "./json.ts";

/** Calendar duration; every member is 0 or more, and whole. Years and months follow the UTC calendar. */
export interface Duration {
  readonly years: number;
  readonly months: number;
  readonly weeks: number;
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

/** Length in milliseconds of every member that has a fixed one. */
const UNIT_MS = {
  weeks: 604_800_000,
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
} as const;
type FixedUnit = keyof typeof UNIT_MS;
const FIXED_UNITS = Object.keys(UNIT_MS) as readonly FixedUnit[];
/** Members of the DSL's duration object. */
const OBJECT_MEMBERS: ReadonlySet<string> = new Set(["days", "hours", "minutes", "seconds", "milliseconds"]);
/** Keeps every moment within the range of dates. */
const MAX_YEARS = 10_000;
const YEAR_MS = 31_556_952_000;
const ZERO: Duration = {
  years: 0,
  months: 0,
  weeks: 0,
  days: 0,
  hours: 0,
  minutes: 0,
  seconds: 0,
  milliseconds: 0,
};

/**
 * Reads an ISO 8601 duration or the DSL's object. Undefined for everything else: also for negative ones, fractions of years, of
 * months or of milliseconds, unknown members, and more than 10,000 years.
 */
export function parseDuration(value: Json): Duration | undefined {
  const duration =
    typeof value === "string" ? fromIso(value) : isJsonObject(value) ? fromMembers(Object.entries(value)) : undefined;
  return duration !== undefined && approximateYears(duration) <= MAX_YEARS ? duration : undefined;
}

/** The moment `duration` after `epochMs`: years and months first (the day clipped to its month), then the fixed rest. */
export function addDuration(epochMs: number, duration: Duration): number {
  const { years, months } = duration;
  return (years + months > 0 ? addMonths(epochMs, years * 12 + months) : epochMs) + fixedPartMs(duration);
}

/** Its length in milliseconds; undefined when that depends on the calendar. */
export function fixedDurationMs(duration: Duration): number | undefined {
  return duration.years + duration.months > 0 ? undefined : fixedPartMs(duration);
}

/** The library lets signs, spaces and an empty time part pass. */
const ISO_FRAME = /^P[^+-]*[YMWDHS]$/;

function fromIso(text: string): Duration | undefined {
  if (!ISO_FRAME.test(text)) return undefined;
  try {
    const { negative, ...members } = parse(text);
    return negative === true ? undefined : whole({ ...ZERO, ...members });
  } catch {
    return undefined;
  }
}

/** Turns the fraction ISO 8601 allows in the last member into milliseconds. */
function whole(duration: Duration): Duration | undefined {
  const { years, months } = duration;
  if (!Number.isInteger(years) || !Number.isInteger(months)) return undefined;
  const fractionMs = FIXED_UNITS.reduce((sum, unit) => sum + (duration[unit] % 1) * UNIT_MS[unit], 0);
  const milliseconds = Math.round(fractionMs);
  if (Math.abs(fractionMs - milliseconds) > 1e-6) return undefined;
  const members = FIXED_UNITS.map((unit) => [unit, Math.trunc(duration[unit])] as const);
  return { ...duration, ...Object.fromEntries(members), milliseconds };
}

function fromMembers(entries: readonly (readonly [string, Json])[]): Duration | undefined {
  const valid = entries.every(
    ([key, value]) => OBJECT_MEMBERS.has(key) && Number.isSafeInteger(value) && Number(value) >= 0,
  );
  return valid && entries.length > 0 ? { ...ZERO, ...Object.fromEntries(entries) } : undefined;
}

function approximateYears(duration: Duration): number {
  return duration.years + duration.months / 12 + fixedPartMs(duration) / YEAR_MS;
}

function fixedPartMs(duration: Duration): number {
  return FIXED_UNITS.reduce((sum, unit) => sum + duration[unit] * UNIT_MS[unit], 0);
}

function addMonths(epochMs: number, months: number): number {
  const date = new Date(epochMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return date.setUTCDate(Math.min(day, lastDay));
}

/** As ISO 8601, in the units it was given in. */
export function durationText({ years, months, weeks, days, hours, minutes, seconds, milliseconds }: Duration): string {
  const part = (amount: number, unit: string) => (amount === 0 ? "" : `${amount}${unit}`);
  // A fraction stands in the last member, which is the seconds.
  const date = part(years, "Y") + part(months, "M") + part(weeks, "W") + part(days, "D");
  const time = part(hours, "H") + part(minutes, "M") + part(seconds + milliseconds / 1_000, "S");
  return date + time === "" ? "PT0S" : `P${date}${time === "" ? "" : `T${time}`}`;
}
