import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readUntil } from "../support/read-until.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, type StoreKind, startServer } from "./support/api-world.ts";

const KINDS: readonly StoreKind[] = ["redis", "postgres"];
const anEvent = { specversion: "1.0", id: "e1", source: "/test", type: "t.one", data: { n: 1 } };
const STRUCTURED = "application/cloudevents+json";
const BATCHED = "application/cloudevents-batch+json";

describe.each(KINDS)("on %s", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  let tenants = 0;
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server);
  });
  afterAll(async () => {
    await world?.close();
    await server?.stop();
  });
  const freshTenant = () => {
    tenants += 1;
    return `t${tenants}`;
  };
  const post = async (body: string | Uint8Array | undefined, headers: Record<string, string>, tenant = "default") => {
    const init = {
      method: "POST",
      headers: { "x-tenant-id": tenant, ...headers },
      ...(body === undefined ? {} : { body }),
    };
    const answer = await fetch(`${world.url}/api/v1/events`, init);
    const text = await answer.text();
    return { status: answer.status, body: JSON.parse(text === "" ? "null" : text) };
  };
  const kept = async (tenant: string) => (await world.database.publishedEvents(tenant, "event", 0, 100)).events;

  describe("given events in the content modes of CloudEvents, when they are posted, then they are kept as they came", () => {
    test.each([
      ["structured", STRUCTURED, anEvent, 1],
      ["structured, with a charset", `${STRUCTURED}; charset=utf-8`, anEvent, 1],
      ["as plain JSON", "application/json", anEvent, 1],
      ["batched", BATCHED, [anEvent, { ...anEvent, id: "e2", data: 0, ext: "größe" }], 2],
      ["as a plain list", "application/json", [anEvent], 1],
      ["an empty batch", BATCHED, [], 0],
    ])("%s", async (_, type, body, accepted) => {
      const tenant = freshTenant();
      expect(await post(JSON.stringify(body), { "content-type": type }, tenant)).toEqual({
        status: 202,
        body: { accepted },
      });
      expect((await kept(tenant)).map(({ event }) => event)).toEqual([body].flat());
    });

    const headers = { "ce-id": "e1", "ce-source": "/test", "ce-type": "t.one", "ce-specversion": "1.0" };
    const attributes = { specversion: "1.0", id: "e1", source: "/test", type: "t.one" };
    test.each<[string, Record<string, string>, string | Uint8Array | undefined, object]>([
      [
        "JSON",
        { "content-type": "application/json" },
        '{"n" : 1}',
        { event: { ...attributes, datacontenttype: "application/json", data: { n: 1 } }, raw: '{"n" : 1}' },
      ],
      [
        "text",
        { "content-type": "text/plain" },
        "größe",
        { event: { ...attributes, datacontenttype: "text/plain", data: "größe" } },
      ],
      [
        "bytes",
        { "content-type": "image/png" },
        new Uint8Array([0, 255]),
        { event: { ...attributes, datacontenttype: "image/png", data_base64: "AP8=" } },
      ],
      [
        "no data",
        { "ce-subject": "a%20b", "ce-time": "2030-01-01T00:00:00Z", "ce-myext": "x" },
        undefined,
        { event: { ...attributes, subject: "a b", time: "2030-01-01T00:00:00Z", myext: "x" } },
      ],
    ])("binary, with %s", async (_, more, body, expected) => {
      const tenant = freshTenant();
      expect(await post(body, { ...headers, ...more }, tenant)).toMatchObject({ status: 202 });
      const { position: _position, at: _at, ...rest } = (await kept(tenant))[0] ?? {};
      expect(rest).toEqual(expected);
    });
  });

  describe("given what is no event, when it is posted, then nothing is kept and the place of the fault is told", () => {
    const { id: _id, ...noId } = anEvent;
    test.each<[string, string, string, number, string | undefined]>([
      ["no id", STRUCTURED, JSON.stringify(noId), 400, "/id"],
      ["another version", STRUCTURED, JSON.stringify({ ...anEvent, specversion: "0.3" }), 400, "/specversion"],
      ["a wrong time", STRUCTURED, JSON.stringify({ ...anEvent, time: "yesterday" }), 400, "/time"],
      ["a structured attribute", STRUCTURED, JSON.stringify({ ...anEvent, ext: {} }), 400, "/ext"],
      ["one of a batch", BATCHED, JSON.stringify([anEvent, { ...anEvent, type: "" }]), 400, "/1/type"],
      [
        "a type of histories",
        STRUCTURED,
        JSON.stringify({ ...anEvent, type: "io.flunq.task.completed" }),
        400,
        "/type",
      ],
      ["too many", BATCHED, JSON.stringify(Array.from({ length: 1_001 }, () => anEvent)), 400, ""],
      ["an empty list as one event", STRUCTURED, "[]", 400, ""],
      ["a list as one event", `${STRUCTURED}; charset=utf-8`, JSON.stringify([anEvent]), 400, ""],
      ["no JSON", STRUCTURED, "{", 400, ""],
      ["no body", STRUCTURED, "", 400, ""],
      ["another media type", "text/plain", "hello", 400, undefined],
      ["too large", STRUCTURED, JSON.stringify({ ...anEvent, data: "x".repeat(100_001) }), 413, undefined],
    ])("%s", async (_, type, body, status, pointer) => {
      const tenant = freshTenant();
      const answer = await post(body, { "content-type": type }, tenant);
      expect(answer).toMatchObject({ status, body: { code: expect.stringMatching(/^DURABULL_/) } });
      if (pointer !== undefined) expect(answer.body.errors[0]).toMatchObject({ pointer });
      expect(await kept(tenant)).toEqual([]);
    });

    test("a list as one event is told how to send it", async () => {
      const { body } = await post("[]", { "content-type": STRUCTURED });
      expect(body.detail).toBe(
        "application/cloudevents+json is one event; send a list as application/cloudevents-batch+json",
      );
    });

    test("a header that is missing", async () => {
      const answer = await post(undefined, { "ce-type": "t", "ce-source": "/a" });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: "/headers/ce-id" }] } });
    });
  });

  test("given a post under an idempotency key, when it is repeated, then its events are there once; another body is refused", async () => {
    const tenant = freshTenant();
    const headers = { "content-type": BATCHED, "idempotency-key": "k1" };
    for (let i = 0; i < 3; i++) {
      expect(await post(JSON.stringify([anEvent, anEvent]), headers, tenant)).toMatchObject({
        status: 202,
        body: { accepted: 2 },
      });
    }
    expect(await kept(tenant)).toHaveLength(2);
    expect(await post(JSON.stringify([anEvent]), headers, tenant)).toMatchObject({ status: 422 });
  });

  test("given a stream of events, when its position or parameters are wrong, then it is refused", async () => {
    const get = async (path: string, headers = {}) =>
      (await fetch(`${world.url}/api/v1/events/stream${path}`, { headers })).status;
    expect(await get("?after=x")).toBe(400);
    expect(await get("?nothing=1")).toBe(400);
    expect(await get("", { "last-event-id": "1" })).toBe(400);
  });

  test("given events of another tenant, when a tenant follows, then it sees its own only, from the position it names", async () => {
    const [mine, theirs] = [freshTenant(), freshTenant()];
    const event = (id: string) => JSON.stringify({ ...anEvent, id });
    await post(event("a"), { "content-type": STRUCTURED }, mine);
    await post(event("b"), { "content-type": STRUCTURED }, theirs);
    await post(event("c"), { "content-type": STRUCTURED }, mine);
    const controller = new AbortController();
    const response = await fetch(`${world.url}/api/v1/events/stream?after=0-0&type=t.*`, {
      headers: { "x-tenant-id": mine },
      signal: controller.signal,
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const text = await readUntil(reader, '"id":"c"');
    controller.abort();
    expect([...text.matchAll(/^id: (.*)\nevent: (.*)$/gm)].map(([, id, type]) => [id, type])).toEqual([
      ["1-0", "t.one"],
      ["2-0", "t.one"],
    ]);
    expect(text).not.toContain('"id":"b"');
  });
});
