import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Database } from "../../src/ports/database.ts";
import type { ExecutionHead } from "../../src/ports/event-store.ts";
import type { Ports } from "../../src/runtime/ports.ts";
import { createWakeProcessor } from "../../src/runtime/process-wake.ts";
import { createRetention } from "../../src/runtime/retention.ts";
import { StateCache } from "../../src/runtime/state-cache.ts";
import { terminateExecution } from "../../src/runtime/terminate-execution.ts";
import { openRuntime, type Runtime } from "./support/runtime.ts";

let runtime: Runtime;
let redis: Redis;
beforeAll(async () => {
  runtime = await openRuntime({ retention: { closedForMs: 0, letteredForMs: Number.POSITIVE_INFINITY } });
  redis = new Redis(runtime.store.server.url);
});
afterAll(async () => {
  redis.disconnect();
  await runtime.close();
});

const wake = (head: ExecutionHead) =>
  createWakeProcessor(runtime.ports, new StateCache(10)).processWake(head, {
    redelivered: false,
    signal: new AbortController().signal,
  });
const ended = async (workflowId: string) => {
  const head = await runtime.start("chain", workflowId);
  await terminateExecution(runtime.ports.events, head.executionId, undefined);
  await wake(head);
  return head;
};
const listed = async () => (await runtime.ports.database.executions("default", {}, { limit: 10 })).items;
const everywhere = async (ports: Ports) => {
  for (let partition = 0; partition < ports.settings.partitions; partition++) {
    await createRetention(ports).round(partition);
  }
};
const keysOf = async ({ executionId }: ExecutionHead) =>
  (await redis.keys("*")).filter((key) => key.includes(executionId));

test("given lists that are away after the log went, when they are back, then a later round takes it out of them", async () => {
  const head = await ended("half-forgotten");
  expect(await listed()).toHaveLength(1);
  const away: Database = {
    ...runtime.ports.database,
    forget: () => Promise.reject(new StoreUnavailableError("the database")),
  };
  await expect(everywhere({ ...runtime.ports, database: away })).rejects.toThrow(StoreUnavailableError);
  expect(await runtime.ports.events.describe(head.executionId)).toBeNull();
  expect(await listed()).toHaveLength(1);

  await everywhere(runtime.ports);

  expect(await listed()).toEqual([]);
  expect(await keysOf(head)).toEqual([]);
  expect((await redis.keys("*")).filter((key) => key.endsWith(":expired"))).toEqual([]);
});

test("given a document that was run without being registered, when its last execution is gone, then it goes", async () => {
  const { events, database } = runtime.ports;
  const first = await runtime.start("pause", "first");
  const { digest } = first.definition;
  const drop = () => createRetention(runtime.ports, 0).dropDocuments();
  await database.ensureTenant("default");
  await drop();
  expect(await database.definitionByDigest("default", digest)).not.toBeNull();

  await terminateExecution(events, first.executionId, undefined);
  await wake(first);
  await everywhere(runtime.ports);
  await createRetention(runtime.ports).dropDocuments();
  expect(await database.definitionByDigest("default", digest)).not.toBeNull();

  await drop();
  expect(await database.definitionByDigest("default", digest)).toBeNull();
});
