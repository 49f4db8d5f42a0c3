import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TimerJob } from "../../../src/ports/queues.ts";
import { createTimersHere } from "../../../src/runtime/timers-here.ts";
import { NO_LOG } from "../../support/activity.ts";

const timer = (name: number, fireAt: number) =>
  ({
    kind: "timer",
    executionId: "0-x",
    tenant: "t",
    workflowId: "w",
    name,
    dispatch: 0,
    fireAt,
    now: 0,
  }) as unknown as TimerJob;
const ID = timer(1, 0).executionId;

/** @param behindMs how far the store's clock is behind this process's. */
function timersOf({ most = 10, atOnce = 10, behindMs = 0, fires = async () => true } = {}) {
  const woken: string[] = [];
  const fired: string[] = [];
  const timers = createTimersHere({ wake: async (_, type) => void woken.push(type) }, NO_LOG, {
    clock: { passed: () => Date.now() - behindMs },
    laterMs: 250,
    most,
    atOnce,
  });
  const serve = () =>
    timers.serve(async (executionId, fireAt) => {
      fired.push(`${executionId} ${fireAt} at ${Date.now()}`);
      return fires();
    });
  return { timers, woken, fired, serve };
}

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

test("given armed timers, when their time comes by the store's clock, then they are fired, none before, and are held no more", async () => {
  const { timers, fired, serve, woken } = timersOf({ behindMs: 30 });
  timers.arm([timer(1, 50)]);
  expect(timers.holds(ID, 1)).toBe(false);
  serve();
  timers.arm([timer(1, 100), timer(2, 200)]);
  const job = timers.fired(ID, 1);
  await vi.advanceTimersByTimeAsync(129);
  expect(fired).toEqual([]);
  await vi.advanceTimersByTimeAsync(5);
  expect(fired).toHaveLength(1);
  expect(await job).toBe(true);
  expect([timers.holds(ID, 1), timers.holds(ID, 2), await timers.fired(ID, 1)]).toEqual([false, true, false]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([fired.length, woken]).toEqual([2, []]);
});

test("given a timer that cannot be fired from memory, when its time comes, then its group is woken and its job is not told that it was fired", async () => {
  const { timers, woken, serve } = timersOf({ fires: async () => false });
  serve();
  timers.arm([timer(1, 10)]);
  const job = timers.fired(ID, 1);
  await vi.advanceTimersByTimeAsync(20);
  expect([woken, await job]).toEqual([["timer.fired"], false]);
});

test("given a timer that is not owed any more, one too many or one far away, when time passes, then they are left to their jobs", async () => {
  const { timers, fired, serve } = timersOf({ most: 2 });
  serve();
  timers.arm([timer(1, 10), timer(2, 7_200_000), timer(3, 20), timer(4, 30)]);
  expect([1, 2, 3, 4].map((name) => timers.holds(ID, name))).toEqual([true, false, true, false]);
  const job = timers.fired(ID, 1);
  timers.disarm(ID, [1]);
  expect(await job).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(fired).toEqual([expect.stringContaining("0-x 20 ")]);
});

test("given more that come due than are fired at once, when those under way end, then the next follow in order; a drain lets go of the rest", async () => {
  const ends: (() => void)[] = [];
  const { timers, fired, serve } = timersOf({
    atOnce: 1,
    fires: () => new Promise((resolve) => ends.push(() => resolve(true))),
  });
  serve();
  timers.arm([timer(1, 10), timer(2, 11), timer(3, 12)]);
  const last = timers.fired(ID, 3);
  await vi.advanceTimersByTimeAsync(50);
  expect(fired).toEqual([expect.stringContaining("0-x 10 ")]);
  ends[0]?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(fired).toHaveLength(2);
  const drained = timers.drain(5_000);
  expect(await last).toBe(false);
  ends[1]?.();
  await drained;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fired).toHaveLength(2);
});

test("given many timers of one execution that come due together, when the first is being fired, then they take no places from others, and are not fired if they went with it", async () => {
  const ends: (() => void)[] = [];
  const { timers, fired, serve } = timersOf({
    atOnce: 2,
    fires: () => new Promise((resolve) => ends.push(() => resolve(true))),
  });
  serve();
  const other = { ...timer(9, 12), executionId: "0-y" } as unknown as TimerJob;
  timers.arm([timer(1, 10), timer(2, 10), timer(3, 10), timer(4, 10), other]);
  await vi.advanceTimersByTimeAsync(20);
  expect(fired).toEqual([expect.stringContaining("0-x 10 "), expect.stringContaining("0-y 12 ")]);
  // Nothing waits to be decided, so nobody has to wait for calm.
  await timers.calm();
  timers.disarm(ID, [1, 2, 3]);
  ends[0]?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(fired).toHaveLength(3);
});

test("given more that comes due than is decided, when that goes on for a second, then what follows waits no longer", async () => {
  const { timers, serve } = timersOf({ atOnce: 1, fires: () => new Promise(() => {}) });
  serve();
  timers.arm([timer(1, 10), { ...timer(2, 10), executionId: "0-y" } as unknown as TimerJob]);
  await vi.advanceTimersByTimeAsync(20);
  let isCalm = false;
  void timers.calm().then(() => {
    isCalm = true;
  });
  await vi.advanceTimersByTimeAsync(500);
  expect(isCalm).toBe(false);
  await vi.advanceTimersByTimeAsync(600);
  expect(isCalm).toBe(true);
  let isCalmAtOnce = false;
  void timers.calm().then(() => {
    isCalmAtOnce = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(isCalmAtOnce).toBe(true);
});
