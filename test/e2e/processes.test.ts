import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Api, apiOf, documentOf, eventually } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";

/** Real processes are started and stopped: on a busy machine that takes its time. */
vi.setConfig({ testTimeout: 180_000 });

let redis: TestServer;
let outside: Outside;
let api: Api;
let apiProcess: ServiceProcess;
/** Takes wake-ups throughout. */
let decides: ServiceProcess;

const running = new Set<ServiceProcess>();

beforeAll(async () => {
  redis = await startRedis();
  outside = await startOutside();
  apiProcess = await start(["src/main.ts", "api"]);
  api = apiOf(apiProcess);
  decides = await workflow();
});
afterEach(async () => {
  for (const each of running) if (each !== apiProcess && each !== decides) await each.kill();
});
afterAll(async () => {
  for (const each of running) await each.kill();
  await outside.close();
  await redis.stop();
});

async function start(entry: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await startService({ entry, env: { REDIS_URL: redis.url, ...env } });
  running.add(service);
  void service.exited.then(() => running.delete(service));
  return service;
}
const workflow = (env = {}) => start(["workers/workflow.ts"], env);
const task = (env = {}) => start(["workers/task.ts"], env);

async function metric(service: ServiceProcess, name: string): Promise<number> {
  const text = await (await fetch(`${service.metricsUrl}/metrics`)).text();
  const counts = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}
const call = (path: string) =>
  documentOf(`- call: {call: http, with: {method: post, endpoint: "${outside.url}${path}"}}`);
const callsOf = (path: string) => outside.calls.filter((each) => each.path === path);

test("given every entry point apart, when each has started, then an execution ends, and each drains with 0", async () => {
  const parts = await Promise.all([workflow(), task(), start(["workers/dlq.ts"])]);
  const { executionId } = await api.start(call("/apart"));
  expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { ok: true } });
  for (const part of parts) process.kill(part.pid, "SIGINT");
  for (const part of parts) expect(await part.exited).toBe(0);
});

test("given a call in hand, when its worker is asked to end, then readiness is off, it finishes the call, takes no other, and exits with 0", async () => {
  const path = "/drained";
  const leaving = await task();
  const gate = outside.hold(path);
  const { executionId } = await api.start(call(path));
  await outside.seen(path);
  process.kill(leaving.pid, "SIGTERM");
  const ready = await eventually(
    async () => {
      const response = await fetch(`${leaving.healthUrl}/readyz`);
      return { status: response.status, body: (await response.json()) as { checks: { process: object } } };
    },
    ({ status }) => status === 503,
  );
  expect(ready.body.checks.process).toEqual({ ok: false, detail: "draining" });
  expect((await fetch(`${leaving.healthUrl}/livez`)).status).toBe(200);
  const later = await api.start(call(`${path}-later`));
  gate.open();
  expect(await leaving.exited).toBe(0);
  expect(callsOf(path)).toMatchObject([{ answered: true }]);
  expect(callsOf(`${path}-later`)).toEqual([]);
  const next = await task();
  for (const each of [executionId, later.executionId]) expect((await api.ended(each)).status).toBe("COMPLETED");
  expect(callsOf(path)).toHaveLength(1);
  expect(await next.stop()).toBe(0);
});

test("given a call that outlasts SHUTDOWN_GRACE, when its worker is asked to end, then it exits with 0 and another makes the call", async () => {
  const leaving = await task({ SHUTDOWN_GRACE: "100ms" });
  const gate = outside.hold("/handed-back");
  const { executionId } = await api.start(call("/handed-back"));
  await outside.seen("/handed-back");
  expect(await leaving.stop()).toBe(0);
  gate.open();
  const next = await task();
  expect((await api.ended(executionId)).status).toBe("COMPLETED");
  const keys = callsOf("/handed-back").map(({ idempotencyKey }) => idempotencyKey);
  expect(keys).toHaveLength(2);
  expect(new Set(keys).size).toBe(1);
  // Handed back is not died: nothing was redelivered, and no job was missing.
  expect(await metric(next, "durabull_redelivered_total")).toBe(0);
  expect(await metric(decides, "durabull_rescues_total")).toBe(0);
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)(
  "given a drain under way, when a second signal comes, %s, then the process exits at once with %i",
  async (signal, code) => {
    const path = `/twice-${signal}`;
    const leaving = await task({ SHUTDOWN_GRACE: "1h" });
    const gate = outside.hold(path);
    const { executionId } = await api.start(call(path));
    await outside.seen(path);
    process.kill(leaving.pid, "SIGTERM");
    await eventually(
      () => leaving.log,
      (log) => log.some(({ msg }) => msg === "draining"),
    );
    process.kill(leaving.pid, signal);
    expect(await leaving.exited).toBe(code);
    gate.open();
    await task();
    expect((await api.ended(executionId)).status).toBe("COMPLETED");
    expect(await metric(decides, "durabull_rescues_total")).toBe(0);
  },
);

test("given two task workers, when the one that makes a call is killed with -9, then the other takes it over by the stall check", async () => {
  const first = await task();
  const gate = outside.hold("/orphaned");
  const { executionId } = await api.start(call("/orphaned"));
  await outside.seen("/orphaned");
  const survivor = await task();
  await first.kill();
  await outside.seen("/orphaned", 2);
  gate.open();
  expect((await api.ended(executionId)).status).toBe("COMPLETED");
  expect(new Set(callsOf("/orphaned").map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  expect(await metric(survivor, "durabull_redelivered_total")).toBe(1);
  expect(await metric(decides, "durabull_rescues_total")).toBe(0);
});

test("given two workflow workers, when one dies with a wake-up in hand, then the other takes it over by the stall check", async () => {
  expect(await decides.stop()).toBe(0);
  const survivor = await workflow();
  // Halted, so that the wake-up is the other's; alive, so that it is the one to find it.
  process.kill(survivor.pid, "SIGSTOP");
  const doomed = await workflow({ DURABULL_FAILPOINT: "before-commit:kill:1" });
  const { executionId } = await api.start(documentOf("- done: {set: {n: 1}}"));
  await doomed.exited;
  process.kill(survivor.pid, "SIGCONT");
  expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { n: 1 } });
  expect(await metric(survivor, "durabull_redelivered_total")).toBe(1);
  expect(await metric(survivor, "durabull_rescues_total")).toBe(0);
});
