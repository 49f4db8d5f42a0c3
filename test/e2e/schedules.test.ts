import { describe, expect, test } from "vitest";
import type { ScheduleBody, TriggeredBody } from "../../src/api/schemas/schedules.ts";
import type { ExecutionSummaryBody } from "../../src/client/index.ts";
import { apiOf, eventually } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

interface Problem {
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
}

let serial = 0;
const QUICK = `- say: {set: {at: '\${ $workflow.scheduledFor.iso8601 }', input: '\${ . }'}}`;
const LONG = "- pause: {wait: {hours: 1}}";
/** A registered definition with a schedule; `options` stand in its metadata. */
const definition = (schedule: string, tasks: string, options = "{}", version = "1.0.0", name = `s-${++serial}`) => ({
  name,
  text: `document: {dsl: 1.0.3, namespace: sched, name: ${name}, version: ${version}, metadata: {schedule: ${options}}}
schedule: ${schedule}
do:
${tasks}
`,
});

onEachStore((store) => {
  const on = serviceOnStore(store, { SCHEDULE_MIN_INTERVAL: "50ms" });
  const put = async (...given: Parameters<typeof definition>) => {
    const { name, text } = definition(...given);
    expect(await on.api.register(text)).toMatchObject({ status: 201 });
    return name;
  };
  const schedule = async (name: string) =>
    (await on.api.ask<ScheduleBody>("GET", `/api/v1/schedules/sched/${name}`)).body;
  const runs = async (name: string) =>
    (
      await on.api.ask<{ items: readonly ExecutionSummaryBody[] }>(
        "GET",
        `/api/v1/executions?limit=500&label=durabull/schedule:sched/${name}`,
      )
    ).body.items;
  const until = (name: string, wanted: (all: readonly ExecutionSummaryBody[]) => boolean) =>
    eventually(() => runs(name), wanted);
  const act = <Body>(name: string, action: string, body?: object) =>
    on.api.ask<Body>("POST", `/api/v1/schedules/sched/${name}/${action}`, body);

  describe("given a schedule", () => {
    test("of every second, when time goes by, then each nominal time has one execution, a whole number of seconds after the registration", async () => {
      const name = await put("{every: {milliseconds: 700}}", QUICK);
      const { since } = await schedule(name);
      await until(name, (all) => all.filter(({ status }) => status === "COMPLETED").length >= 3);
      expect((await act<ScheduleBody>(name, "pause", { reason: "enough" })).body).toMatchObject({
        ...{ state: "paused", pausedReason: "enough", every: "PT0.7S", overlap: "allow", catchUp: "last" },
      });
      const all = await runs(name);
      const nominal = all.map(({ labels }) => Date.parse(labels["durabull/scheduled-for"] ?? "")).sort((a, b) => a - b);
      expect(nominal.map((at) => (at - Date.parse(since)) / 700)).toEqual(all.map((_, i) => i + 1));
      expect(all.every(({ startedAt, labels }) => startedAt >= (labels["durabull/scheduled-for"] ?? ""))).toBe(true);
      const [latest] = all;
      const { output } = await on.api.ended(latest?.executionId ?? "");
      expect(output).toEqual({ at: latest?.labels["durabull/scheduled-for"], input: {} });
    });

    test("with cron seconds, when time goes by, then it fires at them", async () => {
      const name = await put("{cron: '*/1 * * * * *'}", QUICK, "{timeZone: Europe/Berlin}");
      await until(name, (all) => all.length >= 2);
      const view = (await act<ScheduleBody>(name, "pause")).body;
      expect(view).toMatchObject({ cron: "*/1 * * * * *", timeZone: "Europe/Berlin", state: "paused" });
      expect(
        (await runs(name)).every(({ labels }) => /:\d\d\.000Z$/.test(labels["durabull/scheduled-for"] ?? "")),
      ).toBe(true);
    });

    test("with after, when an execution ends, then the next one begins so long after it, and none before", async () => {
      const name = await put("{after: {milliseconds: 200}}", "- pause: {wait: {milliseconds: 300}}");
      await until(name, (all) => all.filter(({ status }) => status === "COMPLETED").length >= 3);
      await act(name, "pause");
      const all = [...(await runs(name))].reverse();
      for (const [i, { endedAt = "" }] of all.entries()) {
        const next = all[i + 1];
        if (next !== undefined) expect(Date.parse(next.startedAt) - Date.parse(endedAt)).toBeGreaterThanOrEqual(200);
      }
    });

    test("that skips overlaps, when an execution is open at the next times, then they are skipped, and a trigger is refused", async () => {
      const name = await put("{every: {milliseconds: 100}}", LONG, "{overlap: skip}");
      const [first] = await until(name, (all) => all.length === 1);
      await eventually(
        () => schedule(name),
        ({ skipped }) => skipped >= 2,
      );
      expect(await act<Problem>(name, "trigger")).toMatchObject({
        status: 409,
        body: { code: "DURABULL_SCHEDULE_BUSY" },
      });
      expect(await runs(name)).toHaveLength(1);
      await on.api.act(first?.executionId ?? "", "cancel");
      await until(name, (all) => all.length === 2);
      await act(name, "pause");
    });

    test("that buffers one, when an execution is open at the next times, then the first of them starts at its end", async () => {
      const name = await put("{every: {milliseconds: 100}}", LONG, "{overlap: buffer-one}");
      const [first] = await until(name, (all) => all.length === 1);
      const { buffered } = await eventually(
        () => schedule(name),
        (now) => now.buffered !== undefined && now.skipped > 0,
      );
      await on.api.act(first?.executionId ?? "", "cancel");
      await until(name, (all) => all.some(({ executionId }) => executionId === buffered?.executionId));
      expect((await act<ScheduleBody>(name, "pause")).body.buffered).toBeUndefined();
      expect(await runs(name)).toHaveLength(2);
    });

    test("that cancels what runs, when the next time comes, then that ends before the other starts", async () => {
      const name = await put("{every: {milliseconds: 400}}", LONG, "{overlap: cancel-running}");
      await until(name, (all) => all.length >= 3);
      await act(name, "pause");
      const all = [...(await runs(name))].reverse();
      for (const [i, { status, endedAt = "" }] of all.slice(0, -1).entries()) {
        expect(status).toBe("CANCELLED");
        expect(endedAt <= (all[i + 1]?.startedAt ?? "")).toBe(true);
      }
    });

    test("when it is triggered, paused or not, then an execution starts with the input, once for each idempotency key", async () => {
      const name = await put("{every: {hours: 1}}", QUICK);
      const { nextAt } = await schedule(name);
      await act(name, "pause");
      const trigger = async () => {
        const response = await fetch(`${on.service.url}/api/v1/schedules/sched/${name}/trigger`, {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": "k" },
          body: JSON.stringify({ input: { by: "Ada" } }),
        });
        return { status: response.status, body: (await response.json()) as TriggeredBody };
      };
      const one = await trigger();
      expect(one).toMatchObject({ status: 202, body: { started: true, schedule: { state: "paused", fired: 1 } } });
      expect((await trigger()).body.executionId).toBe(one.body.executionId);
      expect((await on.api.ended(one.body.executionId)).output).toEqual({ at: null, input: { by: "Ada" } });
      expect(await runs(name)).toHaveLength(1);
      const resumed = (await act<ScheduleBody>(name, "resume")).body;
      expect(resumed).toMatchObject({ state: "active", nextAt });
    });

    test("when the service is killed and comes back, then what was missed is made up for as the definition says", async () => {
      const env = { ...(await store.fresh()), SCHEDULE_MIN_INTERVAL: "50ms", SCHEDULE_MISSED_AFTER: "1s" };
      const first = await startService({ env });
      const all = definition("{every: {milliseconds: 500}}", QUICK, "{catchUp: all}");
      const none = definition("{every: {milliseconds: 500}}", QUICK, "{catchUp: none}");
      for (const { text } of [all, none]) expect(await apiOf(first).register(text)).toMatchObject({ status: 201 });
      await first.kill();
      const downUntil = Date.now() + 2_500;
      await eventually(Date.now, (now) => now >= downUntil);
      const second = await startService({ env });
      const api = apiOf(second);
      const look = async (name: string) => (await api.ask<ScheduleBody>("GET", `/api/v1/schedules/sched/${name}`)).body;
      const list = async (name: string) => {
        const query = `limit=500&label=durabull/schedule:sched/${name}`;
        const { body } = await api.ask<{ items: readonly ExecutionSummaryBody[] }>(
          "GET",
          `/api/v1/executions?${query}`,
        );
        return body.items.map(({ labels }) => Date.parse(labels["durabull/scheduled-for"] ?? "")).sort((a, b) => a - b);
      };
      await eventually(
        () => look(all.name),
        ({ fired }) => fired > 8,
      );
      await eventually(
        () => look(none.name),
        ({ fired, skipped }) => fired > 1 && skipped > 0,
      );
      for (const { name } of [all, none]) await api.ask("POST", `/api/v1/schedules/sched/${name}/pause`);
      const steps = async (name: string) => {
        const { since, fired } = await look(name);
        const moments = await eventually(
          () => list(name),
          (found) => found.length >= fired,
        );
        return moments.map((at) => (at - Date.parse(since)) / 500);
      };
      const caughtUp = await steps(all.name);
      expect(caughtUp).toEqual(caughtUp.map((_, i) => i + 1));
      // Some before it was killed, perhaps, then a gap.
      const left = await steps(none.name);
      expect(left.some((step, i) => step > (left[i - 1] ?? 0) + 2)).toBe(true);
      expect(await second.stop()).toBe(0);
    });

    test("when a newer version comes or goes, then the newest listed one's is active; unlisting all ends it", async () => {
      const name = await put("{every: {hours: 1}}", QUICK);
      const first = await schedule(name);
      await put("{every: {hours: 1}}", QUICK, "{overlap: skip}", "1.1.0", name);
      expect(await schedule(name)).toMatchObject({
        ...{ nextAt: first.nextAt, overlap: "skip", definition: { version: "1.1.0" } },
      });
      await put("{cron: '0 2 * * *'}", QUICK, "{}", "0.9.0", name);
      expect(await schedule(name)).toMatchObject({ definition: { version: "1.1.0" } });
      await put("{cron: '0 2 * * *'}", QUICK, "{}", "2.0.0", name);
      expect((await schedule(name)).nextAt).toMatch(/T02:00:00.000Z$/);
      const path = `/api/v1/definitions/sched/${name}`;
      expect(await on.api.ask("DELETE", `${path}/2.0.0`)).toMatchObject({ status: 204 });
      expect(await schedule(name)).toMatchObject({ every: "PT1H", definition: { version: "1.1.0" } });
      expect(await on.api.ask("DELETE", path)).toMatchObject({ status: 204 });
      expect(await on.api.ask("GET", `/api/v1/schedules/sched/${name}`)).toMatchObject({
        ...{ status: 404, body: { code: "DURABULL_SCHEDULE_NOT_FOUND" } },
      });
    });
  });
});
