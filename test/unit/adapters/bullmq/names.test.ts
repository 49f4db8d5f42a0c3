import fc from "fast-check";
import { expect, test } from "vitest";
import { jobId, laneOf, taskQueue, twinOf, wakeQueues } from "../../../../src/adapters/bullmq/names.ts";
import type { ActivityJob } from "../../../../src/ports/queues.ts";
import { newExecutionId } from "../../../../src/values/ids.ts";

const ACTIVITY: ActivityJob = {
  kind: "activity",
  tenant: "acme",
  workflowId: "order-1",
  executionId: newExecutionId(0, 0, "names"),
  name: 1,
  dispatch: 0,
};

test("given any name a user chose, when its queue is named, then BullMQ accepts it and no two names share one", () => {
  const anyName = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom("gpu", "GPU", "~", "a:b", "meta", "x".repeat(300)),
  );
  fc.assert(
    fc.property(anyName, anyName, (one, two) => {
      expect(taskQueue(one)).toMatch(/^durabull-tasks-~?[A-Za-z0-9_-]{1,63}$/);
      expect(taskQueue(one) === taskQueue(two)).toBe(one === two);
    }),
  );
});

test("given one lane or several, when wake-ups are queued, then each tenant has exactly one of them", () => {
  expect(wakeQueues(1)).toEqual(["durabull-events"]);
  expect(wakeQueues(2)).toEqual(["durabull-events-0", "durabull-events-1"]);
  expect(laneOf("acme", 1)).toBe(0);
  const used = Array.from({ length: 200 }, (_, i) => laneOf(`tenant-${i}`, 4));
  expect(new Set(used)).toEqual(new Set([0, 1, 2, 3]));
});

test("given work, when its name, dispatch or kind differs, then so does its job id", () => {
  const timer = { ...ACTIVITY, kind: "timer", fireAt: 5, now: 1 } as const;
  const ids = [ACTIVITY, { ...ACTIVITY, name: 2 }, { ...ACTIVITY, dispatch: 1 }, { ...ACTIVITY, name: 10 }, timer].map(
    jobId,
  );
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[at][0-9a-f]{40}$/);
});

test("given the id of a timer, when it waits a second and a third time, then it returns to the first", () => {
  expect(twinOf("t1")).toBe("t1-again");
  expect(twinOf(twinOf("t1"))).toBe("t1");
});
