import { expect, test } from "vitest";
import { isLoadNameOf } from "../../../src/adapters/bullmq/names.ts";
import { createScaler } from "../../../src/runtime/scaler.ts";

const queues = {
  load: async () => ({ waiting: 1, due: 1, active: 2, oldestAgeMs: 5 }),
  loadNames: async () => ["tasks"],
};

test("given activities by local dispatch, when a queue is asked for, then they are in flight there, and count for the workers wanted", async () => {
  const scaler = createScaler(queues, 2, (queue) => (queue === "tasks" ? 3 : 0));
  expect(await scaler.view("tasks")).toMatchObject({ backlog: 2, inFlight: 5, desiredWorkers: 4 });
  expect(await scaler.view("tasks-priority")).toMatchObject({ inFlight: 2, desiredWorkers: 2 });
});

test("given an activity's queue, when an autoscaler's name is compared with it, then the name it is listed by and the one its user wrote are its own", () => {
  const names = ["tasks", "tasks-priority", "events", "timers"];
  const own = (queue: string | undefined) => names.filter((name) => isLoadNameOf(name, queue));
  expect(own(undefined)).toEqual(["tasks"]);
  expect(own("priority")).toEqual(["tasks-priority"]);
  expect(own("a queue: with words")).toEqual([]);
  expect(isLoadNameOf("tasks-a queue: with words", "a queue: with words")).toBe(true);
});
