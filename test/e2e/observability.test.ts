import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { createMetrics } from "../../src/observability/metrics.ts";
import { documentOf, eventually } from "../support/api.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { serviceOnStore } from "../support/service-on-store.ts";

let redis: TestServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const read = (name: string) => readFileSync(new URL(`../../docker/observability/${name}`, import.meta.url), "utf8");
/** Names of metrics in an expression of PromQL; what Prometheus makes of a histogram stands for the histogram. */
const namesIn = (expression: string) =>
  [...expression.matchAll(/\b(?:durabull|nodejs|process)_[a-z0-9_]+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ""),
  );
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

describe("given a service that has worked", () => {
  const { panels, uid } = JSON.parse(read("dashboard.json")) as { panels: readonly Panel[]; uid: string };
  const rules = (parse(read("alerts.yaml")) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  );
  const parts = serviceOnStore({ name: "Redis", fresh: async () => ({ REDIS_URL: redis.url }) });
  const metrics = async () => (await fetch(`${parts.service.metricsUrl}/metrics`)).text();
  const value = (text: string, series: string) => {
    const line = text.split("\n").find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
  const known = async () => new Set([...(await metrics()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));

  beforeAll(async () => {
    const { api, outside } = parts;
    outside.answer("/broken", () => ({ status: 400 }));
    const call = (path: string) => `{call: http, with: {method: get, endpoint: "${outside.url}${path}"}}`;
    const good = await api.start(
      documentOf(`
      - set: {set: {n: 1}}
      - pause: {wait: {milliseconds: 50}}
      - call: ${call("/good")}
    `),
    );
    const bad = await api.start(documentOf(`- call: ${call("/broken")}`));
    for (const { executionId } of [good, bad]) await api.ended(executionId);
    const gate = outside.hold("/held");
    const held = await api.start(documentOf(`- call: ${call("/held")}`));
    await outside.seen("/held");
    await api.act(held.executionId, "terminate");
    await api.ended(held.executionId);
    gate.open();
    const schedule = "{on: {one: {with: {type: seen}}}}";
    const scheduled = documentOf("- say: {set: {a: 1}}", `schedule: ${schedule}`);
    expect((await api.register(scheduled)).status).toBe(201);
    const event = { specversion: "1.0", id: "1", source: "/test", type: "seen" };
    expect((await api.ask("POST", "/api/v1/events", [event])).status).toBe(202);
    await eventually(
      metrics,
      (each) =>
        value(each, "durabull_events_delivered_total") === 1 &&
        value(each, 'durabull_executions_ended_total{status="COMPLETED"}') === 2,
    );
  });

  test("when its metrics are read, then they tell what happened", async () => {
    const text = await eventually(
      metrics,
      (each) => value(each, 'durabull_dead_letters_total{kind="execution"}') === 1,
    );
    const values = (series: Readonly<Record<string, number>>) => {
      const seen = Object.keys(series).map((each) => [each, value(text, each)]);
      expect(Object.fromEntries(seen)).toEqual(series);
    };
    values({
      durabull_executions_started_total: 4,
      durabull_events_published_total: 1,
      durabull_events_delivered_total: 1,
      durabull_event_delivery_seconds_count: 1,
      durabull_event_subscriptions: 1,
      durabull_events_undelivered: 0,
      durabull_events_undelivered_age_seconds: 0,
      'durabull_events_deferred_total{reason="inbox-full"}': 0,
      'durabull_event_sink_seconds_count{outcome="ok"}': 0,
      durabull_schedule_lateness_seconds_count: 1,
      'durabull_schedule_skipped_total{reason="given-up"}': 0,
      'durabull_executions_ended_total{status="COMPLETED"}': 2,
      'durabull_executions_ended_total{status="FAILED"}': 1,
      'durabull_step_seconds_count{kind="set",outcome="completed"}': 2,
      'durabull_step_seconds_count{kind="wait",outcome="completed"}': 1,
      'durabull_step_seconds_count{kind="call",outcome="completed"}': 1,
      'durabull_step_seconds_count{kind="call",outcome="failed"}': 1,
      'durabull_activity_seconds_count{kind="http",outcome="error"}': 1,
      'durabull_schedule_to_start_seconds_count{kind="http"}': 3,
      durabull_timer_lateness_seconds_count: 1,
      'durabull_rescues_total{kind="wake"}': 0,
      'durabull_queue_jobs{queue="durabull-dlq",state="failed"}': 1,
      'durabull_queue_oldest_age_seconds{queue="tasks"}': 0,
      'durabull_queue_due_timers{queue="timers"}': 0,
    });
    const waited = value(text, 'durabull_step_seconds_sum{kind="wait",outcome="completed"}');
    expect(waited).toBeGreaterThanOrEqual(0.05);
    expect(value(text, 'durabull_state_cache_total{result="hit"}')).toBeGreaterThan(0);
    expect(value(text, "durabull_commits_total")).toBeGreaterThanOrEqual(5);
    expect(value(text, "nodejs_eventloop_lag_p99_seconds")).toBeGreaterThan(0);
  });

  test("when the store is asked in vain, then what it knows is missing, and the rest is told", async () => {
    const away = createMetrics();
    const gone = () => Promise.reject(new Error("away"));
    away.watchEvents({ tenants: gone, eventLoad: gone });
    away.delivered(1_500);
    away.sent(false, 20);
    const text = await away.registry.metrics();
    expect(value(text, "durabull_events_undelivered")).toBeUndefined();
    expect(value(text, 'durabull_event_delivery_seconds_bucket{le="2.5"}')).toBe(1);
    expect(value(text, 'durabull_event_sink_seconds_count{outcome="error"}')).toBe(1);
  });

  test("when the dashboard is read, then every metric it shows is there, every one of ours is shown, and its panels lie side by side", async () => {
    const names = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => namesIn(expr)));
    expect(names.length).toBeGreaterThan(15);
    const there = await known();
    expect(names.filter((name) => !there.has(name))).toEqual([]);
    expect([...there].filter((name) => name?.startsWith("durabull_") && !names.includes(name))).toEqual([]);
    expect(uid).toBe("durabull");
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { type, title, targets = [] } of panels)
      if (type !== "row") expect([title, targets.length > 0]).toEqual([title, true]);
  });

  test("when the alert rules are read, then every metric they look at is there, and each says what to do", async () => {
    const there = await known();
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, expr, labels, annotations, for: duration } of rules) {
      const names = namesIn(expr);
      expect([alert, names.length > 0, names.filter((name) => !there.has(name))]).toEqual([alert, true, []]);
      expect(alert).toMatch(/^Durabull[A-Z]/);
      expect(duration).toMatch(/^\d+[sm]$/);
      expect(["info", "warning", "critical"]).toContain(labels.severity);
      expect(annotations.summary).not.toBe("");
      expect(annotations.description).not.toBe("");
      // What is named in words is a setting.
      const settings = annotations.description.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
      expect([alert, settings.filter((name) => !SETTING_NAMES.some((known) => known === name))]).toEqual([alert, []]);
      for (const [open, close] of ["()", "{}", "[]"])
        expect(expr.split(open ?? "").length).toBe(expr.split(close ?? "").length);
    }
  });
});
