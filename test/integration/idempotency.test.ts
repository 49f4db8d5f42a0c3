import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aLetter, workflowFailed } from "../support/build.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, QUICK, startServer } from "./support/api-world.ts";

const YAML = { "content-type": "application/yaml" };
let serial = 0;
const fresh = () => {
  serial += 1;
  return `key-${serial}`;
};

describe.each(["redis", "postgres"] as const)("Idempotency-Key on %s", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server);
    await post("/definitions/validate", QUICK, undefined, YAML);
    await world.app.inject({ method: "PUT", url: "/api/v1/definitions", payload: QUICK, headers: YAML });
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });

  async function post(path: string, body?: unknown, key?: string, headers: Record<string, string> = {}) {
    const response = await world.app.inject({
      method: "POST",
      url: `/api/v1${path}`,
      headers: { ...headers, ...(key === undefined ? {} : { "idempotency-key": key }) },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return { status: response.statusCode, body: response.json() };
  }
  const definition = { namespace: "test", name: "quick" };
  const start = (more: object, key?: string, headers?: Record<string, string>) =>
    post("/executions", { definition, ...more }, key, headers);
  const reused = { status: 422, body: { code: "DURABULL_IDEMPOTENCY_KEY_REUSED" } };
  /** Messages that an execution has been given. */
  const inbox = async (id: string) => (await world.events.read(id, { after: 0, inboxLimit: 100 }))?.inbox.length;

  describe("of starts", () => {
    test("given a key, when it comes with another body, then 422, whatever differs; with the same in another order, the same", async () => {
      const key = fresh();
      const first = await start({ input: { a: 1, b: 2 } }, key);
      expect(first.status).toBe(201);
      for (const other of [
        { input: { a: 1 } },
        { workflowId: "mine", input: { a: 1, b: 2 } },
        { labels: { a: "b" }, input: { a: 1, b: 2 } },
      ]) {
        expect(await start(other, key)).toMatchObject(reused);
      }
      const again = await post("/executions?wait=1ms", { input: { b: 2, a: 1 }, definition }, key);
      expect(again).toMatchObject({ status: 200, body: { executionId: first.body.executionId, created: false } });
    });

    test("given a key, when another tenant uses it, or another route, then that is its own", async () => {
      const key = fresh();
      const { body } = await start({}, key);
      await world.app.inject({
        method: "PUT",
        url: "/api/v1/definitions",
        payload: QUICK,
        headers: { ...YAML, "x-tenant-id": "other" },
      });
      const other = await start({ input: 7 }, key, { "x-tenant-id": "other" });
      expect(other.status).toBe(201);
      expect(other.body.executionId).not.toBe(body.executionId);
      expect(await post(`/executions/${body.executionId}/pause`, { reason: "lunch" }, key)).toMatchObject({
        status: 202,
      });
    });

    test("given use-existing, when the start is repeated after that one has ended, then it is still the same answer", async () => {
      const workflowId = fresh();
      const { body } = await start({ workflowId });
      const key = fresh();
      const joined = await start({ workflowId, onOpen: "use-existing" }, key);
      expect(joined.body).toMatchObject({ executionId: body.executionId, created: false });
      await post(`/executions/${body.executionId}/terminate`);
      const again = await start({ workflowId, onOpen: "use-existing" }, key);
      expect(again).toMatchObject({ status: 200, body: { executionId: body.executionId, status: "CANCELLED" } });
    });

    test("given a start that was refused, when it is sent again once nothing is in the way, then it starts", async () => {
      const workflowId = fresh();
      const { body } = await start({ workflowId });
      const key = fresh();
      expect((await start({ workflowId }, key)).status).toBe(409);
      await post(`/executions/${body.executionId}/terminate`);
      expect((await start({ workflowId }, key)).status).toBe(201);
    });

    test("given a process that died after it had reserved the key, or after the start, when it is sent again, then there is one execution", async () => {
      // What such a process leaves: the reservation, and perhaps the execution.
      const key = fresh();
      const { body } = await start({ input: 1 }, key);
      const { executionId, workflowId } = body;
      const again = await start({ input: 1 }, key);
      expect(again.body).toMatchObject({ executionId, workflowId, created: false });
      const heads = await world.events.executionsOf({ tenant: "default", workflowId });
      expect(heads).toEqual([executionId]);
      const early = fresh();
      const request = { route: "POST /api/v1/executions", key: early, tenant: "default" };
      const seen: string[] = [];
      const start2 = async () => seen.push((await start({ input: 2 }, early)).body.executionId);
      await Promise.all([start2(), start2(), start2()]);
      expect(new Set(seen).size).toBe(1);
      await expect(world.executions.begin({ ...request, body: "another" })).rejects.toMatchObject(reused.body);
    });
  });

  describe("of actions", () => {
    test.each(["pause", "resume", "cancel"])(
      "given %s under a key, when it is repeated, then there is one fact, and the same answer even after the end",
      async (action) => {
        const { executionId } = (await start({})).body;
        const key = fresh();
        const path = `/executions/${executionId}/${action}`;
        expect((await post(path, { reason: "r" }, key)).status).toBe(202);
        expect((await post(path, { reason: "r" }, key)).status).toBe(202);
        expect(await inbox(executionId)).toBe(1);
        expect(await post(path, { reason: "other" }, key)).toMatchObject(reused);
        expect((await post(path, { reason: "r" }, fresh())).status).toBe(202);
        expect(await inbox(executionId)).toBe(2);
        await post(`/executions/${executionId}/terminate`);
        expect((await post(path, { reason: "r" }, key)).status).toBe(202);
        expect((await post(path, { reason: "r" }, fresh())).status).toBe(409);
      },
    );

    test("given terminate under a key, when it is repeated, then 202 and one event; under another key, 409 every time", async () => {
      const { executionId } = (await start({})).body;
      const path = `/executions/${executionId}/terminate`;
      const key = fresh();
      expect((await post(path, undefined, key)).status).toBe(202);
      expect(await post(path, undefined, key)).toMatchObject({
        status: 202,
        body: { status: "CANCELLED", historyLength: 2 },
      });
      const other = fresh();
      expect((await post(path, undefined, other)).status).toBe(409);
      expect((await post(path, undefined, other)).status).toBe(409);
    });

    test("given a redrive under a key, when it is repeated, then it is the same letter, redriven once; under another key, 409", async () => {
      const { executionId } = (await start({})).body;
      const head = await world.decide(executionId, { events: [workflowFailed()], status: "FAILED" });
      const letter = aLetter(head, { kind: "execution" });
      await world.events.park(letter);
      const path = `/dead-letters/${letter.id}/redrive`;
      const key = fresh();
      const first = await post(path, undefined, key);
      expect(first).toMatchObject({ status: 202, body: { id: letter.id } });
      expect(await post(path, undefined, key)).toEqual(first);
      expect(await inbox(executionId)).toBe(1);
      const other = fresh();
      expect((await post(path, undefined, other)).status).toBe(409);
      expect((await post(path, undefined, other)).status).toBe(409);
    });

    test("given validate under a key, when another text comes under it, then 422", async () => {
      const key = fresh();
      expect((await post("/definitions/validate", QUICK, key, YAML)).status).toBe(200);
      expect((await post("/definitions/validate", QUICK, key, YAML)).status).toBe(200);
      expect(await post("/definitions/validate", `${QUICK}\n`, key, YAML)).toMatchObject(reused);
    });

    test("given a key that is none, when it is sent with any POST, then 400", async () => {
      const { executionId } = (await start({})).body;
      for (const path of ["/executions", `/executions/${executionId}/pause`]) {
        expect(await post(path, path === "/executions" ? { definition } : undefined, "ä".repeat(300))).toMatchObject({
          status: 400,
          body: { errors: [{ pointer: "/headers/idempotency-key" }] },
        });
      }
    });
  });
});
