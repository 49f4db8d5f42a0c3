import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, apiOf, documentOf, eventually } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { type FaultStore, openFaultStore, type StoreKind } from "./support/store.ts";
import { metricOf } from "./support/world.ts";

const WORKER = "test/fault/support/worker.ts";
const LIMIT_MS = 180_000;
/** What a process does by itself is found by its lease instead: that is another test's. */
const THROUGH_QUEUES = { LOCAL_DISPATCH: "false" };

describe.each<StoreKind>(["redis", "postgres"])("recovery on %s", (kind) => {
  let store: FaultStore;
  let outside: Outside;
  let service: ServiceProcess;
  let survivor: ServiceProcess;
  let api: Api;
  beforeAll(async () => {
    [store, outside] = await Promise.all([openFaultStore(kind), startOutside()]);
    [service, survivor] = await Promise.all([
      startService({ entry: ["src/main.ts", "api"], env: store.env }),
      startService({ entry: [WORKER], env: { ...store.env, ...THROUGH_QUEUES } }),
    ]);
    api = apiOf(service);
  });
  afterAll(async () => {
    for (const each of [survivor, service]) await each.stop();
    await Promise.all([outside.close(), store.close()]);
  });

  const redelivered = () => metricOf(survivor, "durabull_redelivered_total");

  /** What the death of a worker costs, in milliseconds: from when it is gone to the end of the last execution that it held up. */
  async function costOfDeath(failpoint: string): Promise<number> {
    const env = { ...store.env, ...THROUGH_QUEUES, DURABULL_FAILPOINT: `${failpoint}:kill:1` };
    const doomed = await startService({ entry: [WORKER], env });
    let goneAt = 0;
    const gone = doomed.exited.then(() => {
      goneAt = performance.now();
    });
    const started: string[] = [];
    await eventually(
      async () => {
        const call = `- call: {call: http, with: {method: post, endpoint: "${outside.url}/${failpoint}"}}`;
        started.push((await api.start(documentOf(call))).executionId);
        return goneAt;
      },
      (moment) => moment > 0,
    );
    await gone;
    const ended = await Promise.all(started.map((executionId) => api.ended(executionId)));
    const cost = performance.now() - goneAt;
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(["COMPLETED"]));
    return Math.round(cost);
  }

  test.each([
    ["an activity", "after-claim"],
    ["a wake-up", "before-commit"],
  ])(
    "given two workers, when one is killed with %s in hand, then the other takes it over by its lock, and nothing has to be rescued",
    async (what, failpoint) => {
      const before = await redelivered();
      const cost = await costOfDeath(failpoint);
      console.log(`${kind}: the death of a worker with ${what} in hand cost ${cost} ms`);
      expect(await redelivered()).toBeGreaterThan(before);
      expect(survivor.log.filter(({ msg }) => msg.endsWith("was missing"))).toEqual([]);
      expect(await metricOf(survivor, "durabull_rescues_total")).toBe(0);
    },
    LIMIT_MS,
  );
});
