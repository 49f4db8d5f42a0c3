import { cronTimes } from "../../dsl/cron.ts";
import type { ScheduleWhen } from "../../dsl/schedule.ts";
import { addDuration, type Duration, fixedDurationMs } from "../../values/durations.ts";

/** The nominal times of a schedule; all epoch milliseconds. `after` has none: what comes next depends on what was. */
export interface ScheduleTimes {
  /** The first one after a moment; null when there is none. */
  next(after: number): number | null;
  /** The latest one up to a moment, and after another one; null when there is none. */
  last(upTo: number, after: number): number | null;
}

/** @param since intervals are counted from here, so that they neither drift nor clip a month for good. */
export function scheduleTimes(when: ScheduleWhen, since: number, timeZone: string): ScheduleTimes {
  switch (when.kind) {
    case "every":
      return intervalTimes(when.interval, since);
    case "cron":
      return cronSeries(cronTimes(when.pattern, when.timeZone ?? timeZone).next);
    case "after":
      return { next: () => null, last: () => null };
  }
}

function intervalTimes(interval: Duration, since: number): ScheduleTimes {
  const nth = (n: number) => addDuration(since, multiple(interval, n));
  /** How many there are up to a moment. */
  const countUpTo = (moment: number) => {
    if (moment < since) return 0;
    let n = Math.floor((moment - since) / longestMs(interval));
    while (nth(n + 1) <= moment) n++;
    return n;
  };
  return {
    next: (after) => nth(countUpTo(after) + 1),
    last(upTo, after) {
      const n = countUpTo(upTo);
      const moment = nth(n);
      return n > 0 && moment > after ? moment : null;
    },
  };
}

function multiple(duration: Duration, n: number): Duration {
  const members = Object.entries(duration).map(([unit, amount]) => [unit, amount * n] as const);
  return Object.fromEntries(members) as unknown as Duration;
}

const LONGEST_YEAR_MS = 366 * 86_400_000;
const LONGEST_MONTH_MS = 31 * 86_400_000;
function longestMs(interval: Duration): number {
  const { years, months } = interval;
  const rest = fixedDurationMs({ ...interval, years: 0, months: 0 }) ?? 0;
  return years * LONGEST_YEAR_MS + months * LONGEST_MONTH_MS + rest;
}

const FIRST_WINDOW_MS = 60_000;

/** Patterns are searched forwards only: so in windows that grow, until one holds some. */
function cronSeries(next: ScheduleTimes["next"]): ScheduleTimes {
  return {
    next,
    last(upTo, after) {
      for (let window = FIRST_WINDOW_MS; ; window *= 2) {
        const from = Math.max(after, upTo - window);
        let found: number | null = null;
        for (let moment = next(from); moment !== null && moment <= upTo; moment = next(moment)) found = moment;
        if (found !== null || from === after) return found;
      }
    },
  };
}
