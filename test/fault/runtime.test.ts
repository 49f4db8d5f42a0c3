import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { bullmqConfig } from "../../bullmq.config.ts";
import { createRedisEventStore } from "../../src/adapters/redis/event-store.ts";
import { keysOf } from "../../src/adapters/redis/keys.ts";
import type { EventStore, ExecutionHead } from "../../src/ports/event-store.ts";
import type { Notice } from "../../src/ports/notices.ts";
import { ActivitiesInHand } from "../../src/runtime/activities-in-hand.ts";
import { childOf } from "../../src/runtime/children.ts";
import { createEventDelivery } from "../../src/runtime/deliver-events.ts";
import { indexKeys } from "../../src/runtime/event-index.ts";
import { noticingDatabase, noticingEvents } from "../../src/runtime/noticing.ts";
import type { Ports } from "../../src/runtime/ports.ts";
import { createWakeProcessor } from "../../src/runtime/process-wake.ts";
import { createReconciler } from "../../src/runtime/reconcile.ts";
import { runActivity } from "../../src/runtime/run-activity.ts";
import { startExecution } from "../../src/runtime/start-execution.ts";
import { StateCache } from "../../src/runtime/state-cache.ts";
import { createStoreClock } from "../../src/runtime/store-clock.ts";
import { terminateExecution } from "../../src/runtime/terminate-execution.ts";
import { partitionOfExecution } from "../../src/values/ids.ts";
import { NO_LOG } from "../support/activity.ts";
import { definitionOf } from "./support/definitions.ts";
import { openRuntime, type Runtime } from "./support/runtime.ts";
import { until } from "./support/until.ts";

let runtime: Runtime;
let redis: Redis;
beforeAll(async () => {
  runtime = await openRuntime();
  redis = new Redis(runtime.store.server.url);
});
afterAll(async () => {
  redis.disconnect();
  await runtime.close();
});
afterEach(() => vi.useRealTimers());

const FIRST = { redelivered: false, signal: new AbortController().signal };
const keys = keysOf("durabull");
const logOf = ({ executionId }: ExecutionHead) => keys.log(partitionOfExecution(executionId), executionId);
const wakes = (ports: Ports = runtime.ports) => createWakeProcessor(ports, new StateCache(10));
const cancel = { kind: "message", id: "c", source: "api-service", message: { type: "cancel" } } as const;
const headOf = async ({ executionId }: ExecutionHead) => (await runtime.store.events.heads([executionId]))[0];

test("given a history that lost an event, when it is woken, then it becomes a dead letter", async () => {
  const { start, store } = runtime;
  const head = await start("chain", "damaged");
  await wakes().processWake(head, FIRST);
  await redis.xdel(logOf(head), "2-0");
  await store.events.append(head.executionId, cancel);
  await wakes().processWake(head, FIRST);
  const { items } = await store.events.letters("default", { limit: 10 });
  expect(items).toMatchObject([{ kind: "event", executionId: head.executionId }]);
  expect(await headOf(head)).toMatchObject({ parked: items[0]?.id });
});

test("given a damaged history that was terminated, when it is woken, then it comes to rest", async () => {
  const { start, store } = runtime;
  const head = await start("chain", "damaged-and-ended");
  await wakes().processWake(head, FIRST);
  await redis.xdel(logOf(head), "2-0");
  await terminateExecution(store.events, head.executionId, undefined);
  expect(await store.events.due(head)).toEqual([head.executionId]);
  await wakes().processWake(head, FIRST);
  expect(await store.events.due(head)).toEqual([]);
});

test("given a record that nobody can read, when the reconciler looks, then the other partitions are looked after", async () => {
  const { start, store, rescues, ports } = runtime;
  const names = Array.from({ length: 20 }, (_, i) => `lost-${i}`);
  const heads = await Promise.all(names.map((name) => start("chain", name)));
  const unreadable = heads.find(({ executionId }) => partitionOfExecution(executionId) === 0);
  const lost = heads.filter(({ executionId }) => partitionOfExecution(executionId) === 1);
  if (unreadable === undefined) throw new Error("no execution is in the first partition");
  await redis.hset(keys.head(0, unreadable.executionId), "v", "99");
  const before = rescues.length;
  await until("their wake-ups are overdue", async () => {
    await createReconciler(ports).round();
    return rescues.length - before >= lost.length;
  });
  for (const head of lost) expect(await store.queues.wakeAlive(head)).toBe(true);
  await redis.hset(keys.head(0, unreadable.executionId), "v", "1");
});

test("given a timer put off by a clock that is wrong, when its time has come, then it is woken, and nothing counts as missing", async () => {
  const { start, store, rescues, ports } = runtime;
  const head = await start("pause", "put-off");
  await wakes().processWake(head, FIRST);
  const [call] = (await store.events.describe(head.executionId))?.owed ?? [];
  const outcome = { ok: true, output: null } as const;
  const fact = { kind: "answer", id: "a", source: "executor-service", asked: call?.name ?? 0, outcome } as const;
  expect(await store.events.append(head.executionId, fact)).toBe("accepted");
  await wakes().processWake(head, FIRST);
  const queue = store.queues.boardQueues().find(({ name }) => name === bullmqConfig.queues.timers);
  const [job] = (await queue?.getJobs(["delayed"])) ?? [];
  await job?.changeDelay(3_600_000);
  expect(await store.delayedBeyond(Date.now() + 1_800_000)).toBe(1);
  const before = rescues.length;
  await until("it is woken", async () => {
    await createReconciler(ports).round();
    return store.queues.wakeAlive(head);
  });
  expect(rescues.slice(before)).not.toContain("timer");
  expect(await store.delayedBeyond(0)).toBe(0);
  await wakes().processWake(head, FIRST);
  const events = await store.events.history(head.executionId, { after: 0, limit: 100, order: "asc" });
  expect(events?.map(({ type }) => type)).toContain("timer.fired");
});

test("given a process that died before it settled, when the reconciler looks, then somebody is woken to settle, and nothing counts as missing", async () => {
  const { start, store, rescues, ports } = runtime;
  const head = await start("chain", "unsettled");
  await wakes({ ...ports, settings: { ...ports.settings, settleAfterMs: 600_000 } }).processWake(head, FIRST);
  expect(await headOf(head)).toMatchObject({ settled: 0 });
  const before = rescues.length;
  await until("it is woken", async () => {
    await createReconciler(ports).round();
    return store.queues.wakeAlive(head);
  });
  expect(rescues.slice(before)).toEqual([]);
  await wakes().processWake(head, FIRST);
  expect(await store.events.due(head)).toEqual([]);
});

test("given settles that wait, when the next step comes, then it is dispatched alone, and a process that died before is followed without loss", async () => {
  const { start, store, ports } = runtime;
  const dispatched: number[] = [];
  const queues: Ports["queues"] = {
    ...store.queues,
    dispatch: async (jobs) => {
      dispatched.push(...jobs.map(({ name }) => name));
      await store.queues.dispatch(jobs);
    },
  };
  const late = { ...ports, queues, settings: { ...ports.settings, settleAfterMs: 60_000 } };
  const head = await start("chain", "late-settle");
  const processor = wakes(late);
  await processor.processWake(head, FIRST);
  expect(await headOf(head)).toMatchObject({ settled: 0 });
  const [first] = (await store.events.describe(head.executionId))?.owed ?? [];
  const outcome = { ok: true, output: null } as const;
  const fact = { kind: "answer", id: "a", source: "executor-service", asked: first?.name ?? 0, outcome } as const;
  expect(await store.events.append(head.executionId, fact)).toBe("accepted");
  await processor.processWake(head, FIRST);
  const [second] = (await store.events.describe(head.executionId))?.owed ?? [];
  expect(dispatched).toEqual([first?.name, second?.name]);
  // Another process knows only what the store was told: it dispatches again, under the same job id.
  await wakes(late).processWake(head, FIRST);
  expect(dispatched).toEqual([first?.name, second?.name, second?.name]);
  await processor.flush();
  const { version = 0 } = (await headOf(head)) ?? {};
  expect(await headOf(head)).toMatchObject({ settled: version });
  expect(await store.events.due(head)).toEqual([]);
});

test("given an execution whose decision ends the process, when its neighbours are redelivered with it, then it alone is parked", async () => {
  const { start, ports } = runtime;
  const poison = await start("pause", "poison");
  const neighbours = await Promise.all([1, 2, 3, 4].map((n) => start("chain", `neighbour-${n}`)));
  for (let life = 0; life < 4; life++) {
    const died = new AbortController();
    const processor = wakes(mortal(ports, poison, died));
    const taken = [...neighbours, poison].map((head) => processor.processWake(head, { ...FIRST, redelivered: true }));
    await Promise.race([Promise.allSettled(taken), diedOf(died.signal)]);
  }
  expect(await headOf(poison)).toMatchObject({ parked: expect.stringContaining(poison.executionId) });
  for (const neighbour of neighbours) expect(await headOf(neighbour)).toMatchObject({ parked: null, deaths: 0 });
});

/** Ports of a process that ends when it decides the poison: from then on nothing of it ever answers. */
function mortal(ports: Ports, poison: ExecutionHead, died: AbortController): Ports {
  const dead = new Promise<never>(() => {});
  const events = new Proxy(ports.events, {
    get(target, property: keyof EventStore) {
      const operation = target[property] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        // All of them come as far as their commit before the poison strikes.
        if (property === "commit" && !died.signal.aborted) await Promise.race([sleep(100), diedOf(died.signal)]);
        return died.signal.aborted ? dead : operation.apply(target, args);
      };
    },
  });
  const definitions: Ports["definitions"] = {
    get(tenant, digest) {
      if (digest !== poison.definition.digest) return ports.definitions.get(tenant, digest);
      died.abort();
      return dead;
    },
  };
  return { ...ports, events, definitions };
}

function diedOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

test("given a workflow that runs another, when that has started, then whoever watches it or the lists is told, and need not look", async () => {
  const { ports, start, store } = runtime;
  const document = definitionOf("chain");
  const identity = { namespace: "faults", name: "chain", version: "1.0.0", digest: "d".repeat(64) };
  await ports.database.putDefinition({ tenant: "default", ...identity, document, source: JSON.stringify(document) });
  const told: Notice[] = [];
  const notices = { tell: (notice: Notice) => void told.push(notice) };
  const telling: Ports = {
    ...ports,
    events: noticingEvents(ports.events, notices),
    database: noticingDatabase(ports.database, notices),
  };
  const parent = await start("family", "family");
  await wakes(telling).processWake(parent, FIRST);
  const [owed] = (await store.events.describe(parent.executionId))?.owed ?? [];
  const child = childOf(parent, owed?.name ?? 0, ports.settings.partitions);
  const of = (executionId: string) =>
    told.findIndex((notice) => notice.kind === "execution" && notice.executionId === executionId);
  expect(told[of(child.executionId)]).toMatchObject({ version: 1, status: "PENDING" });
  expect(told.slice(of(child.executionId))).toContainEqual({ kind: "changes", tenant: "default" });
});

test("given a process that must go, when it has a wake-up in hand, then what it did not take is handed back", async () => {
  const head = await runtime.start("chain", "handed-back");
  const signal = AbortSignal.abort(new Error("this process shuts down"));
  await expect(wakes().processWake(head, { redelivered: false, signal })).rejects.toThrow("shuts down");
  expect(await headOf(head)).toMatchObject({ version: 1 });
});

test("given that no death is allowed, when an activity is run for the first time, then it is run", async () => {
  const { start, store, ports } = runtime;
  const head = await start("chain", "first-run");
  await wakes().processWake(head, FIRST);
  const [owed] = (await store.events.describe(head.executionId))?.owed ?? [];
  const inHand = new ActivitiesInHand(store.events, NO_LOG, 1_000, 60_000);
  const http = vi.fn(async () => ({ ok: true, output: null }) as const);
  const activityPorts = {
    ...ports,
    settings: { ...ports.settings, maxDeaths: 0 },
    executors: {
      ...{ http, openapi: http, grpc: http, code: http, a2a: http, asyncapi: http, mcp: http },
      ...{ script: http, shell: http, container: http },
    },
    functions: new Set<string>(),
    secrets: { get: async () => ({}) },
    authenticator: { authorization: vi.fn(), credentials: () => [] },
    resources: { get: vi.fn() },
    clock: createStoreClock(store.events),
    watcher: vi.fn(),
    inHand,
  };
  const { executionId, tenant, workflowId } = head;
  const job = { kind: "activity", executionId, tenant, workflowId, name: owed?.name ?? 0, dispatch: 0 } as const;
  await runActivity(activityPorts, job, FIRST);
  inHand.stop();
  expect(http).toHaveBeenCalledOnce();
});

test("given a store that does not answer, when leases are renewed, then it is asked once, not ever more", async () => {
  vi.useFakeTimers();
  const renew = vi.fn(() => new Promise<readonly boolean[]>(() => {}));
  const inHand = new ActivitiesInHand({ renew }, NO_LOG, 30_000, 1_000);
  inHand.hold("x0-00000000000000000000000000", 3);
  await vi.advanceTimersByTimeAsync(10_000);
  inHand.stop();
  expect(renew).toHaveBeenCalledOnce();
});

test("given an inbox without room, when events come for a listener and none after them, then it hears all soon after there is room", async () => {
  const { store, ports } = runtime;
  const options = { lookGraceMs: 3_000, maxInbox: 1 };
  const events = await createRedisEventStore({ url: store.server.url, prefix: "durabull", options });
  const { database, settings } = ports;
  const delivery = createEventDelivery({ ...ports, events });
  const document = {
    document: { dsl: "1.0.3", namespace: "faults", name: "hear", version: "1.0.0" },
    do: [{ hear: { listen: { to: { any: [{ with: { type: "faults.full" } }], until: "${ length == 3 }" } } } }],
  };
  const { partitions } = settings;
  const { head } = await startExecution(
    { events, database, partitions, defaultTimeoutMs: 0, now: Date.now, ensureTenant: async () => {} },
    {
      tenant: "default",
      workflowId: "full-inbox",
      definition: { document, source: JSON.stringify(document) },
      input: null,
    },
  );
  const small: Ports = { ...ports, events, delivery };
  const processor = wakes(small);
  await processor.processWake(head, FIRST);
  const said = [1, 2, 3].map((data) => {
    const event = { specversion: "1.0", id: `full-${data}`, source: "/full", type: "faults.full", data } as const;
    return { record: { event }, keys: indexKeys(event) };
  });
  await ports.publisher.publish("default", "event", said);
  await delivery.deliver("default");
  expect((await events.describe(head.executionId))?.inbox).toBe(1);
  // Otherwise it would be looked at after five minutes.
  await until(
    "all three are heard",
    async () => {
      await processor.processWake(head, FIRST);
      await createReconciler(small).round();
      return (await headOf(head))?.status === "COMPLETED";
    },
    30_000,
  );
  const last = (await events.describe(head.executionId))?.last;
  expect(last?.data).toEqual({ output: [1, 2, 3] });
  await events.close();
});
