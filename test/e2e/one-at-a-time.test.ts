import { describe, expect, test } from "vitest";
import { type CloudEvent, documentOf } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

/** Of each execution its events are 1, 2, 3 …, and they say whose they are. */
function expectWhole(events: readonly CloudEvent[], executionId: string, workflowId: string): void {
  expect(events.length).toBeGreaterThan(0);
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  expect(new Set(events.map((event) => event.executionid))).toEqual(new Set([executionId]));
  expect(new Set(events.map((event) => event.workflowid))).toEqual(new Set([workflowId]));
  expect(events.map(({ id }) => id)).toEqual(events.map(({ sequence }) => `${executionId}.${sequence}`));
}

function byExecution(events: readonly CloudEvent[]): ReadonlyMap<string, readonly CloudEvent[]> {
  const map = new Map<string, CloudEvent[]>();
  for (const event of events) map.set(event.executionid, [...(map.get(event.executionid) ?? []), event]);
  return map;
}

onEachStore((store) => {
  const on = serviceOnStore(store);
  const pause = documentOf(`- pause: {wait: {minutes: 10}}`);

  describe("given many starts of one workflow ID at once", () => {
    const starts = 12;
    const startAll = (workflowId: string, onOpen: string) =>
      Promise.all(Array.from({ length: starts }, () => on.api.tryStart(pause, { workflowId, onOpen })));

    test("when they refuse an open one, then one is opened and the others are shown it", async () => {
      const answers = await startAll("reject-1", "reject");
      const opened = answers.filter(({ status }) => status === 201);
      const refused = answers.filter(({ status }) => status === 409);
      expect([opened.length, refused.length]).toEqual([1, starts - 1]);
      const executionId = opened[0]?.body.executionId ?? "";
      expect(new Set(refused.map(({ body }) => body.execution?.executionId))).toEqual(new Set([executionId]));
      expect(refused[0]?.body.code).toBe("DURABULL_EXECUTION_OPEN");
      await on.api.act(executionId, "terminate");
    });

    test("when they use an open one, then all get the same", async () => {
      const answers = await startAll("use-1", "use-existing");
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array(starts - 1).fill(200), 201]);
      const ids = new Set(answers.map(({ body }) => body.executionId));
      expect(ids.size).toBe(1);
      await on.api.act([...ids][0] ?? "", "terminate");
    });

    test("when they terminate an open one, then each opens its own, one stays open and no history holds another's events", async () => {
      const workflowId = "terminate-1";
      const answers = await startAll(workflowId, "terminate");
      expect(answers.map(({ status }) => status)).toEqual(Array(starts).fill(201));
      const ids = answers.map(({ body }) => body.executionId);
      expect(new Set(ids).size).toBe(starts);
      const views = await Promise.all(ids.map((id) => on.api.view(id)));
      const open = views.filter(({ endedAt }) => endedAt === undefined);
      expect(open).toHaveLength(1);
      for (const { executionId, status } of views) {
        if (executionId !== open[0]?.executionId) expect(status).toBe("CANCELLED");
      }
      await on.api.until(open[0]?.executionId ?? "", ({ status }) => status === "WAITING");
      const histories = byExecution(await on.api.workflowHistory(workflowId));
      expect(new Set(histories.keys())).toEqual(new Set(ids));
      for (const [id, events] of histories) expectWhole(events, id, workflowId);
      for (const id of ids) {
        if (id === open[0]?.executionId) continue;
        expect(histories.get(id)?.at(-1)).toMatchObject({
          type: "io.flunq.execution.cancelled",
          data: { terminated: true },
        });
      }
      await on.api.act(open[0]?.executionId ?? "", "terminate");
    });
  });

  test("given callers who start one workflow ID as soon as it is free, when each run makes calls, then no two runs' calls overlap", async () => {
    const workflowId = "in-turn";
    on.outside.answer("/in-turn", () => ({ delayMs: 15 }));
    const call = (name: string) =>
      `- ${name}: {call: http, with: {method: post, endpoint: "${on.outside.url}/in-turn", body: {run: "\${ $workflow.id }"}}}`;
    const document = documentOf([call("first"), call("second")].join("\n"));
    const runOnce = async () => {
      for (;;) {
        const { status, body } = await on.api.tryStart(document, { workflowId });
        if (status === 201) return body.executionId;
        await on.api.ended(body.execution?.executionId ?? "");
      }
    };
    const ids = await Promise.all(Array.from({ length: 8 }, runOnce));
    await Promise.all(ids.map((id) => on.api.ended(id)));

    const calls = on.outside.calls.filter(({ path }) => path === "/in-turn");
    expect(calls).toHaveLength(16);
    const runs = calls.map(({ body }) => (JSON.parse(body) as { run: string }).run);
    // In the order they came, the two calls of a run stand together: nobody's call lies between them.
    expect(runs).toEqual([...new Set(runs)].flatMap((run) => [run, run]));
    for (const [index, next] of calls.slice(1).entries()) {
      expect(next.at).toBeGreaterThanOrEqual(calls[index]?.endedAt ?? Number.POSITIVE_INFINITY);
    }
    const histories = byExecution(await on.api.workflowHistory(workflowId));
    expect(histories.size).toBe(8);
    for (const [id, events] of histories) expectWhole(events, id, workflowId);
  });

  test("given terminate and start again, many times in a row while wake-ups wait, when it calms down, then the last run completes and no run was touched after its end", async () => {
    const workflowId = "back-to-back";
    const document = documentOf(`
      - first: {set: {n: 1}}
      - call: {call: http, with: {method: get, endpoint: "${on.outside.url}/back-to-back"}}
      - last: {set: {done: true}}
    `);
    const ids: string[] = [];
    for (let round = 0; round < 40; round++) {
      // Every other round ends the one before by itself, and starts with no pause in between.
      const before = ids.at(-1);
      if (round % 2 === 1 && before !== undefined) await on.api.act(before, "terminate");
      ids.push((await on.api.start(document, { workflowId, onOpen: "terminate" })).executionId);
    }
    const last = ids.at(-1) ?? "";
    expect(await on.api.ended(last)).toMatchObject({ status: "COMPLETED", output: { done: true } });
    const histories = byExecution(await on.api.workflowHistory(workflowId));
    expect(new Set(histories.keys())).toEqual(new Set(ids));
    const ends = ["io.flunq.workflow.completed", "io.flunq.execution.cancelled"];
    for (const [id, events] of histories) {
      expectWhole(events, id, workflowId);
      expect(events.filter(({ type }) => ends.includes(type))).toHaveLength(1);
      expect(ends).toContain(events.at(-1)?.type);
    }
  });
});
