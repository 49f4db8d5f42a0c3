import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Api, apiOf, type Execution, eventually, type Letter } from "../support/api.ts";
import { sweepApi, sweepBoard } from "../support/api-sweep.ts";
import { CANARY, formsIn, look, newSweep, type Sweep } from "../support/canary.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { sweepStore } from "../support/store-sweep.ts";
import { type Environment, onEachStore } from "../support/stores.ts";
import { carelessWorkflows, ENDS, type WorkflowName } from "./fixtures/canary-workflows.ts";

/** Real processes are started and stopped: on a busy machine that takes its time. */
vi.setConfig({ testTimeout: 240_000 });

const FUNCTIONS = fileURLToPath(new URL("fixtures/canary-functions.ts", import.meta.url));
const SECRETS = {
  SECRET_TEXT: `${CANARY}-text "a\\b" <é/+&=%> ${CANARY}`,
  SECRET_CREDS: JSON.stringify({ user: `${CANARY}-user`, password: `${CANARY}:p/ss+word`, all: [`${CANARY} item`] }),
};
const FILES = {
  TOKEN: `${CANARY}-token/+=\n`,
  FILED: JSON.stringify({ key: `${CANARY}-filed`, pem: `${CANARY}\nMII\n` }),
};

test.each([
  ["as it is", `<${CANARY}>`],
  ["in base64", btoa(`a${CANARY}`)],
  ["in base64 for URLs, after two bytes", Buffer.from(`ab${CANARY}é`).toString("base64url")],
  ["in a URL", encodeURIComponent(`"${CANARY}"`)],
  ["all percent-encoded", Buffer.from(CANARY).toString("hex").replaceAll(/../g, "%$&")],
  ["in JSON", JSON.stringify({ a: JSON.stringify([CANARY]) })],
  ["as PostgreSQL shows bytes", `\\x00${Buffer.from(CANARY).toString("hex")}`],
])("given the canary %s, when it is looked for, then it is found", (_, text) => {
  expect(formsIn(text)).not.toEqual([]);
});

onEachStore((store) => {
  const secrets = mkdtempSync(join(tmpdir(), "durabull-canary-"));
  let env: Environment;
  let outside: Outside;
  let collector: OtlpReceiver;
  let processes: readonly ServiceProcess[];
  let api: Api;
  /** What the API answered to those who acted, and told of changes. */
  const answers = newSweep();
  const changes = new AbortController();

  beforeAll(async () => {
    mkdirSync(secrets, { recursive: true });
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(secrets, name), text);
    [outside, collector, env] = await Promise.all([startOutside(), startOtlpReceiver(), store.fresh()]);
    const all = {
      ...env,
      ...SECRETS,
      SECRETS_DIR: secrets,
      FUNCTIONS,
      LOG_LEVEL: "trace",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    };
    const entries =
      store.name === "Redis" ? [["src/main.ts", "api"], ["test/fault/support/worker.ts"]] : [["src/main.ts"]];
    processes = await Promise.all(entries.map((entry) => startService({ entry, env: all })));
    api = apiOf(theApi());
    followChanges(theApi().url).catch(() => undefined); // it ends by being aborted
  });
  afterAll(async () => {
    changes.abort();
    for (const each of processes) await each.stop();
    await Promise.all([outside.close(), collector.close()]);
    rmSync(secrets, { recursive: true, force: true });
  });

  function theApi(): ServiceProcess {
    const [first] = processes;
    if (first === undefined) throw new Error("the service is not started yet");
    return first;
  }
  async function followChanges(url: string): Promise<void> {
    const response = await fetch(`${url}/api/v1/executions/stream`, { signal: changes.signal });
    const decoder = new TextDecoder();
    for await (const part of response.body ?? [])
      look(answers, "stream of changes", decoder.decode(part as Uint8Array));
  }
  async function ask<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await api.ask<Body>(method, path, body);
    look(answers, `${method} ${path}`, JSON.stringify(answer));
    expect(answer.status, JSON.stringify(answer)).toBeLessThan(300);
    return answer.body;
  }
  const letters = async () => (await ask<{ items: readonly Letter[] }>("GET", "/api/v1/dead-letters?limit=500")).items;
  const letterOf = (executionId: string) =>
    eventually(
      async () => (await letters()).find((each) => each.executionId === executionId && each.redrivenAt === undefined),
      (letter) => letter !== undefined,
    );

  async function runAll(): Promise<ReadonlyMap<WorkflowName, Execution>> {
    const started = await Promise.all(
      carelessWorkflows(outside).map(async ([name, document]) => {
        const asked = { document, workflowId: name, labels: { kind: name } };
        return [name, (await ask<Execution>("POST", "/api/v1/executions", asked)).executionId] as const;
      }),
    );
    const executions = new Map<WorkflowName, Execution>();
    for (const [name, executionId] of started) {
      if (name === "cancelled") {
        await outside.seen("/held-cancelled");
        await ask("POST", `/api/v1/executions/${executionId}/cancel`, { reason: "no longer wanted" });
      }
      executions.set(name, await api.ended(executionId));
    }
    return executions;
  }

  async function sweepAll(executions: readonly Execution[]): Promise<Readonly<Record<string, Sweep>>> {
    const { url } = theApi();
    const values = {
      executionId: executions.map(({ executionId }) => executionId),
      workflowId: executions.map(({ workflowId }) => workflowId),
      namespace: ["canary"],
      name: ["success"],
      version: ["1.0.0", "latest"],
      id: (await letters()).map(({ id }) => id),
      queue: ["events", "timers", "tasks", "tasks-careless"],
    };
    const [logs, spans] = [newSweep(), newSweep()];
    for (const each of processes) {
      for (const line of each.log) look(logs, `log ${line.msg}`, JSON.stringify(line));
      look(logs, "standard error", each.stderr());
    }
    for (const body of collector.bodies) look(spans, "spans", body);
    const { content, files } = await sweepStore(env);
    return { answers, api: await sweepApi(url, values), board: await sweepBoard(url), content, files, logs, spans };
  }

  test("given secrets in workflows of every fate, when everything that was stored, logged, traced and answered is looked through, then no secret is there, and one that is planted is found everywhere", async () => {
    await api.register(JSON.stringify(carelessWorkflows(outside)[0]?.[1]));
    const executions = await runAll();
    expect(Object.fromEntries([...executions].map(([name, { status }]) => [name, status]))).toEqual(ENDS);
    // They came where they were sent.
    const calls = outside.calls.filter(({ path }) => path.startsWith("/success"));
    expect(formsIn(JSON.stringify(calls))).not.toEqual([]);
    for (const name of ["refused", "thrown", "result"] as const) {
      const { executionId = "" } = executions.get(name) ?? {};
      const letter = await letterOf(executionId);
      await ask("POST", `/api/v1/dead-letters/${letter?.id}/redrive`);
      await letterOf(executionId);
    }
    await eventually(
      () => collector.bodies.join(),
      (text) => text.includes("activity throws"),
    );
    const clean = await sweepAll([...executions.values()]);
    expect(Object.keys(clean).filter((name) => clean[name]?.looked === 0)).toEqual([]);
    expect(Object.entries(clean).flatMap(([name, { found }]) => found.map((what) => `${name}: ${what}`))).toEqual([]);

    // The control: data that is no secret, wherever data can get to.
    const document = {
      document: { dsl: "1.0.3", namespace: "canary", name: "planted", version: "1.0.0" },
      do: [
        { show: { call: "shows", with: { it: "${ .it }" } } },
        { fail: { call: "refuses", with: { it: "${ .it }" } } },
      ],
    };
    const planted = { document, workflowId: CANARY, labels: { it: CANARY }, input: { it: `<${CANARY}>` } };
    const { executionId } = await ask<Execution>("POST", "/api/v1/executions", planted);
    const ended = await api.ended(executionId);
    await letterOf(executionId);
    await eventually(
      () => collector.bodies,
      (bodies) => bodies.some((body) => formsIn(body).length > 0),
    );
    const control = await sweepAll([ended]);
    expect(Object.keys(control).filter((name) => control[name]?.found.length === 0)).toEqual([]);
  });
});
