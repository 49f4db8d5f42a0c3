/** A time taken apart as C's `struct tm` has it, in UTC. */
export interface Moment {
  /** Of our era, not less 1900. */
  readonly year: number;
  /** From 0. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** Whole seconds. */
  readonly second: number;
  /** From 0, Sunday. */
  readonly weekday: number;
  /** From 0, the 1st of January. */
  readonly yearDay: number;
}

export const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
export const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** What a conversion stands for that is several others. */
export const COMPOSED: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

/** Steps that reading or writing one conversion costs. */
export const CONVERSION_STEPS = 60;

const DAY_SECONDS = 86_400;
const DAYS_IN_400_YEARS = 146_097;
const MONTH_STARTS = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;

/**
 * Days from 1970-01-01 to a date of the Gregorian calendar, which is carried back before its time. Months and days outside their range
 * count on into the next or the last year or month.
 */
export function daysSinceEpoch(year: number, month: number, day: number): number {
  const years = year + Math.floor(month / 12);
  const months = modulo(month, 12);
  // Years are counted from March here, so that the leap day is the last.
  const shifted = months < 2 ? years - 1 : years;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * modulo(months - 2, 12) + 2) / 5);
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_IN_400_YEARS + dayOfEra - 719_468 + day - 1;
}

/** @param seconds whole seconds since the epoch. */
export function momentOf(seconds: number): Moment {
  const days = Math.floor(seconds / DAY_SECONDS);
  const ofDay = seconds - days * DAY_SECONDS;
  return {
    ...dateOf(days),
    hour: Math.floor(ofDay / 3600),
    minute: Math.floor(ofDay / 60) % 60,
    second: ofDay % 60,
    weekday: weekdayOf(days),
  };
}

function dateOf(days: number): Pick<Moment, "year" | "month" | "day" | "yearDay"> {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / DAYS_IN_400_YEARS);
  const dayOfEra = shifted - era * DAYS_IN_400_YEARS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = (monthFromMarch + 2) % 12;
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  return { year, month, day, yearDay: yearDayOf(year, month, day) };
}

/** The day of the week of a day since the epoch, which was a Thursday. */
export function weekdayOf(days: number): number {
  return modulo(days + 4, 7);
}

/** The day of the year from 0, without a look at whether the month has such a day. */
export function yearDayOf(year: number, month: number, day: number): number {
  return (MONTH_STARTS[month] ?? 0) + (month > 1 && isLeapYear(year) ? 1 : 0) + day - 1;
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Seconds since the epoch; every part may be out of its range. */
export function secondsOf(moment: Omit<Moment, "weekday" | "yearDay">): number {
  const { year, month, day, hour, minute, second } = moment;
  return daysSinceEpoch(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

export function modulo(value: number, by: number): number {
  return value - Math.floor(value / by) * by;
}
