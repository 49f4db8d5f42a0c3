import { expect, test } from "vitest";
import type { ExecutionHead } from "../../../src/ports/event-store.ts";
import type { NoticeListener } from "../../../src/ports/notices.ts";
import { createHeadWatcher } from "../../../src/runtime/head-watcher.ts";
import type { ExecutionStatus } from "../../../src/values/status.ts";

/** Heads that end when told; counts how often they were asked for. */
function heads() {
  const ended = new Set<string>();
  const asked: (readonly string[])[] = [];
  return {
    asked,
    end: (id: string) => ended.add(id),
    heads: async (ids: readonly string[]) => {
      asked.push(ids);
      return ids.map((id) =>
        id === "unknown" ? null : ({ version: 2, status: ended.has(id) ? "COMPLETED" : "RUNNING" } as ExecutionHead),
      );
    },
  };
}

test("given many that wait, when one execution ends, then its waiters are told, and polls asked for all together", async () => {
  const store = heads();
  const watcher = createHeadWatcher(store);
  const first = [watcher.ended("a", 60_000), watcher.ended("a", 60_000)];
  const second = watcher.ended("b", 60_000);
  store.end("a");
  expect(await Promise.all(first)).toEqual([true, true]);
  expect(store.asked[0]).toEqual(["a", "b"]);
  store.end("b");
  expect(await second).toBe(true);
  watcher.close();
});

test("given an unknown execution, a passed time, an abort or a close, when waited for, then it has not ended", async () => {
  const watcher = createHeadWatcher(heads());
  const abort = new AbortController();
  const waits = [
    watcher.ended("unknown", 60_000),
    watcher.ended("a", 20),
    watcher.ended("a", 0),
    watcher.ended("a", 60_000, abort.signal),
  ];
  abort.abort();
  expect(await Promise.all(waits)).toEqual([false, false, false, false]);
  const last = watcher.ended("a", 60_000);
  watcher.close();
  expect(await last).toBe(false);
  expect(await watcher.ended("a", 60_000)).toBe(false);
});

test("given a store that is away for a while, when it is back, then the wait goes on", async () => {
  const store = heads();
  let away = 3;
  const watcher = createHeadWatcher({
    heads: (ids: readonly string[]) => (away-- > 0 ? Promise.reject(new Error("away")) : store.heads(ids)),
  });
  const wait = watcher.ended("a", 60_000);
  store.end("a");
  expect(await wait).toBe(true);
  watcher.close();
});

/** Notices that a test tells, from processes that can be heard. */
function told() {
  const listeners = new Set<NoticeListener>();
  return {
    tell: (id: string, version: number, status: ExecutionStatus) => {
      for (const each of listeners) each.notice({ kind: "execution", executionId: id, version, status });
    },
    gap: () => {
      for (const each of listeners) each.gap();
    },
    listen(listener: NoticeListener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    connected: () => true,
  };
}

const NEVER_MS = 3_600_000;

test("given a watch, when a notice says more, then it is told without a look; older ones say nothing", async () => {
  const notices = told();
  const store = heads();
  const watcher = createHeadWatcher(store, notices, NEVER_MS);
  const watch = watcher.watch("a");
  expect(await watch.until(({ version }) => version >= 2)).toMatchObject({ version: 2 });
  const looks = store.asked.length;
  const next = watch.until(({ version }) => version > 4);
  notices.tell("a", 5, "WAITING");
  notices.tell("a", 3, "RUNNING");
  notices.tell("b", 9, "COMPLETED");
  expect(await next).toEqual({ version: 5, status: "WAITING" });
  const seen = await watch.until(() => true);
  expect(seen).toEqual({ version: 5, status: "WAITING" });
  expect(store.asked).toHaveLength(looks);

  const end = watch.until(({ status }) => status === "CANCELLED");
  notices.tell("a", 0, "CANCELLED");
  expect(await end).toEqual({ version: 5, status: "CANCELLED" });
  watch.stop();
  expect(await watch.until(() => true)).toBeUndefined();
  watcher.close();
});

test("given a hint that the store contradicts, when it is corrected, then that stands, unless more was heard meanwhile", async () => {
  const notices = told();
  const watcher = createHeadWatcher(heads(), notices, NEVER_MS);
  const watch = watcher.watch("a");
  notices.tell("a", 9, "RUNNING");
  const hinted = await watch.until(({ version }) => version === 9);
  if (hinted === undefined) throw new Error("nothing was seen");
  watch.correct(hinted, { version: 2, status: "RUNNING" });
  expect(await watch.until(() => true)).toMatchObject({ version: 2 });
  watch.correct(hinted, { version: 1, status: "RUNNING" });
  expect(await watch.until(() => true)).toMatchObject({ version: 2 });
  watcher.close();
});

test("given notices that may have been lost, when that is told, or time passes, then everything watched is looked at", async () => {
  const notices = told();
  const store = heads();
  const watcher = createHeadWatcher(store, notices, NEVER_MS);
  const wait = watcher.ended("a", 60_000);
  await watcher.ended("a", 50);
  store.end("a");
  notices.gap();
  expect(await wait).toBe(true);
  watcher.close();

  const patient = createHeadWatcher(store, told(), 20);
  const later = patient.ended("b", 60_000);
  await patient.ended("b", 30);
  store.end("b");
  expect(await later).toBe(true);
  patient.close();
});
