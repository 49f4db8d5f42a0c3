import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Api, apiOf, documentOf } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { type FaultStore, openFaultStore, type StoreKind } from "./support/store.ts";

const WORKER = "test/fault/support/worker.ts";
const LIMIT_MS = 180_000;
const CALLS = 5;
/** What a process does by itself is in no queue; and what may have ended its process too often is tried alone, which is another test's. */
const THROUGH_QUEUES = { LOCAL_DISPATCH: "false", WORKFLOW_MAX_RETRIES: "10" };

describe.each<StoreKind>(["redis", "postgres"])("taking over on %s", (kind) => {
  let store: FaultStore;
  let outside: Outside;
  let service: ServiceProcess;
  let api: Api;
  const workers: ServiceProcess[] = [];
  beforeAll(async () => {
    [store, outside] = await Promise.all([openFaultStore(kind), startOutside()]);
    service = await startService({ entry: ["src/main.ts", "api"], env: store.env });
    api = apiOf(service);
  });
  afterAll(async () => {
    await service.stop();
    await Promise.all([outside.close(), store.close()]);
  });

  // What one test leaves behind would take the calls of the next.
  afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.kill())));

  async function startWorker(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const worker = await startService({ entry: [WORKER], env: { ...store.env, ...THROUGH_QUEUES, ...env } });
    workers.push(worker);
    return worker;
  }

  async function startCalls(path: string, count: number): Promise<readonly string[]> {
    const document = documentOf(`- call: {call: http, with: {method: post, endpoint: "${outside.url}${path}"}}`);
    const started: string[] = [];
    for (let i = 0; i < count; i++) started.push((await api.start(document)).executionId);
    return started;
  }

  /** How often each call came, by its key. */
  function callsOf(path: string): readonly number[] {
    const counts = new Map<string, number>();
    for (const call of outside.calls.filter((each) => each.path.startsWith(path))) {
      counts.set(call.idempotencyKey ?? "", (counts.get(call.idempotencyKey ?? "") ?? 0) + 1);
    }
    return [...counts.values()];
  }

  async function deathsOf(executionIds: readonly string[]): Promise<readonly number[]> {
    const found = await Promise.all(executionIds.map((id) => store.events.describe(id)));
    return found.flatMap((each) => each?.owed.map((entry) => entry.deaths) ?? []);
  }

  test(
    "given the only worker, when it is killed twice with calls in hand, then each next one frees and repeats them all, and each death counts once",
    async () => {
      const gate = outside.hold("/alone");
      const started = await startCalls("/alone", CALLS);
      let worker = await startWorker();
      await outside.seen("/alone", CALLS);
      for (const deaths of [1, 2]) {
        await worker.kill();
        worker = await startWorker();
        // A wake-up may have been in hand too.
        const [freed, ...more] = worker.log.filter(({ msg }) => msg === TOOK_OVER).map(({ jobs }) => Number(jobs));
        expect([freed, more]).toEqual([expect.toSatisfy((jobs: number) => jobs >= CALLS), []]);
        await outside.seen("/alone", (deaths + 1) * CALLS);
        expect(callsOf("/alone")).toEqual(Array.from({ length: CALLS }, () => deaths + 1));
        expect(await deathsOf(started)).toEqual(Array.from({ length: CALLS }, () => deaths));
      }
      gate.open();
      for (const id of started) expect(await api.ended(id)).toMatchObject({ status: "COMPLETED" });
      await worker.stop();
    },
    LIMIT_MS,
  );

  test(
    "given two workers with calls in hand, when one is killed and a third starts, then the calls of the dead are repeated and those of the other are not",
    async () => {
      const gates = [outside.hold("/dead"), outside.hold("/living")];
      const busy = { TASK_CONCURRENCY: "2" };
      const doomed = await startWorker(busy);
      const started = [...(await startCalls("/dead", 2))];
      await outside.seen("/dead", 2);
      // The first has its hands full.
      const living = await startWorker(busy);
      started.push(...(await startCalls("/living", 2)));
      await outside.seen("/living", 2);
      await doomed.kill();
      const third = await startWorker(busy);
      await outside.seen("/dead", 4);
      expect(callsOf("/dead")).toEqual([2, 2]);
      expect(callsOf("/living")).toEqual([1, 1]);
      for (const gate of gates) gate.open();
      for (const id of started) expect(await api.ended(id)).toMatchObject({ status: "COMPLETED" });
      expect(callsOf("/living")).toEqual([1, 1]);
      for (const each of [living, third]) await each.stop();
    },
    LIMIT_MS,
  );
});

const TOOK_OVER = "took over the jobs of processes that are gone";
