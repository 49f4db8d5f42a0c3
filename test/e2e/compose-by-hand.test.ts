import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { apiOf, documentOf } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";

/** Real processes are started and stopped: on a busy machine that takes its time. */
vi.setConfig({ testTimeout: 180_000 });

const EXECUTIONS = Number(process.env.COMPOSE_EXECUTIONS ?? 500);
const AT_ONCE = 20;
const root = fileURLToPath(new URL("../..", import.meta.url));

interface ComposeService {
  readonly command: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly deploy?: { readonly replicas?: number };
}
const { services } = parse(readFileSync(join(root, "docker/compose.yaml"), "utf8"), { merge: true }) as {
  services: Readonly<Record<string, ComposeService>>;
};

let redis: TestServer;
let outside: Outside;
const processes = new Map<string, ServiceProcess[]>();
const all = () => [...processes.values()].flat();

/** What the image does (the build) and what Compose starts, on this machine: no container engine is needed for it to be right. */
beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(root, "scripts/build.mjs")], { encoding: "utf8" });
  expect(built.stderr + built.stdout).toContain("built: dist/");
  expect(services.redis?.command).toMatch(/^redis-server /);
  redis = await startRedis({ more: services.redis?.command.split(" ").slice(1) ?? [] });
  outside = await startOutside();
  for (const [name, { command, environment, deploy }] of Object.entries(services)) {
    const [program, ...entry] = command.split(" ");
    if (program !== "node") continue;
    const env = { ...environment, REDIS_URL: redis.url, HOST: "127.0.0.1", NODE_ENV: "production" };
    const replicas = Array.from({ length: deploy?.replicas ?? 1 }, () => startService({ entry, env }));
    processes.set(name, await Promise.all(replicas));
  }
});
afterAll(async () => {
  for (const each of all()) await each.kill();
  await outside?.close();
  await redis?.stop();
});

test(`given the processes of compose.yaml, when ${EXECUTIONS} executions run, then all end, none is doubled, and each process drains with 0`, async () => {
  expect([...processes].map(([name, running]) => [name, running.length])).toEqual([
    ["api", 1],
    ["workflow", 2],
    ["task", 2],
    ["dlq", 1],
  ]);
  const [service] = processes.get("api") ?? [];
  if (service === undefined) throw new Error("there is no API");
  const api = apiOf(service);
  const registered = await api.register(
    `document: { dsl: 1.0.3, namespace: compose, name: order, version: 1.0.0 }
do:
  - reserve: { call: http, with: { method: post, endpoint: "${outside.url}/reserve", body: { order: "\${ .order }" } } }
  - pause: { wait: { milliseconds: 100 } }
  - ship: { call: http, with: { method: post, endpoint: "${outside.url}/ship", body: "\${ $workflow.input }" } }
  - done: { set: { order: "\${ $workflow.input.order }" } }
`,
  );
  expect(registered.status).toBe(201);
  const ended: { readonly order: number; readonly status: string; readonly output: unknown }[] = [];
  const lengths: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < EXECUTIONS) {
      const order = next++;
      const { status, body } = await api.ask<{ executionId: string }>("POST", "/api/v1/executions", {
        definition: { namespace: "compose", name: "order" },
        workflowId: `order-${order}`,
        input: { order },
      });
      expect(status).toBe(201);
      const execution = await api.ended(body.executionId);
      lengths.push(execution.historyLength);
      ended.push({ order, status: execution.status, output: execution.output });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));

  ended.sort((a, b) => a.order - b.order);
  expect(ended).toEqual(
    Array.from({ length: EXECUTIONS }, (_, order) => ({ order, status: "COMPLETED", output: { order } })),
  );
  // On a starved machine a call may be repeated, with the key of the first; for other orders there are other keys.
  for (const path of ["/reserve", "/ship"]) {
    const made = outside.calls.filter((call) => call.path === path);
    const keys = new Map(made.map(({ body, idempotencyKey }) => [JSON.parse(body).order as number, idempotencyKey]));
    expect([...keys.keys()].sort((x, y) => x - y)).toEqual(Array.from({ length: EXECUTIONS }, (_, order) => order));
    expect(new Set(keys.values()).size).toBe(EXECUTIONS);
    expect(made.filter(({ body, idempotencyKey }) => keys.get(JSON.parse(body).order) !== idempotencyKey)).toEqual([]);
  }
  // Each decision once: all histories are as long as one another, and one of them is as it should be.
  expect(new Set(lengths).size).toBe(1);
  const types = (await api.workflowHistory("order-0")).map(({ type }) => type);
  expect(types.filter((type) => type === "io.flunq.workflow.completed")).toHaveLength(1);
  expect(types.filter((type) => type === "io.flunq.task.requested")).toHaveLength(2);
  for (const [name, running] of processes) {
    for (const each of running) {
      const text = await (await fetch(`${each.metricsUrl}/metrics`)).text();
      const total = (metric: string) =>
        [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce(
          (sum, [, n]) => sum + Number(n),
          0,
        );
      expect([name, total("durabull_rescues_total"), total("durabull_dead_letters_total")]).toEqual([name, 0, 0]);
      if (name === "workflow") expect(total("durabull_commits_total")).toBeGreaterThan(0);
      if (name === "task") expect(total("durabull_activity_seconds_count")).toBeGreaterThan(0);
    }
  }
  expect(await Promise.all(all().map((each) => each.stop()))).toEqual(all().map(() => 0));
});

test("given the build, when what it reads at run time is asked for, then pages, queues and descriptions are in it", async () => {
  const service = await startService({ entry: ["dist/src/main.js", "api"], env: { REDIS_URL: redis.url } });
  for (const path of ["/", "/queues", "/openapi.json", "/api/v1/executions", "/readyz"]) {
    expect([path, (await fetch(service.url + path)).status]).toEqual([path, 200]);
  }
  const missing = await apiOf(service).tryStart(documentOf("- nothing: {}"));
  expect(missing.status).toBe(422);
  expect(await service.stop()).toBe(0);
});
