import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { apiOf, documentOf } from "../support/api.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { until } from "./support/until.ts";

const FUNCTIONS = fileURLToPath(new URL("support/dangerous-functions.ts", import.meta.url));
/** How long an expression that does not end may take to fail, the service around it included. */
const PATIENCE_MS = 5_000;

let redis: TestServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const start = (env: Readonly<Record<string, string>> = {}) =>
  startService({ entry: ["test/fault/support/impatient-service.ts"], env: { REDIS_URL: redis.url, ...env } });

test("given an expression that does not end, when it is evaluated, then its execution fails with an expression error and its neighbour completes", async () => {
  const service = await start();
  const api = apiOf(service);
  const neighbour = await api.start(documentOf("- pause: {wait: {seconds: 1}}\n- done: {set: {ok: true}}"));
  const endless = await api.start(documentOf("- spin: {set: {a: '${ [range(1e12)|select(. < 0)] }'}}"));

  await until("it failed", async () => (await api.view(endless.executionId)).status === "FAILED", PATIENCE_MS);
  expect((await api.view(endless.executionId)).error).toMatchObject({
    type: expect.stringContaining("/errors/expression"),
    status: 400,
    detail: "the expression takes too many steps (budget: fuel)",
    instance: "/do/0/spin",
  });
  await until("its neighbour ends", async () => (await api.view(neighbour.executionId)).status === "COMPLETED");
  expect(await service.stop()).toBe(0);
}, 60_000);

test("given a function that does not end, when its process is restarted each time it kills itself, then it is parked and its neighbour completes", async () => {
  let service = await start({ FUNCTIONS });
  const deaths: ServiceProcess[] = [];
  let earlyDeaths = 0;
  let stopping = false;
  const supervision = (async () => {
    for (;;) {
      await service.exited;
      if (stopping) return;
      deaths.push(service);
      for (;;) {
        try {
          service = await start({ FUNCTIONS });
          break;
        } catch (error) {
          // It takes jobs before it says that it has started, so it may be gone before: `null` is the exit code of a killed process.
          if (!(error instanceof Error && error.message.includes("ended with null"))) throw error;
          earlyDeaths += 1;
        }
      }
    }
  })();
  let failure: unknown;
  supervision.catch((error: unknown) => {
    failure = error;
  });

  const api = () => apiOf(service);
  const neighbour = await api().start(documentOf("- pause: {wait: {seconds: 2}}\n- done: {set: {ok: true}}"));
  // Its process stands still as soon as it has begun with it: first it is to answer who started it.
  const endless = await api().start(documentOf("- first: {wait: {milliseconds: 500}}\n- spin: {call: spinning}"));

  const isLetter = async () => {
    if (failure !== undefined) return Promise.reject(failure);
    return (await api().letterOf(endless.executionId)) !== undefined;
  };
  await until("it is a dead letter", isLetter, 120_000);
  expect(await api().letterOf(endless.executionId)).toMatchObject({ kind: "activity" });
  await until("its neighbour ends", async () => (await api().view(neighbour.executionId)).status === "COMPLETED");

  expect(deaths.length + earlyDeaths).toBeGreaterThanOrEqual(3);
  expect(deaths.length + earlyDeaths).toBeLessThanOrEqual(4);
  for (const { log } of deaths) {
    expect(log.at(-1)).toMatchObject({ level: 60, msg: expect.stringContaining("the event loop stood still") });
  }
  stopping = true;
  expect(await service.stop()).toBe(0);
  await supervision;
}, 180_000);
