import { expect, test } from "vitest";
import type { ScheduleKey, ScheduleRecord } from "../../../src/ports/schedules.ts";
import { aScheduleRecord } from "../../support/schedule-record.ts";
import { eachDatabase, type OpenDatabase, pagesOf } from "./opened.ts";

const T = "acme";
const key = (name: string, namespace = "n", tenant = T): ScheduleKey => ({ tenant, namespace, name });
const aRecord = (over: Partial<ScheduleRecord> = {}) =>
  aScheduleRecord({ pausedReason: 'Grüße "\\', since: 1, nextAt: 2, ...over });

export function scheduleContract(open: OpenDatabase): void {
  const database = eachDatabase(open);

  test("given no schedule, when one is put and put again, then only who knows its revision may, and it is read as it was written", async () => {
    const db = database();
    expect(await db.schedule(key("a"))).toBeNull();
    const first = await db.putSchedule(key("a"), null, { lookAt: 1_000_000_000_000, record: aRecord() });
    expect(first).not.toBeNull();
    expect(await db.putSchedule(key("a"), null, { lookAt: 1, record: aRecord() })).toBeNull();
    expect(await db.schedule(key("a"))).toEqual({
      ...key("a"),
      ...{ revision: first, lookAt: 1_000_000_000_000, record: aRecord() },
    });
    const next = { lookAt: null, record: aRecord({ state: "paused", nextAt: null }) };
    const second = await db.putSchedule(key("a"), first, next);
    expect(second).not.toBe(first);
    expect(await db.putSchedule(key("a"), first, { lookAt: 1, record: aRecord() })).toBeNull();
    expect(await db.schedule(key("a"))).toMatchObject({ revision: second, ...next });
    expect(await db.schedule(key("a", "n", "other"))).toBeNull();
  });

  test("given many writers at one revision, when all put, then one wins", async () => {
    const db = database();
    const revision = await db.putSchedule(key("a"), null, { lookAt: 1, record: aRecord() });
    const puts = Array.from({ length: 20 }, (_, i) =>
      db.putSchedule(key("a"), revision, { lookAt: i, record: aRecord({ fired: i }) }),
    );
    expect((await Promise.all(puts)).filter((each) => each !== null)).toHaveLength(1);
  });

  test("given a schedule that was removed and made again, when somebody writes with what he knew before, then he is refused", async () => {
    const db = database();
    const old = await db.putSchedule(key("a"), null, { lookAt: 1, record: aRecord() });
    expect(await db.removeSchedule(key("a"), (old ?? 0) + 1)).toBe(false);
    expect(await db.removeSchedule(key("a"), old ?? 0)).toBe(true);
    expect(await db.removeSchedule(key("a"), old ?? 0)).toBe(false);
    expect(await db.schedule(key("a"))).toBeNull();
    expect(await db.schedulesToLookAt([T], 10, 10)).toEqual([]);
    const made = await db.putSchedule(key("a"), null, { lookAt: 1, record: aRecord() });
    expect(made).not.toBe(old);
    expect(await db.putSchedule(key("a"), old, { lookAt: 1, record: aRecord() })).toBeNull();
  });

  test("given schedules, when they are listed, then by namespace and name, of one tenant, page by page", async () => {
    const db = database();
    const names = [key("b", "a-b"), key("a", "a"), key("a-b", "a"), key("a0", "a"), key("Z", "a")];
    for (const each of [...names, key("x", "a", "other")]) {
      await db.putSchedule(each, null, { lookAt: null, record: aRecord() });
    }
    const paths = (filter: { namespace?: string }) => async (limit: number) =>
      (await pagesOf(limit, (page) => db.schedules(T, filter, page))).map((page) =>
        page.map(({ namespace, name }) => `${namespace}/${name}`),
      );
    expect(await paths({})(2)).toEqual([["a/Z", "a/a"], ["a/a-b", "a/a0"], ["a-b/b"]]);
    expect(await paths({ namespace: "a" })(3)).toEqual([["a/Z", "a/a", "a/a-b"], ["a/a0"]]);
    expect(await paths({ namespace: "none" })(3)).toEqual([[]]);
  });

  test("given schedules with a moment to look at them, when one asks, then those up to it are given, of the tenants named", async () => {
    const db = database();
    for (const [name, lookAt] of [
      ["c", 30],
      ["a", 10],
      ["b", 20],
      ["never", null],
    ] as const) {
      await db.putSchedule(key(name), null, { lookAt, record: aRecord() });
    }
    await db.putSchedule(key("z", "n", "other"), null, { lookAt: 5, record: aRecord() });
    const found = async (tenants: string[], before: number, limit = 10) =>
      (await db.schedulesToLookAt(tenants, before, limit)).map(({ name }) => name);
    expect(await found([T], 20)).toEqual(["a", "b"]);
    expect(await found([T], 40, 1)).toEqual(["a"]);
    expect(await found([T, "other"], 10)).toEqual(["z", "a"]);
    expect(await found([], 100)).toEqual([]);
  });
}
