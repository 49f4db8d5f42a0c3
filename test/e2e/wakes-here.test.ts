import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Api, apiOf, documentOf } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { type Environment, onEachStore } from "../support/stores.ts";

/** Each test starts several processes, one after another. */
const LIMIT_MS = 240_000;

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
  const chain = (path: string) =>
    documentOf(`
      - first: {call: http, with: {method: get, endpoint: "${outside.url}/${path}/0"}}
      - pause: {wait: {milliseconds: 300}}
      - second: {call: http, with: {method: get, endpoint: "${outside.url}/${path}/1"}}
    `);
  /** Wake-ups that were jobs. */
  const jobs = async ({ api }: { readonly api: Api }) => {
    const { body } = await api.ask("GET", "/queues/api/queues?activeQueue=durabull-events&status=completed&page=1");
    const queues = (body as { queues: { name: string; counts: Record<string, number> }[] }).queues;
    return queues.find(({ name }) => name === "durabull-events")?.counts.completed;
  };

  beforeAll(async () => {
    outside = await startOutside();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((service) => service.kill()));
  });
  afterAll(() => outside.close());

  test(
    "given a process that does everything, when a workflow calls and waits, then no wake-up is a job; with LOCAL_DISPATCH=false they are",
    async () => {
      env = await store.fresh();
      const ways = [
        { way: "true", activities: 0, wakes: 0 },
        { way: "wake-ups", activities: 2, wakes: 0 },
        { way: "false", activities: 2, wakes: expect.any(Number) },
      ];
      for (const { way, activities, wakes } of ways) {
        const service = await start({ LOCAL_DISPATCH: way });
        const before = (await jobs(service)) ?? 0;
        const { executionId } = await service.api.start(chain(way));
        expect(await service.api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
        const queued = service.log.filter(
          (line) => line.executionId === executionId && line.msg === "activity taken from its queue",
        );
        expect({ way, queued: queued.length }).toEqual({ way, queued: activities });
        const made = ((await jobs(service)) ?? 0) - before;
        expect({ way, made }).toEqual({ way, made: wakes });
        if (way === "false") expect(made).toBeGreaterThan(0);
        expect(calls(`/${way}/0`)).toHaveLength(1);
        expect(calls(`/${way}/1`)).toHaveLength(1);
        expect(await service.api.rescues()).toBe(0);
        expect(await service.stop()).toBe(0);
      }
    },
    LIMIT_MS,
  );

  test(
    "given executions that were started, answered and wait, when their process is killed again and again, then all of them end, each call under one key",
    async () => {
      env = await store.fresh();
      const ids: string[] = [];
      for (let round = 0; round < 3; round++) {
        const service = await start();
        for (let i = 0; i < 10; i++) ids.push((await service.api.start(chain(`killed/${round}/${i}`))).executionId);
        await service.kill();
      }
      const last = await start();
      for (const executionId of ids) {
        expect(await last.api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
        const history = await last.api.history(executionId);
        expect(history.filter(({ type }) => type === "io.flunq.task.requested")).toHaveLength(2);
        expect(history.filter(({ type }) => type === "io.flunq.timer.fired")).toHaveLength(1);
      }
      const all = outside.calls.filter(({ path }) => path.startsWith("/killed/"));
      const keys = new Map<string, Set<unknown>>();
      for (const { path, idempotencyKey } of all) keys.set(path, (keys.get(path) ?? new Set()).add(idempotencyKey));
      expect(keys.size).toBe(60);
      expect([...keys.values()].every(({ size }) => size === 1)).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    "given the queue of wake-ups paused in Bull Board, when an execution is started, then it waits until that goes on",
    async () => {
      env = await store.fresh();
      const { api } = await start();
      const board = (action: string) => api.ask("PUT", `/queues/api/queues/durabull-events/${action}`);
      expect((await board("pause")).status).toBe(200);
      // Looked at each second.
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      const { executionId } = await api.start(chain("paused"));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(calls("/paused/0")).toEqual([]);
      expect((await board("resume")).status).toBe(200);
      expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED" });
    },
    LIMIT_MS,
  );
}, "redis,postgres");
