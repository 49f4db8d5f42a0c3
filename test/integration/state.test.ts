import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DurabullClient } from "../../src/client/index.ts";
import type { HistoryEvent } from "../../src/engine/events.ts";
import { fold } from "../../src/engine/index.ts";
import { snapshotOf } from "../../src/runtime/load.ts";
import { type EventDraft, taskStarted, timerScheduled, workflowCompleted, workflowFailed } from "../support/build.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, QUICK, startServer } from "./support/api-world.ts";

describe.each(["redis", "postgres"] as const)("time travel on %s", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  let client: DurabullClient;
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server);
    client = new DurabullClient({ url: world.url });
    await client.registerDefinition(QUICK);
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });
  const start = async () =>
    (await client.start({ definition: { namespace: "test", name: "quick" }, input: { who: "Ada" } })).executionId;
  const completed = (frame: number, output: string): EventDraft => ({
    type: "task.completed",
    source: "workflow-engine",
    data: { task: "/do/0/step", frame, output, move: { to: "leave" }, context: { last: output } },
  });

  test("given a history, when it is asked for after each event, then it shows what was known then", async () => {
    const id = await start();
    const fireAt = Date.now() + 60_000;
    await world.decide(id, { events: [taskStarted({ n: 1 }), timerScheduled(fireAt)], status: "WAITING" });
    const at = (sequence?: number) => client.state(id, sequence);
    expect(await at(1)).toMatchObject({
      at: 1,
      status: "PENDING",
      tasks: [],
      context: {},
      input: { who: "Ada" },
      historyLength: 3,
    });
    expect(await at(2)).toMatchObject({
      status: "RUNNING",
      tasks: [{ task: "/do/0/step", name: "step", status: "RUNNING", input: { n: 1 } }],
    });
    expect((await at(3)).tasks[0]).toMatchObject({ until: new Date(fireAt).toISOString() });
    expect(await at()).toEqual(await at(3));
    await world.decide(id, { events: [completed(2, "first"), workflowCompleted({ sum: 3 })], status: "COMPLETED" });
    expect(await at(4)).toMatchObject({ status: "RUNNING", tasks: [], context: { last: "first" }, historyLength: 5 });
    expect(await at(4)).not.toHaveProperty("output");
    expect(await at()).toMatchObject({ at: 5, status: "COMPLETED", output: { sum: 3 }, context: { last: "first" } });
    const { items } = await client.history(id);
    expect((await at(4)).time).toBe(items[3]?.time);
  });

  test("given one that failed, when it is asked for, then its error and the open task are shown", async () => {
    const id = await start();
    await world.decide(id, { events: [taskStarted(), workflowFailed("no stock")], status: "FAILED" });
    expect(await client.state(id)).toMatchObject({
      status: "FAILED",
      error: { detail: "no stock" },
      tasks: [{ name: "step" }],
    });
    expect(await client.state(id, 2)).not.toHaveProperty("error");
  });

  test("given a long history with a snapshot, when it is asked for anywhere, then it is the fold up to there", async () => {
    const id = await start();
    const step = (frame: number) => [taskStarted({ n: frame }), completed(frame, `step ${frame}`)];
    let next = 2;
    const some = (count: number) =>
      Array.from({ length: count }, () => {
        const events = step(next);
        next += 2;
        return events;
      }).flat();
    const head = await world.decide(id, { events: some(1_200) });
    const events = (await world.events.history(id, { after: 0, limit: 10_000, order: "asc" })) ?? [];
    const drafts = some(1);
    const later = drafts.map((draft, i): HistoryEvent => ({ ...draft, sequence: head.version + 1 + i, at: 0 }));
    await world.decide(id, { events: drafts, snapshot: snapshotOf(fold([...events, ...later]), head.tip) });
    await world.decide(id, { events: some(1) });
    const snapshotted = await world.events.read(id, { after: 0, inboxLimit: 0 });
    expect(snapshotted?.snapshot).not.toBeNull();
    for (const at of [2, 1_000, 1_001, 1_999, 2_000, 2_001, 1_500, 2_401, 2_403, 2_404, 2_405]) {
      const found = await client.state(id, at);
      const last = at % 2 === 0 ? at - 2 : at - 1;
      expect(found.context).toEqual(last < 2 ? {} : { last: `step ${last}` });
      expect(found.tasks).toHaveLength(at % 2 === 0 ? 1 : 0);
    }
  });

  test.each(["0", "99", "-1", "x", "1.5"])("given at=%s, when it is asked for, then 400 names it", async (at) => {
    const response = await fetch(`${world.url}/api/v1/executions/${await start()}/state?at=${at}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      errors: expect.arrayContaining([expect.objectContaining({ pointer: "/query/at" })]),
    });
  });

  test("given another tenant's execution or none, when it is asked for, then 404", async () => {
    const other = new DurabullClient({ url: world.url, tenant: "other" });
    await expect(other.state(await start())).rejects.toMatchObject({ status: 404 });
    await expect(client.state("x0-nothing")).rejects.toMatchObject({ status: 404 });
  });
});
