import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { apiOf, documentOf, type Execution } from "../support/api.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { startService } from "../support/service-process.ts";

/** Real processes are started and stopped: on a busy machine that takes its time. */
vi.setConfig({ testTimeout: 180_000 });

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SECRET = "correct-horse-battery";

let redis: TestServer;
let outside: Outside;
let receiver: OtlpReceiver;
beforeAll(async () => {
  [redis, outside, receiver] = await Promise.all([startRedis(), startOutside(), startOtlpReceiver()]);
});
afterAll(async () => {
  await outside.close();
  await receiver.close();
  await redis.stop();
});

async function startTraced(url: string, document: string, headers: Readonly<Record<string, string>>) {
  const response = await fetch(`${url}/api/v1/executions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ document }),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as Execution;
}
const twoCalls = (prefix: string) =>
  documentOf(`
    - first: {call: http, with: {method: get, endpoint: "${outside.url}${prefix}/first"}}
    - pause: {wait: {seconds: 3}}
    - second: {call: http, with: {method: get, endpoint: "${outside.url}${prefix}/second"}}
  `);
const callTo = (path: string) => outside.calls.find((call) => call.path === path);

test("given a collector, when a caller's trace starts an execution that outlives a process, then API, wakes, activities and calls are in that trace", async () => {
  const env = {
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${SECRET}`,
    OTEL_SERVICE_NAME: "orders",
    LOG_LEVEL: "debug",
  };
  const first = await startService({ env });
  const { executionId } = await startTraced(first.url, twoCalls("/traced"), {
    traceparent: `00-${TRACE}-${CALLER}-01`,
    tracestate: "vendor=1",
  });
  await apiOf(first).until(executionId, ({ waitingFor }) => waitingFor[0]?.kind === "timer");
  expect(await first.stop()).toBe(0);
  const second = await startService({ env });
  expect(await apiOf(second).ended(executionId)).toMatchObject({ status: "COMPLETED" });
  expect(await second.stop()).toBe(0);

  const spans = receiver.spans.filter(({ traceId }) => traceId === TRACE);
  const named = (name: string) => spans.filter((span) => span.name === name);
  const [start] = named("POST /api/v1/executions");
  expect(named("POST /api/v1/executions")).toHaveLength(1);
  expect(start).toMatchObject({ parentSpanId: CALLER, kind: 2, service: "orders" });
  const wakes = named("wake");
  expect(wakes.length).toBeGreaterThanOrEqual(3);
  for (const wake of wakes) {
    expect(wake).toMatchObject({ parentSpanId: start?.spanId, attributes: { "durabull.execution_id": executionId } });
  }
  const activities = named("activity http");
  expect(activities.map(({ attributes }) => attributes["durabull.task"])).toEqual(["/do/0/first", "/do/2/second"]);
  const wakeIds = wakes.map(({ spanId }) => spanId);
  for (const activity of activities) expect(wakeIds).toContain(activity.parentSpanId);
  const calls = named("GET");
  expect(calls.map(({ parentSpanId }) => parentSpanId)).toEqual(activities.map(({ spanId }) => spanId));
  expect(calls.map(({ kind }) => kind)).toEqual([3, 3]);
  ["/traced/first", "/traced/second"].forEach((path, index) => {
    expect(callTo(path)?.headers).toMatchObject({
      traceparent: `00-${TRACE}-${calls[index]?.spanId}-01`,
      tracestate: "vendor=1",
    });
  });
  expect(receiver.headers[0]).toMatchObject({ "x-api-key": SECRET });
  const lines = [...first.log, ...second.log];
  const answered = lines.filter(({ msg }) => msg === "activity answered");
  expect(answered.map(({ trace_id }) => trace_id)).toEqual([TRACE, TRACE]);
  expect(answered.map(({ span_id }) => span_id)).toEqual(activities.map(({ spanId }) => spanId));
  expect(JSON.stringify(lines)).not.toContain(SECRET);
});

test("given no collector, when a caller's trace starts an execution, then its calls carry that trace as it is, and what is malformed is dropped", async () => {
  const service = await startService({ env: { REDIS_URL: redis.url } });
  const api = apiOf(service);
  const traceparent = `00-${TRACE}-${CALLER}-01`;
  const good = await startTraced(service.url, twoCalls("/passed"), { traceparent });
  const bad = await startTraced(service.url, twoCalls("/dropped"), { traceparent: "00-zz-zz-01", tracestate: "v=1" });
  const own = await startTraced(
    service.url,
    documentOf(
      `- call: {call: http, with: {method: get, endpoint: "${outside.url}/own", headers: {traceparent: mine}}}`,
    ),
    { traceparent },
  );
  for (const { executionId } of [good, bad, own]) expect((await api.ended(executionId)).status).toBe("COMPLETED");
  for (const path of ["/passed/first", "/passed/second"]) expect(callTo(path)?.headers.traceparent).toBe(traceparent);
  expect(callTo("/dropped/first")?.headers.traceparent).toBeUndefined();
  expect(callTo("/own")?.headers.traceparent).toBe("mine");
  expect(await service.stop()).toBe(0);
});

test("given a collector that is away, when executions run, then they end, and the process drains with 0", async () => {
  const service = await startService({
    env: { REDIS_URL: redis.url, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" },
  });
  const api = apiOf(service);
  const { executionId } = await api.start(documentOf("- done: {set: {n: 1}}"));
  expect((await api.ended(executionId)).status).toBe("COMPLETED");
  expect(await service.stop()).toBe(0);
});

test("given no endpoint, when the service's code is loaded, then no SDK of OpenTelemetry is", () => {
  const code = `await import("./src/compose.ts");
    const { createRequire } = await import("node:module");
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    const named = [...new Set(loaded.map((path) => /@opentelemetry[\\\\/]([^\\\\/]+)/.exec(path)?.[1]).filter(Boolean))];
    process.stdout.write(JSON.stringify(named));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", code], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual(["api"]);
});
