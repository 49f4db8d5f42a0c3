import { rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { HistoryEvent } from "../../../src/engine/events.ts";
import type { JsonObject } from "../../../src/values/json.ts";
import { urlOfEmbedded } from "../../support/embedded-url.ts";
import { freePort } from "../../support/free-port.ts";
import { type OutsideCall, startOutside } from "../../support/outside.ts";
import { freshDirectory, startService } from "../../support/service-process.ts";
import { type Crew, type CrewOptions, startCrew } from "./chaos-crew.ts";
import { insist, runToEnd, send } from "./load.ts";
import { type ExecutionRecord, recordOf, violationsOfCalls, violationsOfRecord } from "./soundness.ts";
import { lookIntoPostgres, openFaultStore, type StoreKind, type StoreLook } from "./store.ts";
import { until } from "./until.ts";
import { leftOver } from "./world.ts";

export interface ChaosSize {
  readonly executions: number;
  /** HTTP calls of each execution, one after the other. */
  readonly steps: number;
  readonly killEveryMs: number;
  /** The load goes on beyond `executions` until so many processes were killed, and no more are; undefined: killed to the end. */
  readonly kills: number | undefined;
}

export interface ChaosFigures {
  readonly executions: number;
  readonly seconds: number;
  readonly kills: number;
  /** Jobs that the reconciler found missing, over all lives of all processes. */
  readonly rescues: number;
  /** Calls that reached the outside, and those of them that were repeats. */
  readonly calls: number;
  readonly repeats: number;
  /** Executions that did not complete with the answers of all steps in order, and steps without a recorded result. */
  readonly lost: number;
  /** Steps with more than one recorded result. */
  readonly doubled: number;
  /** Whatever else is wrong, a sentence each. */
  readonly violations: readonly string[];
}

export type ChaosStore = StoreKind | "embedded";

/** Workers at once where they are apart from the API. */
const WORKERS = 3;
const OPEN_AT_ONCE = 50;
/** How long a step takes outside, at most. */
const STEP_MS = 100;
const ENDS_WITHIN_MS = 600_000;

type Killing = Pick<CrewOptions, "killEveryMs" | "mostKills" | "progress">;

/** A service whose workers (where it is one process: which itself) are killed all the time, and a look into its store. */
interface ChaosWorld {
  readonly url: string;
  readonly crew: Crew;
  look(): Promise<StoreLook>;
  close(): Promise<readonly (number | null)[]>;
}

/** Runs executions of some steps while processes are killed, then reads in the store what became of each. */
export async function chaos(kind: ChaosStore, size: ChaosSize): Promise<ChaosFigures> {
  const outside = await startOutside();
  outside.answer("/step", ({ path }) => {
    const asked = new URL(path, outside.url).searchParams;
    return { body: { tag: asked.get("tag"), n: Number(asked.get("n")) }, delayMs: Math.random() * STEP_MS };
  });
  const killing = {
    killEveryMs: size.killEveryMs,
    mostKills: size.kills ?? Number.POSITIVE_INFINITY,
    progress: () => outside.calls.length,
  };
  const world = kind === "embedded" ? await openSingle(killing) : await openApart(kind, killing);
  const began = performance.now();
  const runs = await runSteps(world, outside.url, size).catch(async (error: unknown) => {
    await world.close();
    throw error;
  });
  const seconds = (performance.now() - began) / 1_000;
  await world.crew.calm();
  const look = await world.look();
  await until("nothing is left", async () => (await leftOver(look)) === "").catch(() => undefined);
  const violations = [await leftOver(look)].filter((rest) => rest !== "");
  let [lost, doubled] = [0, 0];
  for (const { tag, executionId, status, output } of runs) {
    const record = await recordOf(look.events, executionId);
    const steps = countSteps(record, tag, size.steps);
    const isRight = status === "COMPLETED" && isDeepStrictEqual(output, outputOf(tag, size.steps));
    if (!isRight) violations.push(`${tag} ended ${status} with ${JSON.stringify(output)}`);
    lost += steps.lost + (isRight ? 0 : 1);
    doubled += steps.doubled;
    violations.push(...[...violationsOfRecord(record), ...steps.wrong].map((what) => `${tag}: ${what}`));
  }
  await look.close();
  const codes = await world.close();
  if (codes.some((code) => code !== 0)) violations.push(`processes ended with ${codes.join(", ")}`);
  violations.push(...violationsOfCalls(outside.calls));
  await outside.close();
  return {
    executions: runs.length,
    seconds: Math.round(seconds * 10) / 10,
    kills: world.crew.kills,
    rescues: world.crew.lines().filter(({ msg }) => RESCUES.includes(msg)).length,
    calls: outside.calls.length,
    repeats: outside.calls.length - differentCalls(outside.calls),
    lost,
    doubled,
    violations,
  };
}

const RESCUES = ["a wake-up was missing", "the job of owed work was missing"];

interface StepsRun {
  readonly tag: string;
  readonly executionId: string;
  readonly status: string;
  readonly output: unknown;
}

async function runSteps({ url, crew }: ChaosWorld, outside: string, size: ChaosSize): Promise<readonly StepsRun[]> {
  const name = `steps-${size.steps}`;
  await insist(Date.now() + ENDS_WITHIN_MS, "registration", () =>
    send(`${url}/api/v1/definitions`, "PUT", definitionOf(name, size.steps)),
  );
  const runs: StepsRun[] = [];
  let started = 0;
  const lane = async () => {
    while (started < size.executions || crew.kills < (size.kills ?? 1)) {
      started += 1;
      const tag = `run-${started}`;
      runs.push({ tag, ...(await runToEnd(url, name, tag, { url: outside, tag }, ENDS_WITHIN_MS)) });
    }
  };
  await Promise.all(Array.from({ length: OPEN_AT_ONCE }, lane));
  return runs;
}

function numbers(steps: number): readonly number[] {
  return Array.from({ length: steps }, (_, i) => i + 1);
}

function definitionOf(name: string, steps: number): JsonObject {
  const step = (n: number): JsonObject => ({
    [`step-${n}`]: {
      call: "http",
      with: {
        method: "post",
        endpoint: `\${ "\\($workflow.input.url)/step?tag=\\($workflow.input.tag)&n=${n}" }`,
      },
      export: { as: "${ { seen: (($context.seen // []) + [$output.n]) } }" },
    },
  });
  const end = { end: { set: { tag: "${ $workflow.input.tag }", seen: "${ $context.seen }" } } };
  return {
    document: { dsl: "1.0.3", namespace: "faults", name, version: "1.0.0" },
    do: [...numbers(steps).map(step), end],
  };
}

function outputOf(tag: string, steps: number): JsonObject {
  return { tag, seen: numbers(steps) };
}

/** The result of each step is recorded once, is that step's, and comes before the next step is asked for. */
function countSteps(record: ExecutionRecord | null, tag: string, steps: number) {
  const results = (record?.history ?? []).flatMap((event) => resultOf(event));
  const wrong: string[] = [];
  const counts = numbers(steps).map((n) => results.filter(({ task }) => task === `/do/${n - 1}/step-${n}`).length);
  const order = results.map(({ task }) => task);
  const inOrder = numbers(steps).map((n) => `/do/${n - 1}/step-${n}`);
  if (!isDeepStrictEqual(order, inOrder)) wrong.push(`results are recorded of ${order.join(", ")}`);
  results.forEach(({ output }, i) => {
    if (!isDeepStrictEqual(output, { tag, n: i + 1 })) wrong.push(`result ${i + 1} is ${JSON.stringify(output)}`);
  });
  return {
    lost: counts.filter((count) => count === 0).length,
    doubled: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    wrong,
  };
}

function resultOf(event: HistoryEvent): readonly { readonly task: string; readonly output: unknown }[] {
  if (event.type !== "task.completed" || event.data.asked === undefined) return [];
  return [{ task: event.data.task, output: event.data.output }];
}

function differentCalls(calls: readonly OutsideCall[]): number {
  return new Set(calls.map(({ path }) => path)).size;
}

/** An API that lives, and workers, of which one is killed at a time. */
async function openApart(kind: StoreKind, killing: Killing): Promise<ChaosWorld> {
  const store = await openFaultStore(kind);
  const { env } = store;
  const api = await startService({ entry: ["src/main.ts", "api"], env });
  const startWorker = () => startService({ entry: ["test/fault/support/worker.ts"], env });
  const crew = await startCrew({ ...killing, size: WORKERS, start: startWorker });
  return {
    url: api.url,
    crew,
    look: async () => ({ ...store, close: async () => undefined }),
    async close() {
      const codes = [...(await crew.stop()), await api.stop()];
      await store.close();
      return codes;
    },
  };
}

/** Everything in one process on the embedded store, killed some time after each start. */
async function openSingle(killing: Killing): Promise<ChaosWorld> {
  const directory = freshDirectory();
  const port = await freePort();
  const env = { DURABULL_DATA_DIR: directory, PORT: String(port) };
  const crew = await startCrew({ ...killing, size: 1, start: () => startService({ env }) });
  return {
    url: `http://127.0.0.1:${port}`,
    crew,
    look: () => lookIntoPostgres(urlOfEmbedded(directory)),
    async close() {
      const codes = await crew.stop();
      rmSync(directory, { recursive: true, force: true });
      return codes;
    },
  };
}
