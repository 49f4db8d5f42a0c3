import { Cron } from "croner";

/** A cron expression: 5 fields, 6 with seconds in front, or a nickname such as `@daily`; `TZ=<zone>` may stand before it. */
export interface CronText {
  readonly pattern: string;
  /** IANA time zone; null: none is said. */
  readonly timeZone: string | null;
}

const FIELDS = /^(\S+\s+){4,5}\S+$/;

export function cronTextOf(text: string): CronText {
  const [, timeZone = null, pattern = text] = /^(?:CRON_)?TZ=(\S*)\s+(.*)$/s.exec(text.trim()) ?? [];
  return { pattern: pattern.trim(), timeZone };
}

/** What is wrong with a pattern; undefined when it can fire. */
export function cronFault(pattern: string): string | undefined {
  if (!FIELDS.test(pattern) && !/^@[a-z]+$/i.test(pattern)) {
    return "it has five fields (minute, hour, day of the month, month, day of the week), six with seconds in front, or is a nickname such as @daily";
  }
  try {
    const cron = new Cron(pattern, { paused: true, timezone: "UTC" });
    return cron.nextRun(new Date(0)) === null ? "no moment ever fits it" : undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, "");
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name !== "";
  } catch {
    return false;
  }
}

/**
 * Moments of a valid pattern in a time zone. Where clocks go forward, a moment in the gap is the end of the gap; where they go back,
 * one with a fixed hour comes once, the first time, and one that repeats within hours comes in both.
 */
export interface CronTimes {
  /** The first moment after another one, epoch milliseconds; null when there is none. */
  next(after: number): number | null;
}

export function cronTimes(pattern: string, timeZone: string): CronTimes {
  const cron = new Cron(pattern, { paused: true, timezone: timeZone });
  return { next: (after) => cron.nextRun(new Date(after))?.getTime() ?? null };
}
