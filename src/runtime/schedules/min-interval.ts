import { cronTimes } from "../../dsl/cron.ts";
import type { Schedule } from "../../dsl/schedule.ts";
import type { InputIssue } from "../../errors.ts";
import { addDuration } from "../../values/durations.ts";

/** Moments of a cron expression that are looked at; its shortest distance is nearly always among the first. */
const LOOKED_AT = 50;
/** Any moment will do: intervals of the calendar are at least as long elsewhere. */
const SOME_DAY = Date.UTC(2030, 1, 1);

/** What is wrong with a schedule that starts more often than is allowed. @param minMs shortest interval, in milliseconds. */
export function scheduleFaults(
  schedule: Schedule | null,
  minMs: number,
  line: (pointer: string) => number | undefined,
): readonly InputIssue[] {
  const when = schedule?.when ?? null;
  if (when === null) return [];
  const shortest = when.kind === "cron" ? shortestOf(when.pattern) : addDuration(SOME_DAY, when.interval) - SOME_DAY;
  if (shortest >= minMs) return [];
  const pointer = `/schedule/${when.kind}`;
  const at = line(pointer);
  const message = `it starts every ${shortest} ms, more often than SCHEDULE_MIN_INTERVAL=${minMs}ms allows`;
  return [at === undefined ? { pointer, message } : { pointer, line: at, message }];
}

function shortestOf(pattern: string): number {
  const { next } = cronTimes(pattern, "UTC");
  let shortest = Number.POSITIVE_INFINITY;
  let before = next(SOME_DAY);
  for (let i = 0; i < LOOKED_AT && before !== null; i++) {
    const moment = next(before);
    if (moment !== null) shortest = Math.min(shortest, moment - before);
    before = moment;
  }
  return shortest;
}
