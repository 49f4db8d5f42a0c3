import { describe, expect, test } from "vitest";
import { cronTimes } from "../../../../src/dsl/cron.ts";
import { scheduleTimes } from "../../../../src/runtime/schedules/times.ts";
import { type Duration, parseDuration } from "../../../../src/values/durations.ts";

const ms = (iso: string) => Date.parse(iso);
const iso = (moment: number | null) => (moment === null ? null : new Date(moment).toISOString());
const interval = (text: string): Duration => {
  const duration = parseDuration(text);
  if (duration === undefined) throw new Error(`${text} is no duration`);
  return duration;
};
const series = (next: (after: number) => number | null, from: string, count: number) => {
  const found: (string | null)[] = [];
  for (let at = next(ms(from)); found.length < count; at = next(at ?? 0)) found.push(iso(at));
  return found;
};

describe("given intervals", () => {
  const every = (text: string, since: string) =>
    scheduleTimes({ kind: "every", interval: interval(text) }, ms(since), "UTC");

  test("when a month has fewer days, then only that one is clipped", () => {
    expect(series(every("P1M", "2027-12-31T12:00:00Z").next, "2027-12-31T12:00:00Z", 4)).toEqual([
      "2028-01-31T12:00:00.000Z",
      "2028-02-29T12:00:00.000Z",
      "2028-03-31T12:00:00.000Z",
      "2028-04-30T12:00:00.000Z",
    ]);
  });

  test("when one asks at, before and long after a time, then the next one is strictly later and the last one is not", () => {
    const times = every("PT15M", "2030-01-01T00:00:00Z");
    expect(iso(times.next(ms("2030-01-01T00:15:00Z")))).toBe("2030-01-01T00:30:00.000Z");
    expect(iso(times.next(ms("2029-01-01T00:00:00Z")))).toBe("2030-01-01T00:15:00.000Z");
    expect(iso(times.next(ms("2040-05-01T00:14:59.999Z")))).toBe("2040-05-01T00:15:00.000Z");
    expect(iso(times.last(ms("2030-01-01T00:30:00Z"), 0))).toBe("2030-01-01T00:30:00.000Z");
    expect(times.last(ms("2030-01-01T00:14:00Z"), 0)).toBeNull();
    expect(times.last(ms("2030-01-01T00:40:00Z"), ms("2030-01-01T00:30:00Z"))).toBeNull();
  });

  test("when months and days are mixed over decades, then the steps are those of the calendar", () => {
    const times = every("P1M1D", "2000-01-01T00:00:00Z");
    const hundredth = times.next(ms("2008-08-08T00:00:00Z"));
    expect(iso(hundredth)).toBe("2008-08-09T00:00:00.000Z");
    expect(iso(times.last((hundredth ?? 0) + 1, 0))).toBe(iso(hundredth));
  });
});

describe("given cron expressions", () => {
  test.each([
    [
      "a gap in the clock",
      "30 2 * * *",
      "2026-03-28T00:00:00Z",
      ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"],
    ],
    [
      "hours, over a gap",
      "0 * * * *",
      "2026-03-28T23:30:00Z",
      ["2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00"],
    ],
    [
      "an hour that comes twice",
      "30 2 * * *",
      "2026-10-24T00:00:00Z",
      ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"],
    ],
    [
      "half hours, while one comes twice",
      "*/30 2 * * *",
      "2026-10-24T01:00:00Z",
      ["2026-10-25T00:00", "2026-10-25T00:30"],
    ],
    [
      "every hour, while one comes twice",
      "0 * * * *",
      "2026-10-24T23:30:00Z",
      ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"],
    ],
    ["29 February", "0 0 29 2 *", "2026-01-01T00:00:00Z", ["2028-02-28T23:00", "2032-02-28T23:00"]],
    ["either day", "0 0 1 * 1", "2026-10-24T00:00:00Z", ["2026-10-25T23:00", "2026-10-31T23:00", "2026-11-01T23:00"]],
  ])("when %s is met in Berlin, then the moments are as documented", (_what, pattern, from, expected) => {
    const { next } = cronTimes(pattern, "Europe/Berlin");
    expect(series(next, from, expected.length)).toEqual(expected.map((at) => `${at}:00.000Z`));
  });

  test("when the last one is asked for, then it is found however far it lies", () => {
    const times = scheduleTimes({ kind: "cron", pattern: "0 2 1 1 *", timeZone: null }, 0, "UTC");
    expect(iso(times.last(ms("2030-12-01T00:00:00Z"), 0))).toBe("2030-01-01T02:00:00.000Z");
    expect(times.last(ms("2030-12-01T00:00:00Z"), ms("2030-01-01T02:00:00Z"))).toBeNull();
    const often = scheduleTimes({ kind: "cron", pattern: "*/5 * * * * *", timeZone: null }, 0, "UTC");
    expect(iso(often.last(ms("2030-12-01T00:00:04Z"), 0))).toBe("2030-12-01T00:00:00.000Z");
  });
});
