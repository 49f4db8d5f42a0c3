import { describe, expect, test } from "vitest";
import type { Schedule } from "../../../../src/dsl/schedule.ts";
import type { ScheduleRecord } from "../../../../src/ports/schedules.ts";
import { advanceSchedule, type ScheduleSettings } from "../../../../src/runtime/schedules/advance.ts";
import { firingAt } from "../../../../src/runtime/schedules/firing.ts";
import { parseDuration } from "../../../../src/values/durations.ts";
import { aScheduleRecord } from "../../../support/schedule-record.ts";

const KEY = { tenant: "t", namespace: "n", name: "s" };
const MINUTE = 60_000;
const SETTINGS: ScheduleSettings = {
  timeZone: "UTC",
  catchUp: "last",
  overlap: "allow",
  missedAfterMs: MINUTE,
  catchUpWithinMs: 60 * MINUTE,
};
const interval = parseDuration("PT5M");
if (interval === undefined) throw new Error("PT5M is a duration");
const schedule = (over: Partial<Schedule> = {}): Schedule => ({
  when: { kind: "every", interval },
  catchUp: null,
  overlap: null,
  ...over,
});
const record = (over: Partial<ScheduleRecord> = {}) =>
  aScheduleRecord({
    definition: { namespace: "n", name: "s", version: "1.0.0", digest: "d" },
    schedule: schedule(),
    nextAt: 5 * MINUTE,
    ...over,
  });
const at = (minutes: number) => firingAt(KEY, minutes * MINUTE, 1);
const advance = (before: ScheduleRecord, minutes: number, ended: Readonly<Record<string, number>> = {}) =>
  advanceSchedule(before, {
    now: minutes * MINUTE,
    ended: new Map(Object.entries(ended)),
    settings: SETTINGS,
    firingAt: (moment) => firingAt(KEY, moment, 1),
  });

describe("given a schedule of every five minutes", () => {
  test("when its time has not come, then nothing changes; when it has, then it is pending and the next time is the next", () => {
    const before = record();
    expect(advance(before, 4.9).record).toBe(before);
    const { record: after, lateness } = advance(before, 5.5);
    expect(after).toMatchObject({ pending: [at(5)], nextAt: 10 * MINUTE });
    expect(lateness).toEqual([MINUTE / 2]);
    expect(advance(record({ state: "paused", nextAt: null }), 100).record.pending).toEqual([]);
  });

  test.each([
    ["none", 32, [], 35, 1],
    ["none", 30.5, [30], 35, 1],
    ["last", 32, [30], 35, 1],
    ["last", 30.5, [30], 35, 1],
    ["all", 22, [5, 10, 15, 20], 25, 0],
    ["all", 83, [25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80], 85, 1],
    ["last", 5.9, [5], 10, 0],
  ] as const)(
    "when it makes up for %s and comes up again after %d minutes, then %j fire, then %d",
    (catchUp, now, fired, next, skips) => {
      const { record: after, skipped } = advance(record({ schedule: schedule({ catchUp }) }), now);
      expect(after.pending).toEqual(fired.map(at));
      expect(after.nextAt).toBe(next * MINUTE);
      expect(skipped).toHaveLength(skips);
    },
  );

  test("when the last one was missed longer ago than anything is made up for, then it is not", () => {
    const yearly = parseDuration("P1Y");
    if (yearly === undefined) throw new Error("P1Y is a duration");
    const before = record({
      schedule: schedule({ when: { kind: "every", interval: yearly } }),
      nextAt: 365 * 1_440 * MINUTE,
    });
    expect(advance(before, 365 * 1_440 + 61)).toMatchObject({ record: { pending: [] }, skipped: ["missed"] });
    expect(advance(before, 365 * 1_440 + 59).record.pending).toHaveLength(1);
  });

  test.each([
    ["allow", [5], null, 0],
    ["skip", [], null, 1],
    ["buffer-one", [], 5, 0],
    ["cancel-running", [], 5, 0],
  ] as const)(
    "when an execution is open and overlaps are to %s, then that is what happens",
    (overlap, pending, buffered, skips) => {
      const { record: after, skipped } = advance(record({ schedule: schedule({ overlap }), open: ["x0-a"] }), 5);
      expect(after.pending).toEqual(pending.map(at));
      expect(after.buffered).toEqual(buffered === null ? null : at(buffered));
      expect(skipped).toHaveLength(skips);
    },
  );

  test("when one waits already, then with buffer-one it stays, with cancel-running the later one takes its place", () => {
    const waiting = { open: ["x0-a"], buffered: at(5), nextAt: 10 * MINUTE };
    const kept = advance(record({ ...waiting, schedule: schedule({ overlap: "buffer-one" }) }), 10);
    expect(kept).toMatchObject({ record: { buffered: at(5), skipped: 1 }, skipped: ["overlap"] });
    const replaced = advance(record({ ...waiting, schedule: schedule({ overlap: "cancel-running" }) }), 10);
    expect(replaced).toMatchObject({ record: { buffered: at(10), skipped: 1 }, skipped: ["overlap"] });
  });

  test("when what it waits for has ended, then it is pending; while one is pending, nothing counts as idle", () => {
    const before = record({ open: ["x0-a"], buffered: at(5), nextAt: 10 * MINUTE });
    expect(advance(before, 7, { "x0-a": 6 * MINUTE }).record).toMatchObject({
      open: [],
      buffered: null,
      pending: [at(5)],
    });
    const skip = record({ pending: [at(4)], schedule: schedule({ overlap: "skip" }) });
    expect(advance(skip, 5)).toMatchObject({ record: { pending: [at(4)] }, skipped: ["overlap"] });
  });
});

describe("given a schedule of five minutes after the end", () => {
  const after = schedule({ when: { kind: "after", interval } });

  test("when its time comes, however late, then it fires, and the next time is known when that has ended", () => {
    const fired = advance(record({ schedule: after }), 500).record;
    expect(fired).toMatchObject({ pending: [at(5)], nextAt: null });
    const open = { ...fired, pending: [], open: ["x0-a"] };
    expect(advance(open, 600).record).toBe(open);
    expect(advance(open, 600, { "x0-a": 590 * MINUTE }).record).toMatchObject({ open: [], nextAt: 595 * MINUTE });
    // It is gone: nobody knows when it ended.
    expect(advance(open, 600, { "x0-a": 0 }).record.nextAt).toBe(605 * MINUTE);
  });
});
