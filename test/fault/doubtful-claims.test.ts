import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createRedisEventStore } from "../../src/adapters/redis/event-store.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { EventStore, ExecutionHead, ReadResult } from "../../src/ports/event-store.ts";
import { createLocalDispatch, type LocalPerformer } from "../../src/runtime/local-activities.ts";
import type { Ports } from "../../src/runtime/ports.ts";
import { createWakeProcessor } from "../../src/runtime/process-wake.ts";
import { StateCache } from "../../src/runtime/state-cache.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { openRuntime, type Runtime } from "./support/runtime.ts";
import { until } from "./support/until.ts";

const FIRST = { redelivered: false, signal: new AbortController().signal };
const LEASE_MS = 60_000;

let runtime: Runtime;
let proxy: TcpProxy;
let spoiled: EventStore;
beforeAll(async () => {
  runtime = await openRuntime({ localLeaseMs: LEASE_MS });
  proxy = await startTcpProxy(Number(new URL(runtime.store.server.url).port));
  spoiled = await createRedisEventStore({
    url: `redis://127.0.0.1:${proxy.port}`,
    prefix: "durabull",
    options: { lookGraceMs: 3_000, maxInbox: 10_000 },
  });
});
afterAll(async () => {
  await spoiled.close();
  await proxy.close();
  await runtime.close();
});
afterEach(() => proxy.answer((bytes) => bytes));

/** A process that does activities itself, on this store; what it begins never ends. */
function processOn(events: EventStore): { readonly begun: number[]; wake(head: ExecutionHead): Promise<void> } {
  const begun: number[] = [];
  const performer: LocalPerformer = {
    fits: () => true,
    begin({ work: { name } }) {
      begun.push(name);
      return { done: new Promise(() => {}), abandon: () => {}, handBack: () => {} };
    },
  };
  const local = createLocalDispatch(10);
  local.serve(performer);
  const ports: Ports = { ...runtime.ports, events, local };
  const processor = createWakeProcessor(ports, new StateCache(10));
  return { begun, wake: (head) => processor.processWake(head, FIRST) };
}
const owedOf = async ({ executionId }: ExecutionHead) => (await runtime.store.events.describe(executionId))?.owed ?? [];
const jobs = async () => {
  const queue = runtime.store.queues.boardQueues().find(({ name }) => name === "durabull-tasks");
  return (await queue?.getJobs(["waiting"])) ?? [];
};

test("given a commit that claims an activity, when its answer is lost, then no death is counted, and the activity goes to its queue before the lease is over", async () => {
  const head = await runtime.start("chain", "reply-lost");
  const process = processOn(spoiled);
  let isLost = false;
  proxy.answer((bytes) => {
    if (isLost || !bytes.includes("committed")) return bytes;
    isLost = true;
    return null;
  });
  await expect(process.wake(head)).rejects.toThrow(StoreUnavailableError);
  expect(isLost).toBe(true);
  expect(await owedOf(head)).toMatchObject([{ kind: "activity", attempt: 1 }]);
  expect(process.begun).toEqual([]);
  await until("its job is there", async () => (await jobs()).length === 1);
  // Whoever is woken by what the commit left unsettled changes nothing about it.
  await processOn(runtime.store.events).wake(head);
  expect(await jobs()).toHaveLength(1);
  const [{ name } = { name: 0 }] = await owedOf(head);
  expect(await runtime.store.events.claim(head.executionId, name, LEASE_MS)).toMatchObject({ attempt: 2, deaths: 0 });
});

test("given a commit without an answer that was never done, when another process makes the same decision, then the claim of that one is left to it", async () => {
  const head = await runtime.start("chain", "never-done");
  let looks = 0;
  let isMoveSeen = false;
  const away = new Proxy(runtime.store.events, {
    get(target, property: keyof EventStore) {
      if (property === "commit") return () => Promise.reject(new StoreUnavailableError("Redis"));
      const operation = target[property] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        const given = await operation.apply(target, args);
        if (property === "read") {
          looks += 1;
          isMoveSeen ||= ((given as ReadResult | null)?.head.version ?? 0) > head.version;
        }
        return given;
      };
    },
  });
  await expect(processOn(away).wake(head)).rejects.toThrow(StoreUnavailableError);
  const before = looks;
  await until("it looked in vain", () => looks > before + 1);
  const other = processOn(runtime.store.events);
  await other.wake(head);
  expect(other.begun).toHaveLength(1);
  await until("it looked once more", () => isMoveSeen);
  const [{ name } = { name: 0 }] = await owedOf(head);
  expect(other.begun).toEqual([name]);
  expect(await runtime.store.events.claim(head.executionId, name, LEASE_MS)).toMatchObject({ attempt: 2, deaths: 1 });
});
