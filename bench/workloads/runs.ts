import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionBody, Json } from "../../src/client/index.ts";
import { medianOf } from "../support.ts";
import { FAN } from "./definitions.ts";
import { bounded, meter, now, percentile } from "./meter.ts";
import type { Raw } from "./raw.ts";
import type { BenchService } from "./service.ts";

export type WorkloadName = "w1" | "w2" | "w3" | "w4" | "w5" | "w6" | "w7";

/** One line of the result: what was measured, and how it stands to raw BullMQ of the same run. */
export interface Row {
  readonly what: string;
  readonly value: string;
  readonly ratio: string;
  readonly foreignCores: number;
  readonly cpu: string;
}

export interface Bench {
  readonly service: BenchService;
  /** Pid of the store's server. */
  readonly store: number;
  readonly raw: Raw;
}

const size = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);
const IN_FLIGHT = 64;
const LONGEST_MS = 60_000;

export const WORKLOADS: Readonly<Record<WorkloadName, (bench: Bench) => Promise<readonly Row[]>>> = {
  /** N1 workflows of ten steps, 64 in flight. */
  async w1(bench) {
    const n = size("N1", 1_000);
    const end = costOf(bench);
    await bounded(n, IN_FLIGHT, async () => void (await run(bench, "seq", { n: 10 })));
    const cost = end();
    const perSecond = (n * 10) / cost.seconds;
    const cpu = cpuPerStep(cost, n * 10);
    return [
      {
        ...row(
          cost,
          "W1 steps/s",
          perSecond.toFixed(0),
          `${(perSecond / bench.raw.jobsPerSecond).toFixed(3)} of raw jobs/s`,
        ),
        cpu,
      },
    ];
  },

  /** Latency of N2 workflows one after another, of ten steps and of one. */
  async w2(bench) {
    const rows: Row[] = [];
    for (const steps of [10, 1]) {
      const client: number[] = [];
      const lastStep: number[] = [];
      const end = costOf(bench);
      for (let i = 0; i < size("N2", 200); i++) {
        const begun = now();
        const { output } = await run(bench, "seq", { n: steps });
        client.push(now() - begun);
        lastStep.push(Number(output) - begun);
      }
      const cost = end();
      const ratio = `${(percentile(client, 50) / (steps * bench.raw.hopMs)).toFixed(2)} × ${steps} raw hops`;
      rows.push({
        ...row(cost, `W2 ${steps} steps, client p50 / p99 ms`, pair(client), ratio),
        cpu: cpuPerStep(cost, steps * client.length),
      });
      rows.push(row(cost, `W2 ${steps} steps, to last step p50 / p99 ms`, pair(lastStep), ""));
    }
    return rows;
  },

  /** 200 steps side by side, the median of ten workflows. */
  async w3(bench) {
    const client: number[] = [];
    const lastStep: number[] = [];
    const end = costOf(bench);
    for (let i = 0; i < 10; i++) {
      const begun = now();
      const { output } = await run(bench, "fan", {});
      client.push(now() - begun);
      lastStep.push(Math.max(...(output as readonly number[])) - begun);
    }
    const cost = end();
    const ms = medianOf(client);
    const ratio = `${(ms / bench.raw.fanMs).toFixed(2)} × ${FAN} raw jobs`;
    return [
      {
        ...row(
          cost,
          "W3 client / to last step, median ms",
          `${ms.toFixed(0)} / ${medianOf(lastStep).toFixed(0)}`,
          ratio,
        ),
        cpu: cpuPerStep(cost, 10 * FAN),
      },
    ];
  },

  /** Milliseconds a step, by how many steps the workflow has. */
  async w4(bench) {
    const rows: Row[] = [];
    for (const steps of (process.env.N4 ?? "10,100,1000,5000").split(",").map(Number)) {
      const perStep: number[] = [];
      const end = costOf(bench);
      const repeats = Math.max(1, Math.min(20, Math.round(1_000 / steps)));
      for (let i = 0; i < repeats; i++) {
        const begun = now();
        const { output } = await run(bench, "seq", { n: steps });
        perStep.push((Number(output) - begun) / steps);
      }
      const cost = end();
      const ms = medianOf(perStep);
      const ratio = `${(ms / bench.raw.hopMs).toFixed(2)} × raw hop`;
      rows.push({
        ...row(cost, `W4 ms/step at ${steps}`, ms.toFixed(2), ratio),
        cpu: cpuPerStep(cost, steps * repeats),
      });
    }
    return rows;
  },

  /** N5 timers of 3 s, started as fast as 64 requests at once go. */
  async w5(bench) {
    const n = size("N5", 5_000);
    const { client } = bench.service;
    const end = costOf(bench);
    const begun = now();
    const fromStart: number[] = [];
    const results: Promise<string>[] = [];
    await bounded(n, IN_FLIGHT, async () => {
      const start = now();
      const { executionId } = await client.start({ definition: { namespace: "bench", name: "nap" }, input: {} });
      const ended = client.ended(executionId).then((body) => {
        fromStart.push(now() - start - 3_000);
        return completed(body).executionId;
      });
      results.push(ended);
    });
    const started = now() - begun;
    const ids = await Promise.all(results);
    const cost = end();
    const all = now() - begun;
    const every = Math.ceil(n / 500);
    const late = await lateness(
      bench,
      ids.filter((_, i) => i % every === 0),
    );
    return [
      row(cost, "W5 timer late p50 / p99 / max ms", `${pair(late)} / ${Math.max(...late)}`, ""),
      row(cost, "W5 client late p50 / p99 ms", pair(fromStart), ""),
      row(cost, "W5 started / all done, ms", `${started.toFixed(0)} / ${all.toFixed(0)}`, ""),
    ];
  },

  /** N7 timers that come due within the same second, whenever they were started. */
  async w7(bench) {
    const n = size("N7", 5_000);
    const { client } = bench.service;
    const end = costOf(bench);
    const due = now() + size("AHEAD7", n * 5) + 3_000;
    const ids: string[] = [];
    await bounded(n, IN_FLIGHT, async () => {
      const wait = { milliseconds: Math.round(due + (1_000 * ids.length) / n - now()) };
      if (wait.milliseconds < 1_000)
        throw new Error("AHEAD7 (ms) is too short to start all of them before they are due");
      const { executionId } = await client.start({
        definition: { namespace: "bench", name: "alarm" },
        input: { wait },
      });
      ids.push(executionId);
    });
    await sleep(due + 1_000 - now());
    await bounded(n, IN_FLIGHT, async (i) => void completed(await client.ended(ids[i] ?? "")));
    const all = now() - due;
    const cost = end();
    const late = await lateness(bench, ids);
    return [
      row(cost, "W7 timer late p50 / p99 / max ms", `${pair(late)} / ${Math.max(...late)}`, ""),
      row(cost, `W7 first due until all ${n} ended and were read, ms`, all.toFixed(0), ""),
    ];
  },

  /** 200 workflows of ten steps of 20 ms; kill -9 of the whole service halfway, and its restart. */
  async w6(bench) {
    const n = size("N6", 200);
    const steps = 10;
    const { client } = bench.service;
    const directory = mkdtempSync(join(tmpdir(), "durabull-bench-"));
    const log = join(directory, "runs.log");
    writeFileSync(log, "");
    const runs = () => readFileSync(log, "utf8").split("\n").slice(0, -1);
    const input = { n: steps, ms: 20, log };
    const end = costOf(bench);
    const ids: string[] = [];
    await bounded(n, n, async () => {
      ids.push((await client.start({ definition: { namespace: "bench", name: "slow" }, input })).executionId);
    });
    while (runs().length < (n * steps) / 2) await sleep(5);
    const killed = now();
    await bench.service.kill();
    await bench.service.restart();
    const up = now();
    const bodies = await Promise.all(ids.map((id) => client.ended(id)));
    const done = now();
    const cost = end();
    const executed = runs();
    rmSync(directory, { recursive: true });
    const distinct = new Set(executed).size;
    const lost = bodies.filter(({ status }) => status !== "COMPLETED").length;
    return [
      row(cost, "W6 kill to all done, ms", (done - killed).toFixed(0), ""),
      row(cost, "W6 of that, restart ms", (up - killed).toFixed(0), ""),
      row(cost, "W6 steps run twice / workflows lost", `${executed.length - distinct} / ${lost}`, ""),
    ];
  },
};

/** Starts a workflow and waits for its end. @throws {Error} unless it completed. */
export async function run({ service }: Pick<Bench, "service">, name: string, input: Json): Promise<ExecutionBody> {
  const started = await service.client.start(
    { definition: { namespace: "bench", name }, input },
    { waitMs: LONGEST_MS },
  );
  return completed(started.endedAt === undefined ? await service.client.ended(started.executionId) : started);
}

function completed<Body extends Pick<ExecutionBody, "status" | "executionId">>(body: Body): Body {
  if (body.status !== "COMPLETED")
    throw new Error(`${body.executionId} ended as ${body.status}: ${JSON.stringify(body)}`);
  return body;
}

/** How long after they were due timers fired, by the store's clock. */
async function lateness({ service }: Bench, ids: readonly string[]): Promise<readonly number[]> {
  const late: number[] = [];
  await bounded(ids.length, IN_FLIGHT, async (i) => {
    const { items } = await service.client.history(ids[i] ?? "");
    const scheduled = items.find(({ type }) => type === "io.flunq.timer.scheduled");
    const fired = items.find(({ type }) => type === "io.flunq.timer.fired");
    const due = scheduled?.data as { readonly fireAt: number } | undefined;
    late.push(Date.parse(fired?.time ?? "") - (due?.fireAt ?? Number.NaN));
  });
  return late;
}

function costOf({ service, store }: Bench) {
  const begun = service.pid;
  return meter({ service: [begun], store: [store] });
}

type Cost = ReturnType<ReturnType<typeof meter>>;

function row({ foreignCores }: Cost, what: string, value: string, ratio: string): Row {
  return { what, value, ratio, foreignCores, cpu: "" };
}

function cpuPerStep({ cpu, cpuSeconds }: Cost, steps: number): string {
  const ms = (seconds: number | undefined) => (((seconds ?? 0) * 1000) / steps).toFixed(2);
  return `${ms(cpuSeconds)} (${["service", "store", "client"].map((part) => ms(cpu[part])).join(" / ")})`;
}

function pair(values: readonly number[]): string {
  return [50, 99].map((p) => percentile(values, p).toFixed(1)).join(" / ");
}
