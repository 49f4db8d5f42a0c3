import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScheduleKey } from "../../src/ports/schedules.ts";
import { indexKeys } from "../../src/runtime/event-index.ts";
import { timerOf } from "../../src/runtime/schedules/firing.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, startServer } from "./support/api-world.ts";

const DAY = 86_400_000;

describe.each(["redis", "postgres"] as const)("schedules on %s, without workers", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server);
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });

  interface Body {
    readonly items: readonly { readonly name?: string }[];
    readonly nextCursor?: string;
  }
  const ask = async (method: string, path: string, body?: string) => {
    const headers = body === undefined ? {} : { headers: { "content-type": "application/yaml" }, body };
    const response = await fetch(`${world.url}/api/v1${path}`, { method, ...headers });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const key = (name: string): ScheduleKey => ({ tenant: "default", namespace: "test", name });
  const put = async (name: string, schedule: string) => {
    const text = `document: {dsl: 1.0.3, namespace: test, name: ${name}, version: 1.0.0}\nschedule: ${schedule}\ndo: [{a: {set: {b: 1}}}]`;
    return ask("PUT", "/definitions", text);
  };
  const stored = async (name: string) => {
    const found = await world.database.schedule(key(name));
    if (found === null) throw new Error(`there is no schedule ${name}`);
    return found;
  };
  const isArmed = async (name: string) => {
    const job = timerOf(await stored(name), 0, await world.events.partitions(4));
    return job !== undefined && world.queues.alive(job);
  };
  /** As though it had been due at that moment all along. */
  const dueAt = async (name: string, nextAt: number) => {
    const { revision, record } = await stored(name);
    await world.database.putSchedule(key(name), revision, { lookAt: 1, record: { ...record, nextAt } });
  };

  test("given a time beyond the horizon, when it comes near, then its timer is armed, and not before", async () => {
    expect((await put("far", "{every: P3D}")).status).toBe(201);
    expect(await isArmed("far")).toBe(false);
    const { record, lookAt } = await stored("far");
    expect(lookAt).toBe((record.nextAt ?? 0) - DAY);
    await dueAt("far", (await world.events.now()) + DAY - 60_000);
    await world.scheduler.lookAtLate();
    expect(await isArmed("far")).toBe(true);
    expect((await stored("far")).record.fired).toBe(0);
  });

  test("given a time that is due, when many look at once, then there is one execution, and the next time is armed", async () => {
    expect((await put("many", "{every: PT1H}")).status).toBe(201);
    expect(await isArmed("many")).toBe(true);
    await dueAt("many", (await world.events.now()) - 2_000);
    const looks = Array.from({ length: 8 }, () => world.scheduler.look(key("many")));
    await Promise.all([...looks, world.scheduler.lookAtLate()]);
    const { record } = await stored("many");
    expect(record).toMatchObject({ fired: 1, pending: [], open: [record.last?.executionId] });
    const { body } = await ask("GET", "/executions?label=durabull/schedule:test/many");
    expect(body.items).toHaveLength(1);
    expect(await isArmed("many")).toBe(true);
  });

  test("given schedules, when they are listed, then page by page; what is wrong with a request is refused with its place", async () => {
    for (const name of ["p1", "p2", "p3"]) await put(name, "{cron: '0 2 * * *'}");
    const first = await ask("GET", "/schedules?namespace=test&limit=2");
    const rest = await ask(
      "GET",
      `/schedules?namespace=test&cursor=${encodeURIComponent(first.body.nextCursor ?? "")}`,
    );
    const names = [...first.body.items, ...rest.body.items].map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(["p1", "p2", "p3"]));
    expect(await ask("GET", "/schedules?state=paused")).toMatchObject({
      ...{ status: 400, body: { errors: [{ pointer: "/query/state" }] } },
    });
    for (const action of ["pause", "resume", "trigger"]) {
      expect(await ask("POST", `/schedules/test/none/${action}`)).toMatchObject({
        ...{ status: 404, body: { code: "DURABULL_SCHEDULE_NOT_FOUND" } },
      });
    }
    expect(await put("often", "{every: PT0.1S}")).toMatchObject({
      ...{ status: 422, body: { errors: [{ pointer: "/schedule/every", line: 2 }] } },
    });
  });

  test("given a schedule that is behind, more than it may have pending, when the reconciler looks, then it hears all that is in the log, once", async () => {
    expect((await put("behind", "{on: {one: {with: {type: int.a}}}, read: data}")).status).toBe(201);
    const count = 250;
    const events = Array.from({ length: count }, (_, n) => {
      // The last of its type is the one before, once more.
      const id = `i${n === 248 ? 247 : n}`;
      const event = { specversion: "1.0", id, source: `/${kind}`, type: n % 5 === 4 ? "int.other" : "int.a", data: n };
      return { record: { event }, keys: indexKeys(event) };
    });
    const end = await world.database.publishEvents("default", "event", events, { ms: 3_600_000, count: 0 });
    // As though whoever delivered them had found too much pending.
    await world.database.eventsDelivered("default", end);
    const { revision, record } = await stored("behind");
    const { hearing } = record;
    expect(hearing).toMatchObject({ joined: true, collections: [] });
    const behind = hearing == null ? null : { ...hearing, behindTo: end };
    await world.database.putSchedule(key("behind"), revision, { lookAt: 1, record: { ...record, hearing: behind } });
    await world.scheduler.lookAtLate();
    const after = await stored("behind");
    expect(after).toMatchObject({ lookAt: null, record: { fired: 199, pending: [], hearing: { position: end } } });
    expect(after.record.recent?.map(({ events: led }) => led?.[0]?.id)).toContain("i247");
  });

  test("given a schedule on events, when its definition is unlisted, then nothing of it is left in the index", async () => {
    const before = await world.database.countSubscriptions("default");
    await put("gone", "{on: {any: [{with: {type: int.b}}, {with: {type: int.c}}]}}");
    expect(await world.database.countSubscriptions("default")).toBe(before + 1);
    await fetch(`${world.url}/api/v1/definitions/test/gone`, { method: "DELETE" });
    expect(await world.database.countSubscriptions("default")).toBe(before);
    expect(await world.database.schedule(key("gone"))).toBeNull();
  });
});
