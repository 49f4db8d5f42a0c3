import { expect, test } from "vitest";
import type { HistoryEvent } from "../../../src/engine/events.ts";
import type { OwedWork } from "../../../src/engine/owed-work.ts";
import type { ExecutionHead } from "../../../src/ports/event-store.ts";
import { createLocalDispatch, type LocalPerformer } from "../../../src/runtime/local-activities.ts";

const HEAD = { executionId: "0-x" } as unknown as ExecutionHead;
const asked = (name: number) => ({ type: "task.requested", sequence: name }) as unknown as HistoryEvent;
const activity = (name: number): OwedWork => ({ kind: "activity", name, task: "/do/0/a" }) as OwedWork;
const timer: OwedWork = { kind: "timer", name: 9, task: "/do/0/a", purpose: "wait", fireAt: 1 } as OwedWork;

/** A task worker whose activities end when told to. */
function performerOf(fits: LocalPerformer["fits"] = () => true) {
  const said: string[] = [];
  const ends = new Map<number, () => void>();
  const performer: LocalPerformer = {
    fits,
    begin({ work: { name } }) {
      said.push(`begin ${name}`);
      const done = new Promise<void>((resolve) => ends.set(name, resolve));
      return {
        done,
        abandon: () => said.push(`abandon ${name}`),
        handBack() {
          said.push(`hand back ${name}`);
          ends.get(name)?.();
        },
      };
    },
  };
  return { performer, said, end: (name: number) => ends.get(name)?.() };
}

test("given room for two, when three are reserved, then the third is for the queues until one has ended or was dropped", async () => {
  const local = createLocalDispatch(2);
  const { performer, said, end } = performerOf();
  local.serve(performer);
  const events = [2, 3, 4].map(asked);
  const first = local.reserve([activity(2), timer, activity(3), activity(4)], events);
  expect([...first.names]).toEqual([2, 3]);
  expect(local.reserve([activity(4)], events).names.size).toBe(0);
  first.drop();
  expect(said).toEqual([]);

  const again = local.reserve([activity(2), activity(3)], events);
  again.begin(HEAD, undefined);
  expect(said).toEqual(["begin 2", "begin 3"]);
  expect([local.holds(HEAD.executionId, 2), local.holds(HEAD.executionId, 4)]).toEqual([true, false]);
  expect(local.reserve([activity(4)], events).names.size).toBe(0);
  end(2);
  await expect.poll(() => local.holds(HEAD.executionId, 2)).toBe(false);
  expect([...local.reserve([activity(4)], events).names]).toEqual([4]);
});

test("given activities of two queues in hand, when they are counted, then by the queue they would go to, until they end", async () => {
  const local = createLocalDispatch(10);
  const { performer, end } = performerOf();
  local.serve(performer);
  const priority = { ...activity(4), queue: "priority" } as OwedWork;
  local.reserve([activity(2), activity(3), priority], [2, 3, 4].map(asked)).begin(HEAD, undefined);
  const counts = () => [
    local.size(),
    local.size((queue) => queue === undefined),
    local.size((queue) => queue === "priority"),
  ];
  expect(counts()).toEqual([3, 2, 1]);
  end(2);
  await expect.poll(counts).toEqual([2, 1, 1]);
});

test("given no task worker, one that does not fit, or one that drains, when work is reserved, then all of it is for the queues", async () => {
  const local = createLocalDispatch(10);
  const events = [asked(2), asked(3)];
  expect(local.reserve([activity(2)], events).names.size).toBe(0);
  const { performer, said } = performerOf((_, { name }) => name === 3);
  local.serve(performer);
  const reserved = local.reserve([activity(2), activity(3)], events);
  expect([...reserved.names]).toEqual([3]);
  reserved.begin(HEAD, undefined);
  await local.drain(0);
  expect(said).toEqual(["begin 3", "hand back 3"]);
  expect(local.reserve([activity(3)], events).names.size).toBe(0);
});

test("given an activity in hand, when it is no longer owed, then it and no other is told", () => {
  const local = createLocalDispatch(10);
  const { performer, said } = performerOf();
  local.serve(performer);
  local.reserve([activity(2), activity(3)], [asked(2), asked(3)]).begin(HEAD, undefined);
  local.abort(HEAD.executionId, [3, 7]);
  expect(said).toEqual(["begin 2", "begin 3", "abandon 3"]);
});

test("given a commit under way, when the process drains, then that waits for it, and what it begins is handed back", async () => {
  const local = createLocalDispatch(10);
  const { performer, said } = performerOf();
  local.serve(performer);
  const reserved = local.reserve([activity(2)], [asked(2)]);
  let drained = false;
  const draining = local.drain(0).then(() => {
    drained = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(drained).toBe(false);
  reserved.begin(HEAD, undefined);
  await draining;
  expect(said).toEqual(["begin 2", "hand back 2"]);
});

test("given a name that is begun again, when the older one ends, then the younger is still in hand", async () => {
  const local = createLocalDispatch(10);
  const { performer, end } = performerOf();
  local.serve(performer);
  const begin = () => local.reserve([activity(2)], [asked(2)]).begin(HEAD, undefined);
  begin();
  const endOlder = end.bind(undefined, 2);
  const older = endOlder;
  older();
  begin();
  await new Promise((resolve) => setImmediate(resolve));
  expect(local.holds(HEAD.executionId, 2)).toBe(true);
});
