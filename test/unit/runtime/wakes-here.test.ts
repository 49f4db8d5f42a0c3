import { expect, test } from "vitest";
import { StoreUnavailableError } from "../../../src/errors.ts";
import { createWakesHere, type Look, REST } from "../../../src/runtime/wakes-here.ts";
import type { Group } from "../../../src/values/ids.ts";
import { NO_LOG } from "../../support/activity.ts";

const group = (workflowId: string) => ({ tenant: "default", workflowId }) as unknown as Group;

/** A workflow worker whose looks end when told to, and the jobs that were made instead. */
function worker(most: number) {
  const jobs: string[] = [];
  const looks: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const signals: AbortSignal[] = [];
  const here = createWakesHere(
    { wake: async ({ workflowId }, type) => void jobs.push(`${workflowId} ${type}`) },
    NO_LOG,
    most,
  );
  const types: (string | undefined)[] = [];
  const look: Look = ({ workflowId }, { signal }, type) => {
    looks.push(workflowId);
    types.push(type);
    signals.push(signal);
    return new Promise<void>((resolve, reject) => {
      ends.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  };
  return { here, look, jobs, looks, types, signals, end: (at: number, error?: Error) => ends[at]?.(error) };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("given no worker, one that is full or a paused queue, when a group is woken, then that is a job", async () => {
  const { here, look, jobs, looks, end } = worker(1);
  await here.wake(group("a"), "early");
  here.serve(look);
  await here.wake(group("b"), "here");
  await here.wake(group("c"), "beyond");
  expect([here.holds(group("b")), here.holds(group("c"))]).toEqual([true, false]);
  end(0);
  await settled();
  expect(here.holds(group("b"))).toBe(false);
  here.pause(true);
  await here.wake(group("d"), "paused");
  here.pause(false);
  await here.wake(group("e"), "here again");
  expect(looks).toEqual(["b", "e"]);
  expect(jobs).toEqual(["a early", "c beyond", "d paused"]);
});

test("given a group in hand, when it is woken twice more, then it is looked at once more, after the look under way", async () => {
  const { here, look, jobs, looks, types, end } = worker(5);
  here.serve(look);
  await here.wake(group("a"), "first");
  await here.wake(group("a"), "second");
  await here.wake(group("a"), "third");
  // What is left of a long decision lets others go first.
  await here.wake(group("a"), REST);
  expect(looks).toEqual(["a"]);
  end(0);
  await settled();
  expect(looks).toEqual(["a", "a"]);
  end(1);
  await settled();
  expect([looks.length, here.holds(group("a")), jobs]).toEqual([2, false, ["a more"]]);
  expect(types).toEqual(["first", undefined]);
});

test("given a group that is woken just as its look ends, when that is in any turn of the event loop, then it is looked at once more", async () => {
  for (let turns = 0; turns < 6; turns++) {
    const { here, look, jobs, looks, end } = worker(5);
    here.serve(look);
    await here.wake(group("a"), "first");
    end(0);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    void here.wake(group("a"), "just then");
    await settled();
    expect({ turns, looks: looks.length, jobs }).toEqual({ turns, looks: 2, jobs: [] });
  }
});

test("given a look that fails, when the store is away, then attention finds it; else a job shows what is wrong", async () => {
  const { here, look, jobs, end } = worker(5);
  here.serve(look);
  await here.wake(group("a"), "first");
  end(0, new StoreUnavailableError("away"));
  await settled();
  expect(jobs).toEqual([]);
  await here.wake(group("a"), "second");
  end(1, new Error("broken"));
  await settled();
  expect([jobs, here.holds(group("a"))]).toEqual([["a retry"], false]);
});

test("given looks in hand, when the process drains, then they may end within the grace; what does not heed its signal is handed to a job", async () => {
  const { here, look, jobs, looks, signals, end } = worker(5);
  here.serve(look);
  await here.wake(group("quick"), "first");
  await here.wake(group("quick"), "second");
  await here.wake(group("slow"), "first");
  const drained = here.drain(20);
  await here.wake(group("late"), "third");
  end(0);
  await drained;
  expect(looks).toEqual(["quick", "slow"]);
  expect(jobs).toEqual(["late third", "quick second", "slow handed back"]);
  expect(signals.every(({ aborted }) => aborted)).toBe(true);
});
