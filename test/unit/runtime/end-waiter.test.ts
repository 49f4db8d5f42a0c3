import { expect, test } from "vitest";
import type { ExecutionHead } from "../../../src/ports/event-store.ts";
import { createEndWaiter } from "../../../src/runtime/end-waiter.ts";

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
        id === "unknown" ? null : ({ status: ended.has(id) ? "COMPLETED" : "RUNNING" } as ExecutionHead),
      );
    },
  };
}

test("given many that wait, when one execution ends, then its waiters are told, and polls asked for all together", async () => {
  const store = heads();
  const waiter = createEndWaiter(store);
  const first = [waiter.wait("a", 60_000), waiter.wait("a", 60_000)];
  const second = waiter.wait("b", 60_000);
  store.end("a");
  expect(await Promise.all(first)).toEqual([true, true]);
  expect(store.asked[0]).toEqual(["a", "b"]);
  waiter.closed("b");
  expect(await second).toBe(true);
});

test("given an unknown execution, a passed time, an abort or a close, when waited for, then it has not ended", async () => {
  const waiter = createEndWaiter(heads());
  const abort = new AbortController();
  const waits = [
    waiter.wait("unknown", 60_000),
    waiter.wait("a", 20),
    waiter.wait("a", 0),
    waiter.wait("a", 60_000, abort.signal),
  ];
  abort.abort();
  expect(await Promise.all(waits)).toEqual([false, false, false, false]);
  const last = waiter.wait("a", 60_000);
  waiter.close();
  expect(await last).toBe(false);
  expect(await waiter.wait("a", 60_000)).toBe(false);
});

test("given a store that is away for a while, when it is back, then the wait goes on", async () => {
  const store = heads();
  let away = 3;
  const waiter = createEndWaiter({
    heads: (ids) => (away-- > 0 ? Promise.reject(new Error("away")) : store.heads(ids)),
  });
  const wait = waiter.wait("a", 60_000);
  store.end("a");
  expect(await wait).toBe(true);
});
