import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CloudEvent, DurabullClient, type ExecutionChange } from "../../src/client/index.ts";
import { eventually } from "../support/api.ts";
import { taskStarted, workflowCompleted, workflowFailed } from "../support/build.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, CHANGES_KEPT, openApiWorld, QUICK, startServer } from "./support/api-world.ts";

const HEARTBEAT_MS = 200;
const MAX_STREAMS = 40;

describe.each(["redis", "postgres"] as const)("streams on %s", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  let client: DurabullClient;
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server, { streams: { max: MAX_STREAMS, heartbeatMs: HEARTBEAT_MS } });
    client = new DurabullClient({ url: world.url });
    await client.registerDefinition(QUICK);
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });
  const definition = { namespace: "test", name: "quick" };
  const start = async (more: object = {}) => (await client.start({ definition, ...more })).executionId;
  const complete = (id: string, output = "done") =>
    world.decide(id, { events: [workflowCompleted(output)], status: "COMPLETED" });
  const stream = (path: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(`${world.url}/api/v1/executions${path}`, { headers, ...(signal ? { signal } : {}) });
  const project = async (id: string) => {
    const [head] = await world.events.heads([id]);
    if (!head) throw new Error("it is gone");
    await world.database.project(head);
  };

  describe("of one execution", () => {
    test("given an execution under way, when it is followed, then what was and what comes is told, until its end", async () => {
      const id = await start();
      const seen: CloudEvent[] = [];
      const following = (async () => {
        for await (const event of client.follow(id)) seen.push(event);
      })();
      await eventually(
        () => seen.length,
        (length) => length === 1,
      );
      for (let i = 0; i < 120; i++) await world.decide(id, { events: [taskStarted()] });
      await complete(id);
      await following;
      expect(seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 122 }, (_, i) => i + 1));
      expect(seen.at(-1)).toMatchObject({ type: "io.flunq.workflow.completed", data: { output: "done" } });
      expect(seen).toEqual((await client.history(id, { limit: 500 })).items);
    });

    test("given the raw stream, when it is read, then id, event and data are as promised, and it ends", async () => {
      const id = await start();
      await complete(id);
      const response = await stream(`/${id}/stream`, { accept: "text/event-stream" });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-store");
      const blocks = (await response.text()).split("\n\n").filter((block) => block !== "" && block !== ": ");
      expect(blocks).toHaveLength(3);
      expect(blocks[0]).toBe("retry: 1000");
      const [first, event, data = ""] = (blocks[2] ?? "").split("\n");
      expect([first, event]).toEqual(["id: 2", "event: io.flunq.workflow.completed"]);
      expect(JSON.parse(data.replace("data: ", ""))).toMatchObject({ specversion: "1.0", id: `${id}.2`, sequence: 2 });
    });

    test("given Last-Event-ID or after, when it is followed, then it goes on there; after its end there is nothing: 204", async () => {
      const id = await start();
      await complete(id);
      for (const response of [
        await stream(`/${id}/stream`, { "last-event-id": "1" }),
        await stream(`/${id}/stream?after=1`),
        await stream(`/${id}/stream?after=0`, { "last-event-id": "1" }),
      ]) {
        const text = await response.text();
        expect(text).toContain("id: 2\n");
        expect(text).not.toContain("id: 1\n");
      }
      expect((await stream(`/${id}/stream`, { "last-event-id": "2" })).status).toBe(204);
    });

    test("given one that failed and was redriven, when it is followed from its end, then what comes is told", async () => {
      const id = await start();
      const head = await world.decide(id, { events: [workflowFailed()], status: "FAILED" });
      const letter = { id: `${id}-f2`, kind: "execution", executionId: id, name: null, task: null } as const;
      const { tenant, workflowId } = head;
      const error = { type: "t", status: 500, title: "x" };
      await world.events.park({
        ...letter,
        tenant,
        workflowId,
        definition: head.definition,
        error,
        stack: null,
        attempts: 1,
      });
      await client.redrive(letter.id);
      const following = stream(`/${id}/stream`, { "last-event-id": "2" }).then((response) => response.text());
      await world.decide(id, { events: [workflowCompleted(null)], status: "COMPLETED", taken: 1 });
      expect(await following).toContain("id: 3\nevent: io.flunq.workflow.completed");
    });

    test.each([
      ["/x0-nothing/stream", {}, 404, "DURABULL_EXECUTION_NOT_FOUND"],
      ["/ID/stream", { "last-event-id": "x" }, 400, "DURABULL_INVALID_REQUEST"],
      ["/ID/stream", { "last-event-id": "99" }, 400, "DURABULL_INVALID_REQUEST"],
      ["/ID/stream?after=-1", {}, 400, "DURABULL_INVALID_REQUEST"],
      ["/ID/stream?from=1", {}, 400, "DURABULL_INVALID_REQUEST"],
      ["/ID/stream", { accept: "text/html" }, 406, "DURABULL_NOT_ACCEPTABLE"],
      ["/ID/stream", { "x-tenant-id": "other" }, 404, "DURABULL_EXECUTION_NOT_FOUND"],
      ["/stream?status=DONE", {}, 400, "DURABULL_INVALID_REQUEST"],
      ["/stream?limit=3", {}, 400, "DURABULL_INVALID_REQUEST"],
      ["/stream?after=x", {}, 400, "DURABULL_INVALID_REQUEST"],
      ["/stream", { "last-event-id": "12" }, 400, "DURABULL_INVALID_REQUEST"],
    ] as const)(
      "given %s with %j, when it is asked for, then it is refused with %i",
      async (path, headers, status, code) => {
        const response = await stream(path.replace("ID", await start()), headers);
        expect(response.status).toBe(status);
        expect(response.headers.get("content-type")).toMatch("application/problem+json");
        expect(await response.json()).toMatchObject({ code });
      },
    );

    test("given HEAD, when it is asked for, then it is answered and nothing stays open", async () => {
      const response = await fetch(`${world.url}/api/v1/executions/${await start()}/stream`, { method: "HEAD" });
      expect(response.status).toBe(200);
    });
  });

  describe("of status changes", () => {
    /** Changes until there are enough. */
    async function changes(filter: object, count: number, act: () => Promise<unknown>, after?: string) {
      const found: ExecutionChange[] = [];
      for await (const change of client.changes(filter, after === undefined ? {} : { after })) {
        found.push(change);
        if (change.kind !== "status" && found.length === 1) await act();
        if (found.length === count) break;
      }
      return found;
    }
    const told = (found: readonly ExecutionChange[]) =>
      found.map((each) =>
        each.kind === "status" ? `${each.execution.workflowId} ${each.execution.status}` : each.kind,
      );

    test("given a filter, when executions change, then what fits is told, and a reader goes on from any position", async () => {
      const labels = { team: kind };
      const act = async () => {
        await start({ workflowId: `${kind}-other` });
        const id = await start({ workflowId: `${kind}-1`, labels });
        await complete(id);
        await project(id);
        await start({ workflowId: `${kind}-2`, labels });
      };
      const found = await changes({ labels }, 4, act);
      expect(told(found)).toEqual(["ready", `${kind}-1 PENDING`, `${kind}-1 COMPLETED`, `${kind}-2 PENDING`]);
      const again = await changes({ labels }, 3, async () => undefined, found[1]?.position);
      expect(told(again)).toEqual(["ready", `${kind}-1 COMPLETED`, `${kind}-2 PENDING`]);
      const ended = await changes({ labels, status: ["COMPLETED"] }, 2, async () => undefined, found[0]?.position);
      expect(told(ended)).toEqual(["ready", `${kind}-1 COMPLETED`]);
      expect(ended[1]).toMatchObject({ execution: { labels, historyLength: 2, endedAt: expect.any(String) } });
    });

    test("given a reader that fell further behind than is kept, when it goes on, then it is told reset, and then what comes", async () => {
      const tenant = `far-${kind}`;
      const far = new DurabullClient({ url: world.url, tenant });
      await far.registerDefinition(QUICK);
      const { executionId } = await far.start({ definition });
      const { end } = await world.database.changes(tenant, undefined, 1);
      const [head] = await world.events.heads([executionId]);
      if (!head) throw new Error("it is gone");
      for (let version = 2; version < 4 * CHANGES_KEPT; version++) {
        await world.database.project({ ...head, version, status: version % 2 === 0 ? "RUNNING" : "WAITING" });
      }
      const kinds: string[] = [];
      for await (const change of far.changes({}, { after: end })) {
        kinds.push(change.kind);
        if (change.kind === "reset") await world.database.project({ ...head, version: 10_000, status: "PAUSED" });
        if (change.kind === "status" && change.execution.status === "PAUSED") break;
      }
      expect(kinds[0]).toBe("reset");
      expect(kinds.filter((each) => each === "reset")).toHaveLength(1);
    });

    test("given nothing that fits, when others change, then the position is told now and then", async () => {
      const abort = new AbortController();
      const response = await stream("/stream?workflowId=nobody", {}, abort.signal);
      const id = await start();
      let version = 1;
      let text = "";
      const reading = (async () => {
        for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
      })().catch(() => undefined);
      await eventually(
        async () => {
          const [head] = await world.events.heads([id]);
          version += 1;
          if (head)
            await world.database.project({ ...head, version, status: version % 2 === 0 ? "RUNNING" : "WAITING" });
          return text;
        },
        (now) => now.includes("event: position"),
      );
      abort.abort();
      await reading;
      expect(text).not.toContain("event: status");
    });
  });

  describe("many and slow readers", () => {
    test("given as many streams as may be open, when another is asked for, then 503 says so; when one ends, there is room", async () => {
      const id = await start();
      const aborts = Array.from({ length: MAX_STREAMS }, () => new AbortController());
      const open = await Promise.all(aborts.map(({ signal }) => stream(`/${id}/stream`, {}, signal)));
      expect(open.map(({ status }) => status)).toEqual(open.map(() => 200));
      const refused = await stream(`/${id}/stream`);
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("5");
      expect(await refused.json()).toMatchObject({
        code: "DURABULL_TOO_MANY_STREAMS",
        detail: expect.stringContaining(`${MAX_STREAMS} streams`),
      });
      aborts[0]?.abort();
      const roomy = await eventually(
        () => stream(`/${id}/stream`, {}, aborts[1]?.signal),
        ({ status }) => status === 200,
      );
      expect(roomy.status).toBe(200);
      for (const abort of aborts) abort.abort();
    });

    test("given a reader that takes nothing, when it has much to take, then it is cut, and others go on", async () => {
      const id = await start();
      const { hostname, port } = new URL(world.url);
      const slow = connect(Number(port), hostname);
      const accepted: Socket[] = [];
      world.app.server.on("connection", (socket) => accepted.push(socket));
      await once(slow, "connect");
      const served = await eventually(
        () => accepted.find(({ remotePort }) => remotePort === slow.localPort),
        (socket) => socket !== undefined,
      );
      slow.pause();
      slow.write(`GET /api/v1/executions/${id}/stream HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
      // More than the buffers of sockets hold.
      const heavy = "x".repeat(500_000);
      for (let i = 0; i < 40; i++) await world.decide(id, { events: [taskStarted(heavy)] });
      const quick = client.follow(id);
      let count = 0;
      for await (const _event of quick) if (++count === 41) break;
      // A reader notices that it was cut only when it reads.
      if (!served?.destroyed) await once(served as Socket, "close");
      const closed = once(slow, "close");
      let bytes = 0;
      slow.on("data", (chunk) => {
        bytes += chunk.length;
      });
      slow.on("error", () => undefined);
      slow.resume();
      await closed;
      expect(bytes).toBeLessThan(40 * heavy.length);
    });

    test("given a quiet stream, when nothing happens, then comments are signs of life", async () => {
      const abort = new AbortController();
      const response = await stream(`/${await start()}/stream`, {}, abort.signal);
      let text = "";
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
        if (text.includes("\n\n: \n\n")) break;
      }
      expect(text).toContain(": \n\n");
      abort.abort();
    });
  });
});

test("given open streams, when the process drains, then they end at once, and the client goes on at another process", async () => {
  const server = await startServer("redis");
  const world = await openApiWorld("redis", server);
  const client = new DurabullClient({ url: world.url });
  await client.registerDefinition(QUICK);
  const { executionId } = await client.start({ definition: { namespace: "test", name: "quick" } });
  const response = await fetch(`${world.url}/api/v1/executions/${executionId}/stream`);
  const text = response.text();
  await world.close();
  expect(await text).toContain("id: 1\n");
  await server.stop();
});
