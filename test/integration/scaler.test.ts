import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newExecutionId } from "../../src/values/ids.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, startServer } from "./support/api-world.ts";

describe.each(["redis", "postgres"] as const)("on %s", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  const ask = async (queue: string) => {
    const response = await fetch(`${world.url}/api/v1/scaler/${queue}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server);
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });

  test("given nothing to do, when a queue is asked for, then no worker is wanted", async () => {
    for (const queue of ["events", "timers", "tasks"]) {
      expect(await ask(queue)).toEqual({
        status: 200,
        body: { queue, backlog: 0, dueTimers: 0, oldestAgeMs: 0, inFlight: 0, desiredWorkers: 0 },
      });
    }
  });

  test("given waiting jobs and a due timer, when two jobs make a worker, then as many are wanted as the formula says", async () => {
    const now = Date.now();
    const base = { executionId: newExecutionId(0, 0, "scaler"), tenant: "acme", workflowId: "w", dispatch: 0 };
    const timer = (name: number, fireAt: number) =>
      ({ kind: "timer", ...base, name, fireAt, now: now - 5_000 }) as const;
    await world.queues.dispatch([
      ...[1, 2, 3].map((name) => ({ kind: "activity", ...base, name }) as const),
      timer(4, now - 1_000),
      timer(5, now + 3_600_000),
    ]);
    expect((await ask("tasks")).body).toMatchObject({ backlog: 3, dueTimers: 0, desiredWorkers: 2 });
    expect((await ask("timers")).body).toMatchObject({ backlog: 1, dueTimers: 1, inFlight: 0, desiredWorkers: 1 });
  });

  test("given a queue that was never used, when it is asked for, then it is a 404 that names those that were", async () => {
    const { status, body } = await ask("tasks-nowhere");
    expect({ status, code: body.code }).toEqual({ status: 404, code: "DURABULL_QUEUE_NOT_FOUND" });
    expect(body.detail).toBe('there is no queue "tasks-nowhere"; there are: events, timers, tasks');
    expect(body.type).toBe("/problems/DURABULL_QUEUE_NOT_FOUND");
  });
});
