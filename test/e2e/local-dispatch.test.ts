import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Api, apiOf, documentOf } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { type Environment, onEachStore } from "../support/stores.ts";

onEachStore((store) => {
  let env: Environment;
  let outside: Outside;
  const running: ServiceProcess[] = [];

  async function start(more: Environment = {}): Promise<ServiceProcess & { readonly api: Api }> {
    const service = await startService({ env: { ...env, LOG_LEVEL: "debug", ...more } });
    running.push(service);
    return { ...service, api: apiOf(service) };
  }
  const calls = (path: string) => outside.calls.filter((call) => call.path === path);
  const steps = (path: string, count: number) =>
    documentOf(
      Array.from(
        { length: count },
        (_, step) => `- s${step}: {call: http, with: {method: get, endpoint: "${outside.url}/${path}/${step}"}}`,
      ).join("\n"),
    );
  /** Activities that came from a queue. */
  const queued = ({ log }: ServiceProcess, executionId: string) =>
    log.filter((line) => line.executionId === executionId && line.msg === "activity taken from its queue").length;
  const decidedOn = ({ log }: ServiceProcess, executionId: string) =>
    log.filter((line) => line.executionId === executionId && line.result === "decided on").length;

  /** The embedded store has room for one process. */
  const testOfTwo = (title: string, act: () => Promise<void>) => {
    if (store.name !== "embedded PostgreSQL") test(title, act);
  };

  beforeAll(async () => {
    outside = await startOutside();
    env = await store.fresh();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((service) => service.kill()));
  });
  afterAll(() => outside.close());

  test("given a process that does everything, when a workflow calls, then its answers pass no queue; without local dispatch all of them do", async () => {
    const here = await start();
    const one = await here.api.start(steps("here", 4));
    expect(await here.api.ended(one.executionId)).toMatchObject({ status: "COMPLETED" });
    await expect.poll(() => decidedOn(here, one.executionId)).toBe(4);
    expect(queued(here, one.executionId)).toBe(0);
    expect(await here.stop()).toBe(0);

    const apart = await start({ LOCAL_DISPATCH: "false" });
    const other = await apart.api.start(steps("apart", 4));
    expect(await apart.api.ended(other.executionId)).toMatchObject({ status: "COMPLETED" });
    await expect.poll(() => queued(apart, other.executionId)).toBe(4);
    expect(decidedOn(apart, other.executionId)).toBe(0);

    const shape = async (api: Api, executionId: string) =>
      (await api.history(executionId)).map(({ type, sequence }) => `${sequence} ${type}`);
    expect(await shape(apart.api, one.executionId)).toEqual(await shape(apart.api, other.executionId));
    expect(await apart.api.rescues()).toBe(0);
  });

  test("given a call in hand, when its process is killed, then the next start repeats it under its key, and counts that", async () => {
    const gate = outside.hold("/killed/1");
    const first = await start();
    const { executionId } = await first.api.start(steps("killed", 3));
    await outside.seen("/killed/1");
    await first.kill();
    gate.open();
    const second = await start();
    expect(await second.api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
    expect(calls("/killed/0")).toHaveLength(1);
    expect(calls("/killed/2")).toHaveLength(1);
    const keys = calls("/killed/1").map(({ idempotencyKey }) => idempotencyKey);
    expect(keys.length).toBeGreaterThanOrEqual(2);
    expect(new Set(keys).size).toBe(1);
    const history = await second.api.history(executionId);
    expect(history.filter(({ type }) => type === "io.flunq.task.requested")).toHaveLength(3);
    expect(history.filter(({ type }) => type === "io.flunq.task.completed")).toHaveLength(3);
  });

  testOfTwo(
    "given a call in hand in one process, when another hears messages for its execution, then nobody else calls, and the answer counts",
    async () => {
      const gate = outside.hold("/slow/0");
      const [holder, other] = [await start(), await start()];
      const { executionId } = await holder.api.start(steps("slow", 2));
      await outside.seen("/slow/0");
      // The wake-ups of these go to either process.
      for (let i = 0; i < 6; i++) {
        const { api } = i % 2 === 0 ? other : holder;
        expect((await api.act(executionId, "pause")).status).toBeLessThan(300);
        await api.until(executionId, ({ status }) => status === "PAUSED");
        expect((await api.act(executionId, "resume")).status).toBeLessThan(300);
        await api.until(executionId, ({ status }) => status === "RUNNING");
      }
      // Longer than its lease: it is renewed for as long as it is in hand.
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      gate.open();
      expect(await other.api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
      expect(calls("/slow/0")).toHaveLength(1);
      expect(calls("/slow/1")).toHaveLength(1);
      expect(await holder.api.rescues()).toBe(0);
      expect(await other.api.rescues()).toBe(0);
    },
  );

  testOfTwo(
    "given a long chain of calls in one process, when a slow one hears that it is paused, then no more than a few calls follow",
    async () => {
      outside.answer("/chain", () => ({ delayMs: 10 }));
      const chain = documentOf(`
      - all:
          for: {each: n, in: "\${ [range(400)] }"}
          do:
            - one: {call: http, with: {method: get, endpoint: "${outside.url}/chain"}}
    `);
      const holder = await start();
      const { executionId } = await holder.api.start(chain);
      await outside.seen("/chain", 3);
      await start({ DURABULL_FAILPOINT: "before-decide:delay100:1" });
      for (let round = 0; round < 3; round++) {
        expect((await holder.api.act(executionId, "pause")).status).toBeLessThan(300);
        const told = calls("/chain").length;
        await holder.api.until(executionId, ({ status }) => status === "PAUSED");
        expect(calls("/chain").length - told).toBeLessThan(10);
        expect((await holder.api.act(executionId, "resume")).status).toBeLessThan(300);
        await holder.api.until(executionId, ({ status }) => status === "RUNNING");
      }
      expect((await holder.api.act(executionId, "cancel")).status).toBeLessThan(300);
      expect(await holder.api.ended(executionId)).toMatchObject({ status: "CANCELLED" });
    },
  );

  test("given the queue of activities paused in Bull Board, when a workflow calls, then the call waits until it goes on", async () => {
    const { api } = await start();
    const board = (action: string) => api.ask("PUT", `/queues/api/queues/durabull-tasks/${action}`);
    expect((await board("pause")).status).toBe(200);
    // Local dispatch looks each second.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const { executionId } = await api.start(steps("paused", 1));
    await api.until(executionId, ({ status }) => status === "RUNNING");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(calls("/paused/0")).toEqual([]);
    expect((await board("resume")).status).toBe(200);
    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
  });

  test("given a call in hand, when its execution is cancelled, then the call is given up", async () => {
    const gate = outside.hold("/given-up/0");
    const { api } = await start();
    const { executionId } = await api.start(steps("given-up", 2));
    await outside.seen("/given-up/0");
    expect((await api.act(executionId, "cancel")).status).toBeLessThan(300);
    expect(await api.ended(executionId)).toMatchObject({ status: "CANCELLED" });
    await expect.poll(() => calls("/given-up/0").map(({ aborted }) => aborted)).toEqual([true]);
    gate.open();
    expect(calls("/given-up/1")).toEqual([]);
  });

  test("given two calls in hand, when the scaler and the metrics are asked, then both count them; once they have ended, neither does", async () => {
    const gates = [0, 1].map((i) => outside.hold(`/counted/${i}`));
    const service = await start();
    const { api } = service;
    const gauge = async () =>
      /^durabull_local_activities (\d+)$/m.exec(await (await fetch(`${service.metricsUrl}/metrics`)).text())?.[1];
    const scaler = async () => (await api.ask("GET", "/api/v1/scaler/tasks")).body;
    expect(await gauge()).toBe("0");
    const branch = (i: number) => `- b${i}: {call: http, with: {method: get, endpoint: "${outside.url}/counted/${i}"}}`;
    const { executionId } = await api.start(
      documentOf(`- all: {fork: {branches: [${[0, 1].map((i) => branch(i).slice(2)).map((text) => `{${text}}`)}]}}`),
    );
    for (const i of [0, 1]) await outside.seen(`/counted/${i}`);
    await expect.poll(gauge).toBe("2");
    // A job that an earlier process left may still be there for a moment.
    await expect.poll(scaler, { timeout: 30_000 }).toMatchObject({ backlog: 0, inFlight: 2, desiredWorkers: 1 });
    await expect
      .poll(async () => (await api.ask("GET", "/api/v1/scaler/events")).body, { timeout: 30_000 })
      .toMatchObject({ inFlight: 0 });
    for (const gate of gates) gate.open();
    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
    await expect.poll(gauge, { timeout: 30_000 }).toBe("0");
    await expect.poll(scaler, { timeout: 30_000 }).toMatchObject({ inFlight: 0, desiredWorkers: 0 });
  });

  test("given more calls than it may do at once, when a workflow forks, then the rest goes through the queue, and all are done once", async () => {
    const service = await start({ TASK_CONCURRENCY: "3" });
    const branches = Array.from(
      { length: 12 },
      (_, i) => `      - b${i}: {call: http, with: {method: get, endpoint: "${outside.url}/fork/${i}"}}`,
    );
    const { executionId } = await service.api.start(
      documentOf(`- all:\n    fork:\n      branches:\n${branches.map((line) => `  ${line}`).join("\n")}`),
    );
    expect(await service.api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
    expect(outside.calls.filter(({ path }) => path.startsWith("/fork/"))).toHaveLength(12);
    await expect.poll(() => decidedOn(service, executionId)).toBe(12);
    expect(queued(service, executionId)).toBeGreaterThan(0);
  });

  testOfTwo(
    "given a call that outlasts the grace, when its process is asked to end, then another takes it from the queue at once",
    async () => {
      const gate = outside.hold("/handed/0");
      const leaving = await start({ SHUTDOWN_GRACE: "300ms" });
      const { executionId } = await leaving.api.start(steps("handed", 1));
      await outside.seen("/handed/0");
      const staying = await start();
      expect(await leaving.stop()).toBe(0);
      gate.open();
      expect(await staying.api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
      expect(calls("/handed/0")).toHaveLength(2);
      expect(new Set(calls("/handed/0").map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
      expect(await staying.api.rescues()).toBe(0);
    },
  );
}, "redis");
