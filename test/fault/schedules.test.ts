import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScheduleBody } from "../../src/api/schemas/schedules.ts";
import type { ExecutionSummaryBody } from "../../src/client/index.ts";
import { REGISTER_FAILPOINTS, SCHEDULE_FAILPOINTS } from "../../src/values/failpoints.ts";
import { startService } from "../support/service-process.ts";
import { send } from "./support/load.ts";
import type { StoreKind } from "./support/store.ts";
import { superviseKilled } from "./support/supervisor.ts";
import { until } from "./support/until.ts";
import { fromEnvironment, metricOf, openWorld, type World } from "./support/world.ts";

/** For longer runs. By default each failpoint on one store, a few on the other: what stands between them is the same code. */
const killsOn = (kind: StoreKind) =>
  fromEnvironment("SCHEDULE_KILLS", kind === "postgres" ? SCHEDULE_FAILPOINTS.length : 2);
/** On the way from an event to what it starts. */
const KILLED_HEARING = [
  ...["after-schedule-heard", "before-schedule-heard", "after-schedule-started", "before-delivered"],
  ...["before-deliver", "before-schedule-armed"],
];
const hearingKillsOn = (kind: StoreKind) => fromEnvironment("SCHEDULE_KILLS", kind === "redis" ? 4 : 1);
const anEvent = (type: string, id: string, pair: string) => ({
  ...{ specversion: "1.0", id, source: "/faults", type, pair },
});
const EVERY_MS = 400;
const LIMIT_MS = 300_000;
const KINDS: readonly StoreKind[] = ["redis", "postgres"];

const definition = (name: string, schedule: object, options: object, pauseMs: number) => ({
  document: { dsl: "1.0.3", namespace: "faults", name, version: "1.0.0", metadata: { schedule: options } },
  schedule,
  do: [{ pause: { wait: { milliseconds: pauseMs } } }],
});

describe.each(KINDS)("schedules on %s", (kind) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld(kind, { SCHEDULE_MIN_INTERVAL: "50ms" });
  }, LIMIT_MS);
  afterAll(() => world?.close());

  const put = async (...given: Parameters<typeof definition>) => {
    const { status } = await send(`${world.api.url}/api/v1/definitions`, "PUT", definition(...given));
    expect(status).toBe(201);
  };
  const at = (name: string) => `${world.api.url}/api/v1/schedules/faults/${name}`;
  const view = async (name: string) => (await send(at(name), "GET")).body as unknown as ScheduleBody;
  /** Oldest first; all of them, as far as the lists know. */
  const runs = async (name: string): Promise<readonly ExecutionSummaryBody[]> => {
    const query = `limit=500&label=durabull/schedule:faults/${name}`;
    const { body } = await send(`${world.api.url}/api/v1/executions?${query}`, "GET");
    return [...(body.items as readonly ExecutionSummaryBody[])].reverse();
  };
  const nominal = (all: readonly ExecutionSummaryBody[]) =>
    all.map(({ labels }) => Date.parse(labels["durabull/scheduled-for"] ?? "")).sort((one, other) => one - other);
  /** Paused, all that was started has ended, and nothing waits. */
  const stopped = async (name: string): Promise<readonly ExecutionSummaryBody[]> => {
    await send(`${at(name)}/pause`, "POST");
    const isOver = async () => {
      const { fired } = await view(name);
      const all = await runs(name);
      return all.length >= fired && all.every(({ endedAt }) => endedAt !== undefined);
    };
    await until("all that was started has ended", isOver);
    return runs(name);
  };
  const expectEach = (all: readonly ExecutionSummaryBody[], since: string) => {
    const steps = nominal(all).map((time) => (time - Date.parse(since)) / EVERY_MS);
    expect(steps).toEqual(all.map((_, i) => i + 1));
  };

  test(
    "given a worker killed at moments of a firing, when schedules fire, then each nominal time has one execution, and none overlaps that must not",
    async () => {
      await put("each", { every: { milliseconds: EVERY_MS } }, { catchUp: "all" }, 100);
      await put("one", { every: { milliseconds: EVERY_MS } }, { overlap: "buffer-one" }, 500);
      await put("then", { after: { milliseconds: 100 } }, {}, 100);
      const kills = killsOn(kind);
      const killed = superviseKilled(world.startWorker, kills, SCHEDULE_FAILPOINTS);
      await until("it was killed often enough", () => killed.total() >= kills, LIMIT_MS);
      await killed.stop();
      const before = await runs("then");
      await until("what comes after an end still comes", async () => (await runs("then")).length > before.length);
      const { since } = await view("each");
      expectEach(await stopped("each"), since);
      for (const name of ["one", "then"]) {
        const all = await stopped(name);
        expect(all.length).toBeGreaterThan(2);
        all.slice(1).forEach(({ startedAt }, i) => {
          expect(startedAt >= (all[i]?.endedAt ?? "never")).toBe(true);
        });
      }
    },
    LIMIT_MS,
  );

  test(
    "given a schedule, when all queues are wiped, then its timer is missed, made again, and no time is lost or doubled",
    async () => {
      await put("wiped", { every: { milliseconds: EVERY_MS } }, { catchUp: "all" }, 10);
      await until("it fires", async () => (await runs("wiped")).length > 1);
      await world.store.wipeQueues();
      const before = (await runs("wiped")).length;
      await until("it fires on", async () => (await runs("wiped")).length > before + 2);
      expectEach(await stopped("wiped"), (await view("wiped")).since);
    },
    LIMIT_MS,
  );

  test.each(REGISTER_FAILPOINTS)(
    "given an API killed at %s, when a definition with a schedule is registered, then there is a schedule if there is a definition",
    async (point) => {
      const name = `killed-${point}`;
      const env = { ...world.store.env, DURABULL_FAILPOINT: `${point}:kill:1` };
      const api = await startService({ entry: ["src/main.ts", "api"], env });
      const on = { one: { with: { type: name } } };
      const body = definition(name, { every: { hours: 1 }, on }, {}, 10);
      expect(await send(`${api.url}/api/v1/definitions`, "PUT", body).catch(() => "no answer")).toBe("no answer");
      await api.exited;
      const isThere = (await send(`${world.api.url}/api/v1/definitions/faults/${name}`, "GET")).status === 200;
      expect(isThere).toBe(point !== "before-register");
      if (isThere) await until("somebody looked", async () => (await view(name)).nextAt !== undefined);
      // As a client that saw no answer would.
      expect((await send(`${world.api.url}/api/v1/definitions`, "PUT", body)).status).toBe(isThere ? 200 : 201);
      expect(await view(name)).toMatchObject({ every: "PT1H", state: "active", fired: 0 });
      await send(`${world.api.url}/api/v1/events`, "POST", [anEvent(name, kind, "")]);
      await until("it hears", async () => (await view(name)).fired === 1);
    },
    LIMIT_MS,
  );

  test(
    "given a process killed at moments between an event and what it starts, when others look, then each event starts one, and each pair",
    async () => {
      const wait = (name: string, on: object) => put(name, { on }, {}, 10);
      const by = (type: string) => ({ with: { type }, correlate: { pair: { from: ".pair" } } });
      await wait("single", { one: { with: { type: "faults.a" } } });
      await wait("paired", { all: [by("faults.a"), by("faults.b")] });
      const points = KILLED_HEARING.slice(0, hearingKillsOn(kind));
      for (const [pair, point] of points.entries()) {
        const env = { ...world.store.env, DURABULL_FAILPOINT: `${point}:kill:1` };
        const api = await startService({ entry: ["src/main.ts", "api"], env });
        const events = ["a", "b"].map((each) => anEvent(`faults.${each}`, `${kind}-${each}${pair}`, String(pair)));
        const answer = await send(`${api.url}/api/v1/events`, "POST", events).catch(() => undefined);
        const isDone = async () => (await view("paired")).fired > pair && (await view("single")).fired > pair;
        // Killed, or somebody else was faster.
        await Promise.race([api.exited, until("it is heard", isDone)]);
        // As a client that saw no answer would.
        if (answer === undefined) await send(`${world.api.url}/api/v1/events`, "POST", events);
        await until("both have started", isDone);
        await api.kill();
      }
      for (const name of ["single", "paired"]) {
        const all = await stopped(name);
        expect(all.map(({ status }) => status)).toEqual(points.map(() => "COMPLETED"));
        expect((await view(name)).fired).toBe(points.length);
      }
    },
    LIMIT_MS,
  );

  test("given all that, when the workers are asked, then they count what fired", async () => {
    const counts = await Promise.all(world.workers.map((each) => metricOf(each, "durabull_schedule_firings_total")));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
  });
});
