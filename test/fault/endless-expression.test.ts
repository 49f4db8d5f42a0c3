import { afterAll, beforeAll, expect, test } from "vitest";
import { apiOf, documentOf } from "../support/api.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { until } from "./support/until.ts";

let redis: TestServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test("given an expression that does not end, when its process is restarted each time it kills itself, then it is parked and its neighbour completes", async () => {
  const start = () =>
    startService({ entry: ["test/fault/support/impatient-service.ts"], env: { REDIS_URL: redis.url } });
  let service = await start();
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
          service = await start();
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
  const endless = await api().start(documentOf("- spin: {set: {a: '${ [range(1e12)|select(. < 0)] }'}}"));

  const isLetter = async () => {
    if (failure !== undefined) return Promise.reject(failure);
    return (await api().letterOf(endless.executionId)) !== undefined;
  };
  await until("it is a dead letter", isLetter, 120_000);
  expect(await api().letterOf(endless.executionId)).toMatchObject({ kind: "event" });
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
