import { expect } from "vitest";
import { type Outside, startOutside } from "../../support/outside.ts";
import { type ServiceProcess, startService } from "../../support/service-process.ts";
import { type LoadOptions, type Run, register, runLoad } from "./load.ts";
import { isAlive } from "./signals.ts";
import { repeatedCalls, violations } from "./soundness.ts";
import { type FaultStore, openFaultStore, type StoreKind, type StoreLook } from "./store.ts";
import { until } from "./until.ts";

const WORKER = "test/fault/support/worker.ts";

/** A service of one API and two workers on a store of its own, and the world outside. */
export interface World {
  readonly store: FaultStore;
  readonly outside: Outside;
  readonly api: ServiceProcess;
  readonly workers: readonly ServiceProcess[];
  /** Another worker, with more settings. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  load(options: LoadOptions): Promise<readonly Run[]>;
  /** Every execution of the load ended as it should, no call or event is doubled, and nothing is left behind. */
  expectSound(runs: readonly Run[]): Promise<void>;
  /** Calls of the load that the outside had to answer more often than the workflow asked for. */
  repeated(runs: readonly Run[]): readonly string[];
  /** Its workers go no short way. */
  readonly throughQueues: boolean;
  /** A metric, summed over the workers that never die and over its labels. */
  total(metric: string): Promise<number>;
  close(): Promise<void>;
}

/** @param settings of its processes. */
export async function openWorld(kind: StoreKind, settings: Readonly<Record<string, string>> = {}): Promise<World> {
  const store = await openFaultStore(kind);
  const outside = await startOutside();
  // Random deaths strike the same execution more often than chance would in a year: none of them is its fault.
  // One store the short way, the other through the queues alone: what stands between them is the same code.
  const LOCAL_DISPATCH = String(kind === "redis");
  const env = { ...store.env, WORKFLOW_MAX_RETRIES: "1000", TASK_CONCURRENCY: "4", LOCAL_DISPATCH, ...settings };
  const startWorker = (more: Readonly<Record<string, string>> = {}) =>
    startService({ entry: [WORKER], env: { ...env, ...more } });
  const api = await startService({ entry: ["src/main.ts", "api"], env });
  const workers = await Promise.all([startWorker(), startWorker()]);
  await register(api.url);
  return {
    store,
    outside,
    api,
    workers,
    throughQueues: env.LOCAL_DISPATCH === "false",
    startWorker,
    load: (options) => runLoad(api.url, outside, options),
    async expectSound(runs) {
      expect([api, ...workers].filter(({ pid }) => !isAlive(pid)).map(({ log }) => log.at(-1)?.msg)).toEqual([]);
      expect(await violations(store.events, runs, outside.calls)).toEqual([]);
      // In the end nothing is left; if something is, the assertion says what.
      await until("nothing is left", async () => (await leftOver(store)) === "").catch(() => undefined);
      expect(await leftOver(store)).toBe("");
    },
    repeated: (runs) => repeatedCalls(runs, outside.calls),
    total: async (metric) => sum(await Promise.all(workers.map((worker) => metricOf(worker, metric)))),
    async close() {
      await Promise.all([api, ...workers].map((each) => each.stop()));
      await outside.close();
      await store.close();
    },
  };
}

/** Jobs that are not finished and executions that somebody must look at; "" when there are none. */
export async function leftOver({ queues, attention }: StoreLook): Promise<string> {
  const jobs = (await queues.counts()).flatMap(({ queue, waiting, active, delayed }) =>
    waiting + active + delayed > 0 ? [`${queue}: ${waiting} waiting, ${active} active, ${delayed} delayed`] : [],
  );
  const looks = await attention();
  return [...jobs, ...(looks > 0 ? [`${looks} executions to be looked at`] : [])].join("; ");
}

/** Over all labels. */
export async function metricOf(process: ServiceProcess, name: string): Promise<number> {
  const signal = AbortSignal.timeout(2_000);
  const text = await (await fetch(`${process.metricsUrl}/metrics`, { signal })).text();
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return sum(lines.map((line) => Number(line.slice(line.lastIndexOf(" ") + 1))));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function fromEnvironment(name: string, otherwise: number): number {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is not a whole number: ${process.env[name]}`);
  return value;
}
