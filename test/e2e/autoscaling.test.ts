import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Api, apiOf, documentOf } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { type Environment, onEachStore } from "../support/stores.ts";

/** Real processes are started and stopped: on a busy machine that takes its time. */
vi.setConfig({ testTimeout: 180_000 });

const EXECUTIONS = Number(process.env.AUTOSCALE_EXECUTIONS ?? 300);
/** On the other stores the same, smaller: there is one code path, and the load of each is tested by the contract. */
const ELSEWHERE = Math.ceil(EXECUTIONS / 10);
const MOST_WORKERS = 2;
const AT_ONCE = 20;

onEachStore((store) => {
  if (store.name === "embedded PostgreSQL") {
    // It belongs to one process: there are no workers apart to scale, but the route answers.
    test("given everything in one process, when the route is asked, then it answers for each queue", async () => {
      const service = await startService({ env: await store.fresh() });
      for (const queue of ["events", "timers", "tasks"]) {
        const { status, body } = await apiOf(service).ask("GET", `/api/v1/scaler/${queue}`);
        expect({ status, body }).toMatchObject({ status: 200, body: { queue, backlog: 0, desiredWorkers: 0 } });
      }
      expect(await service.stop()).toBe(0);
    });
    return;
  }
  const executions = store.name === "Redis" ? EXECUTIONS : ELSEWHERE;
  let env: Environment;
  let outside: Outside;
  let service: ServiceProcess;
  let api: Api;
  beforeAll(async () => {
    outside = await startOutside();
    env = { ...(await store.fresh()), SCALER_JOBS_PER_WORKER: "20" };
    service = await startService({ entry: ["src/main.ts", "api"], env });
    api = apiOf(service);
  });
  afterAll(async () => {
    await service.stop();
    await outside.close();
  });

  test("given workers at zero, when executions with timers run and a scaler follows the route, then workers come, all end, and they go", async () => {
    const document = documentOf(`
      - first: {call: http, with: {method: get, endpoint: "${outside.url}/first"}}
      - pause: {wait: {milliseconds: 1500}}
      - second: {call: http, with: {method: get, endpoint: "${outside.url}/second"}}
    `);
    for (let started = 0; started < executions; started += AT_ONCE) {
      const some = Math.min(AT_ONCE, executions - started);
      await Promise.all(Array.from({ length: some }, () => api.start(document)));
    }
    expect(await scaler("events")).toMatchObject({ backlog: executions, inFlight: 0 });
    const pools = autoscale();
    await pools.until(async () => (await statuses()).every((status) => status === "COMPLETED"));
    await pools.until(async () => pools.sizes().every((size) => size === 0));
    await pools.stop();

    const [workflow = 0, task = 0] = pools.most();
    expect(workflow).toBe(MOST_WORKERS);
    expect(task).toBeGreaterThan(0);
    expect(pools.exitCodes().every((code) => code === 0)).toBe(true);
    const calls = (path: string) => outside.calls.filter((call) => call.path === path);
    for (const path of ["/first", "/second"]) {
      // A starved machine may have a call repeated; its key says that it is the same one.
      expect(new Set(calls(path).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(executions);
    }
    expect(await api.rescues()).toBe(0);
  });

  test("given workers at zero, when a timer comes due, then a worker is wanted for it and it was never early", async () => {
    const worker = await startWorker("workflow");
    const { executionId } = await api.start(documentOf("- pause: {wait: {seconds: 4}}"));
    await api.until(executionId, ({ waitingFor }) => waitingFor[0]?.kind === "timer");
    expect(await worker.stop()).toBe(0);
    expect((await api.view(executionId)).status).toBe("WAITING");

    const pools = autoscale();
    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
    await pools.until(async () => pools.sizes().every((size) => size === 0));
    await pools.stop();
    expect(pools.most()[0]).toBeGreaterThan(0);
    const history = await api.history(executionId);
    const [scheduled] = history.filter(({ type }) => type === "io.flunq.timer.scheduled");
    const [fired] = history.filter(({ type }) => type === "io.flunq.timer.fired");
    expect(Date.parse(fired?.time ?? "")).toBeGreaterThanOrEqual(Number(scheduled?.data.fireAt));
    expect(await api.rescues()).toBe(0);
  });

  test("given no worker and no scaler, when a timer comes due, then the API process has made the wake-up that one would see", async () => {
    const worker = await startWorker("workflow");
    const { executionId } = await api.start(documentOf("- pause: {wait: {seconds: 3}}"));
    await api.until(executionId, ({ waitingFor }) => waitingFor[0]?.kind === "timer");
    expect(await worker.stop()).toBe(0);
    for (;;) {
      const { backlog, desiredWorkers } = await scaler("events");
      if (backlog > 0) {
        expect({ backlog, desiredWorkers }).toEqual({ backlog: 1, desiredWorkers: 1 });
        break;
      }
      await sleep(100);
    }
    const late = await startWorker("workflow");
    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
    expect(await late.stop()).toBe(0);
    expect(await api.rescues()).toBe(0);
  });

  interface Pool {
    readonly role: "workflow" | "task";
    readonly queues: readonly string[];
    readonly workers: ServiceProcess[];
    /** Rounds in a row in which nothing was wanted. */
    idle: number;
    most: number;
  }
  interface Load {
    readonly backlog: number;
    readonly inFlight: number;
    readonly desiredWorkers: number;
  }
  async function scaler(queue: string): Promise<Load> {
    const { status, body } = await api.ask<Load>("GET", `/api/v1/scaler/${queue}`);
    if (status !== 200) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }
  async function statuses(): Promise<readonly string[]> {
    const { body } = await api.ask<{ items: { status: string }[] }>("GET", "/api/v1/executions?limit=500");
    return body.items.map(({ status }) => status);
  }
  const startWorker = (role: "workflow" | "task") => startService({ entry: [`workers/${role}.ts`], env });

  /** What an autoscaler does: asks the route, starts and stops processes; to zero only after nothing was wanted three times in a row. */
  function autoscale() {
    const none = (): ServiceProcess[] => [];
    const pools: Pool[] = [
      { role: "workflow", queues: ["events", "timers"], workers: none(), idle: 0, most: 0 },
      { role: "task", queues: ["tasks"], workers: none(), idle: 0, most: 0 },
    ];
    const codes: (number | null)[] = [];
    let stopped = false;
    const loop = (async () => {
      while (!stopped) {
        for (const pool of pools) {
          const wanted = Math.max(...(await Promise.all(pool.queues.map(scaler))).map((load) => load.desiredWorkers));
          pool.idle = wanted === 0 ? pool.idle + 1 : 0;
          const size = wanted === 0 && pool.idle < 3 ? pool.workers.length : Math.min(wanted, MOST_WORKERS);
          while (pool.workers.length < size) pool.workers.push(await startWorker(pool.role));
          for (const worker of pool.workers.splice(size)) codes.push(await worker.stop());
          pool.most = Math.max(pool.most, pool.workers.length);
        }
        await sleep(200);
      }
    })();
    return {
      sizes: () => pools.map(({ workers }) => workers.length),
      most: () => pools.map(({ most }) => most),
      exitCodes: () => codes,
      async until(isSo: () => Promise<boolean>) {
        while (!(await isSo())) await Promise.race([sleep(100), loop]);
      },
      async stop() {
        stopped = true;
        await loop;
      },
    };
  }
});
