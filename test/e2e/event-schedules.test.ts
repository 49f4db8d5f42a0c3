import { describe, expect, test } from "vitest";
import type { ScheduleBody, TriggeredBody } from "../../src/api/schemas/schedules.ts";
import type { ExecutionSummaryBody } from "../../src/client/index.ts";
import type { Json } from "../../src/values/json.ts";
import { apiOf, documentOf, eventually, type Problem } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

let serial = 0;
let eventIds = 0;
interface NewEvent {
  readonly type: string;
  readonly id?: string;
  readonly data?: Json;
}
type Tasks = readonly Readonly<Record<string, object>>[];
const LONG: Tasks = [{ pause: { wait: { hours: 1 } } }];
const SAY: Tasks = [{ say: { set: { got: "${ map(.data) }" } } }];

/** Each name has types of its own, so that no schedule hears what another test publishes. */
const definition = (
  on: object | null,
  { tasks = SAY, options = {}, version = "1.0.0", name = `on-${++serial}`, more = {} } = {},
) => ({
  name,
  text: JSON.stringify({
    document: { dsl: "1.0.3", namespace: "on", name, version, metadata: { schedule: options } },
    schedule: { ...(on === null ? {} : { on }), ...more },
    do: tasks,
  }).replaceAll("TYPE", name),
});
type Options = Parameters<typeof definition>[1];

const of = (service: Pick<ServiceProcess, "url" | "metricsUrl">) => {
  const api = apiOf(service);
  const runs = async (name: string) => {
    const path = `/api/v1/executions?limit=500&label=durabull/schedule:on/${name}`;
    const { items } = (await api.ask<{ items: readonly ExecutionSummaryBody[] }>("GET", path)).body;
    return [...items].reverse();
  };
  const schedule = async (name: string) => (await api.ask<ScheduleBody>("GET", `/api/v1/schedules/on/${name}`)).body;
  return {
    api,
    runs,
    async put(on: object | null, options: Options = {}) {
      const { name, text } = definition(on, options);
      expect(await api.register(text)).toMatchObject({ status: 201 });
      return name;
    },
    async publish(...events: readonly NewEvent[]) {
      const whole = events.map((event) => ({ specversion: "1.0", id: `e-${++eventIds}`, source: "/test", ...event }));
      expect((await api.ask("POST", "/api/v1/events", whole)).status).toBe(202);
      return whole;
    },
    schedule,
    /** What was started is noted right after. */
    fired: (name: string, wanted: number) =>
      eventually(
        () => schedule(name),
        ({ fired }) => fired >= wanted,
      ),
    act: <Body = ScheduleBody>(name: string, action: string, body?: object) =>
      api.ask<Body>("POST", `/api/v1/schedules/on/${name}/${action}`, body),
    until: (name: string, wanted: (all: readonly ExecutionSummaryBody[]) => boolean) =>
      eventually(() => runs(name), wanted),
    /** What they were given, in the order of their start. */
    async outputs(name: string, count: number) {
      await eventually(
        () => runs(name),
        (all) => all.filter(({ endedAt }) => endedAt !== undefined).length >= count,
      );
      const all = await Promise.all((await runs(name)).map(({ executionId }) => api.view(executionId)));
      return all.map(({ output }) => (output as { got: unknown } | undefined)?.got);
    },
  };
};

onEachStore((store) => {
  const on = serviceOnStore(store);
  /** After this one has started something, all that was published before was delivered. */
  const all = async () => {
    const with_ = of(on.service);
    const name = await with_.put({ one: { with: { type: "TYPE.end" } } });
    return async () => {
      const [{ id } = { id: "" }] = await with_.publish({ type: `${name}.end` });
      await with_.until(name, (found) => found.length > 0 && id !== "");
    };
  };

  describe("given a definition that starts on events", () => {
    test("one of a type, when events come right after its registration, then each starts one, a repeated one none, with all of it as input", async () => {
      const { put, publish, outputs, fired, runs } = of(on.service);
      const early = `on-${serial + 1}.a`;
      await publish({ type: early, data: "too early" });
      const name = await put({ one: { with: { type: "TYPE.a", data: "${ .n > 0 }" } } });
      expect(early).toBe(`${name}.a`);
      const [first] = await publish(...[1, 0, 2].map((n) => ({ type: `${name}.a`, data: { n } })));
      await publish(first ?? { type: "" }, { type: `${name}.b` }, { type: `${name}.a`, data: { n: 3 } });
      const seen = await outputs(name, 3);
      expect(seen.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual([
        [{ n: 1 }],
        [{ n: 2 }],
        [{ n: 3 }],
      ]);
      const [execution] = await runs(name);
      expect(execution?.workflowId).toMatch(/^on\/on-\d+@event-[0-9a-f]{32}$/);
      const view = await fired(name, 3);
      expect(view).toMatchObject({
        ...{ state: "active", fired: 3, skipped: 0, overlap: "allow" },
        on: { strategy: { one: { with: { type: `${name}.a` } } }, read: "envelope", collecting: [] },
        last: { kind: "event", events: [{ source: "/test", type: `${name}.a` }] },
      });
      expect(view.recent).toHaveLength(3);
      expect(view.nextAt).toBeUndefined();
    });

    test("all of two that belong together, when they come in any order, then each pair starts one, and what is matched can be seen", async () => {
      const { put, publish, outputs, schedule } = of(on.service);
      const by = (type: string) => ({ with: { type }, correlate: { order: { from: "${ .data.order }" } } });
      const name = await put({ all: [by("TYPE.placed"), by("TYPE.paid")] });
      const event = (type: string, order: number) => ({ type: `${name}.${type}`, data: { order, type } });
      await publish(event("placed", 1), event("paid", 2), event("placed", 3));
      const begun = await eventually(
        () => schedule(name),
        (view) => view.on?.collecting.length === 3,
      );
      expect(begun.on?.collecting[1]).toMatchObject({
        ...{ correlation: { order: 2 }, count: 1, missing: ["/schedule/on/all/0"] },
        events: [{ type: `${name}.paid` }],
      });
      await publish(event("placed", 2), event("paid", 1));
      const seen = await outputs(name, 2);
      expect(seen).toHaveLength(2);
      expect(seen).toContainEqual([event("paid", 2).data, event("placed", 2).data]);
      expect(seen).toContainEqual([event("placed", 1).data, event("paid", 1).data]);
      expect((await schedule(name)).on?.collecting).toMatchObject([{ correlation: { order: 3 } }]);
    });

    test("any until one ends it, when that comes, then what was collected starts one execution, read as data", async () => {
      const { put, publish, runs, api } = of(on.service);
      const name = await put(
        { any: [{ with: { type: "TYPE.item" } }], until: { one: { with: { type: "TYPE.close" } } } },
        { more: { read: "data" }, tasks: [{ say: { set: { got: "${ . }" } } }] },
      );
      await publish({ type: `${name}.close` });
      await publish(...[1, 2, 3].map((data) => ({ type: `${name}.item`, data })), { type: `${name}.close` });
      const [execution] = await of(on.service).until(name, (found) => found.length > 0);
      expect((await api.ended(execution?.executionId ?? "")).output).toEqual({ got: [1, 2, 3] });
      expect(await runs(name)).toHaveLength(1);
    });

    test("when a workflow of the tenant emits one, then it starts; events of histories and lifecycles, and other tenants' never do", async () => {
      const { put, outputs, api, schedule } = of(on.service);
      const name = await put({ one: { with: { type: "TYPE.a" } } });
      const quiet = await put({
        any: [{ with: { type: "io\\.serverlessworkflow\\..*" } }, { with: { type: "io\\.flunq\\..*" } }],
      });
      const emit = {
        emit: { event: { with: { source: "https://x.example", type: `${name}.a`, data: { by: "emit" } } } },
      };
      const { executionId } = await api.start(documentOf(`- e: ${JSON.stringify(emit)}`));
      await api.ended(executionId);
      const other = apiOf(on.service, "other");
      const alien = { specversion: "1.0", id: "1", source: "/o", type: `${name}.a` };
      expect((await other.ask("POST", "/api/v1/events", [alien])).status).toBe(202);
      expect(await outputs(name, 1)).toEqual([[{ by: "emit" }]]);
      expect(await schedule(quiet)).toMatchObject({ fired: 0 });
      expect(await of(on.service).fired(name, 1)).toMatchObject({ fired: 1 });
    });

    test("when it is paused, then what comes meanwhile is not heard, what was collected is kept; a trigger takes a given input", async () => {
      const { put, publish, outputs, act, schedule } = of(on.service);
      const name = await put({ all: [{ with: { type: "TYPE.a" } }, { with: { type: "TYPE.b" } }] });
      await publish({ type: `${name}.a`, data: "kept" });
      await eventually(
        () => schedule(name),
        (view) => view.on?.collecting.length === 1,
      );
      expect((await act(name, "pause", { reason: "enough" })).body).toMatchObject({ state: "paused" });
      const caughtUp = await all();
      await publish({ type: `${name}.b`, data: "missed" });
      await caughtUp();
      const triggered = await act<TriggeredBody>(name, "trigger", { input: [{ data: "by hand" }] });
      expect(triggered).toMatchObject({ status: 202, body: { started: true } });
      expect(await outputs(name, 1)).toEqual([["by hand"]]);
      expect((await act(name, "resume")).body).toMatchObject({ state: "active", fired: 1 });
      await publish({ type: `${name}.b`, data: "heard" });
      expect((await outputs(name, 2))[1]).toEqual(["kept", "heard"]);
      expect((await of(on.service).fired(name, 2)).recent.map(({ kind }) => kind)).toEqual(["event", "trigger"]);
    });

    test.each(["skip", "buffer-one", "cancel-running"])(
      "under the overlap policy %s, when events come while an execution is open, then it holds",
      async (overlap) => {
        const { put, publish, until, act, api, schedule } = of(on.service);
        const name = await put({ any: [{ with: { type: "TYPE.a" } }] }, { tasks: LONG, options: { overlap } });
        await publish({ type: `${name}.a` });
        const [first] = await until(name, (found) => found.length === 1);
        await publish({ type: `${name}.a` }, { type: `${name}.a` });
        const seen = await eventually(
          () => schedule(name),
          ({ skipped, fired }) => skipped > 0 && (overlap !== "cancel-running" || fired === 2),
        );
        if (overlap === "skip") {
          expect(seen).toMatchObject({ fired: 1, skipped: 2 });
          expect(await act<Problem>(name, "trigger")).toMatchObject({ status: 409 });
          return;
        }
        if (overlap === "buffer-one") await api.act(first?.executionId ?? "", "cancel");
        const runs = await until(name, (found) => found.length === 2);
        expect(runs[0]).toMatchObject({ status: "CANCELLED" });
        expect(await of(on.service).fired(name, 2)).toMatchObject({ fired: 2, skipped: 1 });
      },
    );

    test("beside an interval, when time goes by and events come, then both start it", async () => {
      const { put, publish, until, act } = of(on.service);
      const name = await put(
        { one: { with: { type: "TYPE.a" } } },
        { more: { every: { seconds: 1 } }, tasks: [{ s: { set: { x: 1 } } }] },
      );
      await publish({ type: `${name}.a` });
      const isTime = ({ labels }: ExecutionSummaryBody) => labels["durabull/scheduled-for"] !== undefined;
      await until(name, (found) => found.some(isTime) && !found.every(isTime));
      expect((await act(name, "pause")).body).toMatchObject({ every: "PT1S", on: { read: "envelope" } });
    });

    test("when a newer version starts on others, then only those count; unlisted, it hears nothing", async () => {
      const { put, publish, outputs, fired, api } = of(on.service);
      const name = await put({ one: { with: { type: "TYPE.old" } } });
      await put({ one: { with: { type: "TYPE.new" } } }, { name, version: "1.1.0" });
      await put({ one: { with: { type: "TYPE.old" } } }, { name, version: "1.0.1" });
      const caughtUp = await all();
      await publish({ type: `${name}.old`, data: 1 }, { type: `${name}.new`, data: 2 });
      expect(await outputs(name, 1)).toEqual([[2]]);
      expect(await fired(name, 1)).toMatchObject({ fired: 1, definition: { version: "1.1.0" } });
      expect((await api.ask("DELETE", `/api/v1/definitions/on/${name}`)).status).toBe(204);
      await publish({ type: `${name}.new`, data: 3 });
      await caughtUp();
      expect(await of(on.service).runs(name)).toHaveLength(1);
      expect((await api.ask("GET", `/api/v1/schedules/on/${name}`)).status).toBe(404);
    });

    test("when the service is killed with an event in hand, then it is heard once, and what was collected is kept", async () => {
      const env = await store.fresh();
      const first = await startService({ env: { ...env, DURABULL_FAILPOINT: "before-delivered:kill:1" } });
      const before = of(first);
      const name = await before.put({ all: [{ with: { type: "TYPE.a" } }, { with: { type: "TYPE.b" } }] });
      await before.publish({ type: `${name}.a`, data: 1 }).catch(() => undefined);
      await first.exited;
      const second = await startService({ env });
      const { outputs, schedule, publish } = of(second);
      expect((await schedule(name)).on?.collecting).toMatchObject([{ count: 1, missing: ["/schedule/on/all/1"] }]);
      await publish({ type: `${name}.a`, data: 2 }, { type: `${name}.b`, data: 3 });
      expect(await outputs(name, 1)).toEqual([[1, 3]]);
      expect(await of(second).fired(name, 1)).toMatchObject({ fired: 1, on: { collecting: [] } });
      expect(await second.stop()).toBe(0);
    });
  });
});
