import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemOf } from "../../src/values/problem.ts";
import {
  aLetter,
  anActivity,
  aTimer,
  type EventDraft,
  taskRequested,
  taskStarted,
  timerScheduled,
  workflowCompleted,
} from "../support/build.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, QUICK, startServer } from "./support/api-world.ts";

const YAML = { "content-type": "application/yaml" };
const CALLS_CHARGE = QUICK.replace("name: quick", "name: charging").replace(
  /do:[\s\S]*/,
  "do:\n  - pay:\n      call: charge\n      with: { amount: 3 }\n",
);

describe.each(["redis", "postgres"] as const)("the API on %s", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server);
    await world.database.announceFunctions("worker-1", [{ name: "charge", queue: null }], 60_000);
    await put(QUICK);
    await put(CALLS_CHARGE);
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });

  async function call(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown, headers = {}) {
    const given = body === undefined ? {} : { payload: body as object };
    const response = await world.app.inject({ method, url: `/api/v1${path}`, headers, ...given });
    return { status: response.statusCode, headers: response.headers, text: response.body, body: parsed(response.body) };
  }
  const put = (source: string, query = "", headers = {}) =>
    call("PUT", `/definitions${query}`, source, { ...YAML, ...headers });
  const start = (more: object = {}, query = "", headers = {}) =>
    call("POST", `/executions${query}`, { definition: { namespace: "test", name: "quick" }, ...more }, headers);
  const startCharging = () => start({ definition: { namespace: "test", name: "charging" } });

  describe("definitions", () => {
    test("given a new definition, when it is put, put again and changed, then 201, 200 and 409", async () => {
      const source = QUICK.replace("name: quick", "name: thrice");
      const first = await put(source);
      expect(first).toMatchObject({ status: 201, body: { name: "thrice", title: "A quick one", created: true } });
      expect(first.headers.location).toBe("/api/v1/definitions/test/thrice/1.0.0");
      expect(await put(`# with a comment\n${source}`)).toMatchObject({ status: 200, body: { created: false } });
      const changed = await put(source.replace("hello", "goodbye"));
      expect(changed).toMatchObject({ status: 409, body: { code: "DURABULL_DEFINITION_CONFLICT" } });
    });

    test("given JSON instead of YAML, when it is put, then it is registered", async () => {
      const document = { dsl: "1.0.3", namespace: "test", name: "as-json", version: "0.1.0" };
      const answer = await call("PUT", "/definitions", { document, do: [{ a: { set: { b: 1 } } }] });
      expect(answer).toMatchObject({ status: 201, body: { name: "as-json" } });
    });

    test("given a mistake on line 9, when it is put, then 422 names the pointer and the line", async () => {
      const answer = await put(QUICK.replace("name: quick", "name: wrong").replace("set:", "sett:"));
      expect(answer.status).toBe(422);
      expect(answer.headers["content-type"]).toContain("application/problem+json");
      expect(answer.body).toMatchObject({ type: "/problems/DURABULL_INVALID_DEFINITION", status: 422 });
      const lines = (answer.body.errors as { line: number; pointer: string }[]).map(({ line }) => line);
      expect(lines.some((line) => line === 8 || line === 9)).toBe(true);
      expect(answer.body.errors[0].pointer).toMatch(/^\/do\/0/);
    });

    test("given a function nobody announced, when it is put, then 422 lists the known ones unless it is allowed", async () => {
      const source = CALLS_CHARGE.replace("name: charging", "name: typo").replace("call: charge", "call: chargee");
      const refused = await put(source);
      expect(refused.status).toBe(422);
      expect(refused.body.errors).toMatchObject([
        { pointer: "/do/0/pay/call", message: expect.stringContaining('did you mean "charge"? (known: charge)') },
      ]);
      expect(await put(source, "?allowUnknown=true")).toMatchObject({ status: 201 });
    });

    test("given several versions, when one is asked for without a version, then the highest release is given", async () => {
      const source = QUICK.replace("name: quick", "name: versions");
      for (const version of ["1.2.0", "1.10.0", "2.0.0-rc.1"])
        await put(source.replace("version: 1.0.0", `version: ${version}`));
      for (const path of ["/definitions/test/versions", "/definitions/test/versions/latest"]) {
        expect(await call("GET", path)).toMatchObject({ status: 200, body: { version: "1.10.0" } });
      }
      const listed = await call("GET", "/definitions?name=versions");
      expect(listed.body.items.map(({ version }: { version: string }) => version)).toEqual([
        "2.0.0-rc.1",
        "1.10.0",
        "1.2.0",
      ]);
    });

    test("given a registered definition, when YAML is accepted, then the author's own text comes back", async () => {
      const { text, headers } = await call("GET", "/definitions/test/quick", undefined, { accept: "application/yaml" });
      expect(headers["content-type"]).toContain("application/yaml");
      expect(text).toBe(QUICK);
    });

    test("given an open execution, when its definition is deleted, then 409 until it has ended", async () => {
      await put(QUICK.replace("name: quick", "name: used"));
      const { body } = await start({ definition: { namespace: "test", name: "used" } });
      expect(await call("DELETE", "/definitions/test/used")).toMatchObject({
        status: 409,
        body: { code: "DURABULL_DEFINITION_IN_USE" },
      });
      await call("POST", `/executions/${body.executionId}/terminate`);
      expect(await call("DELETE", "/definitions/test/used")).toMatchObject({ status: 204 });
      expect(await call("GET", "/definitions/test/used")).toMatchObject({ status: 404 });
    });

    test("given a text, when it is validated, then nothing is registered and issues are told", async () => {
      const source = QUICK.replace("name: quick", "name: only-checked");
      const good = await call("POST", "/definitions/validate", source, YAML);
      expect(good).toMatchObject({ status: 200, body: { valid: true, issues: [] } });
      const bad = await call("POST", "/definitions/validate", "do: [", YAML);
      expect(bad).toMatchObject({ status: 200, body: { valid: false } });
      expect(await call("GET", "/definitions/test/only-checked")).toMatchObject({ status: 404 });
    });
  });

  describe("starting", () => {
    test("given a definition, when it is started, then 201 with the body of GET and a queued wake-up", async () => {
      const answer = await start({ workflowId: "order 1/ä", input: { n: 1 }, labels: { team: "a" } });
      expect(answer).toMatchObject({
        status: 201,
        body: {
          workflowId: "order 1/ä",
          tenant: "default",
          status: "PENDING",
          created: true,
          input: { n: 1 },
          labels: { team: "a" },
          definition: { namespace: "test", name: "quick", version: "1.0.0" },
          historyLength: 1,
          waitingFor: [{ kind: "worker", detail: expect.stringContaining("worker") }],
        },
      });
      expect(await world.queues.wakeAlive({ tenant: "default", workflowId: "order 1/ä" })).toBe(true);
      const { created: _created, ...body } = answer.body;
      expect((await call("GET", `/executions/${body.executionId}`)).body).toEqual(body);
      const listed = await call("GET", "/executions?workflowId=order%201/%C3%A4&label=team:a&status=PENDING,RUNNING");
      expect(listed.body.items).toMatchObject([{ executionId: body.executionId }]);
      expect((await call("GET", "/executions?label=team:b")).body.items).toEqual([]);
    });

    test("given an open execution, when its workflow ID is started again, then the policy decides", async () => {
      const workflowId = "policies";
      const first = await start({ workflowId });
      const refused = await start({ workflowId });
      expect(refused).toMatchObject({
        status: 409,
        body: {
          code: "DURABULL_EXECUTION_OPEN",
          execution: { executionId: first.body.executionId, created: false, status: "PENDING" },
        },
      });
      const existing = await start({ workflowId, onOpen: "use-existing" });
      expect(existing).toMatchObject({ status: 200, body: { executionId: first.body.executionId, created: false } });
      const second = await start({ workflowId, onOpen: "terminate" });
      expect(second).toMatchObject({ status: 201, body: { created: true } });
      expect((await call("GET", `/executions/${first.body.executionId}`)).body.status).toBe("CANCELLED");
      await call("POST", `/executions/${second.body.executionId}/terminate`);
      expect(await start({ workflowId, reuse: "never" })).toMatchObject({
        status: 409,
        body: { code: "DURABULL_WORKFLOW_ID_USED" },
      });
    });

    test("given an idempotency key, when the start is repeated, then it is the same execution, even once it has ended", async () => {
      const key = { "idempotency-key": "once" };
      const first = await start({ input: 1 }, "", key);
      expect(await start({ input: 1 }, "", key)).toMatchObject({
        status: 200,
        body: { executionId: first.body.executionId, workflowId: first.body.workflowId, created: false },
      });
      await call("POST", `/executions/${first.body.executionId}/terminate`);
      expect(await start({ input: 1 }, "", key)).toMatchObject({
        status: 200,
        body: { executionId: first.body.executionId, status: "CANCELLED" },
      });
      expect(await start({ input: 2 }, "", key)).toMatchObject({
        status: 422,
        body: { code: "DURABULL_IDEMPOTENCY_KEY_REUSED" },
      });
    });

    test("given two starts at once with one key, when both have answered, then there is one execution", async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => start({}, "", { "idempotency-key": "race" })));
      expect(new Set(answers.map(({ body }) => body.executionId)).size).toBe(1);
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    });

    test("given an unregistered document, when it is started, then it runs by its digest and is not listed", async () => {
      const document = { dsl: "1.0.3", namespace: "test", name: "inline", version: "1.0.0" };
      const answer = await call("POST", "/executions", { document: { document, do: [{ a: { set: { b: 1 } } }] } });
      expect(answer).toMatchObject({ status: 201, body: { definition: { name: "inline" } } });
      expect(await world.database.definitionByDigest("default", answer.body.definition.digest)).not.toBeNull();
      expect(await call("GET", "/definitions/test/inline")).toMatchObject({ status: 404 });
      const wrong = await call("POST", "/executions", { document: { document, do: [{ a: { sett: 1 } }] } });
      expect(wrong.status).toBe(422);
      expect(wrong.body.errors[0].pointer).toMatch(/^\/document\/do\/0/);
    });

    test("given a name nobody registered, when it is started, then 404", async () => {
      expect(await start({ definition: { namespace: "test", name: "nothing" } })).toMatchObject({
        status: 404,
        body: { code: "DURABULL_DEFINITION_NOT_FOUND" },
      });
    });

    test("given a wait, when the execution ends meanwhile, then the answer has its output", async () => {
      const waiting = start({ workflowId: "awaited" }, "?wait=30s");
      const executionId = await eventually(async () => {
        const { items } = (await call("GET", "/executions?workflowId=awaited")).body;
        return items[0]?.executionId as string | undefined;
      });
      await world.decide(executionId, { events: [workflowCompleted({ done: true })], status: "COMPLETED" });
      expect(await waiting).toMatchObject({ status: 201, body: { status: "COMPLETED", output: { done: true } } });
    });

    test("given a wait, when the execution does not end in time, then the answer has the state so far", async () => {
      expect(await start({}, "?wait=PT0.05S")).toMatchObject({ status: 201, body: { status: "PENDING" } });
    });
  });

  describe("looking", () => {
    test("given an execution that waits, when it is looked at, then waitingFor says for what", async () => {
      const { executionId } = (await startCharging()).body;
      const fireAt = (await world.events.now()) + 3_600_000;
      await world.decide(executionId, {
        events: [taskStarted(), taskRequested(), timerScheduled(fireAt)],
        add: [
          { work: anActivity(3), lookAt: fireAt },
          { work: aTimer(4, fireAt), lookAt: fireAt },
        ],
        status: "WAITING",
      });
      await world.events.settle(executionId, 4);
      const { waitingFor } = (await call("GET", `/executions/${executionId}`)).body;
      expect(waitingFor).toMatchObject([
        {
          kind: "activity",
          task: "/do/0/step",
          detail: 'function "charge" waits in queue durabull-tasks for a free worker',
        },
        { kind: "timer", task: "/do/0/pause", until: new Date(fireAt).toISOString() },
      ]);
      await world.events.claim(executionId, 3, 60_000);
      expect((await call("GET", `/executions/${executionId}`)).body.waitingFor[0]).toMatchObject({
        kind: "activity",
        detail: expect.stringContaining("attempt 1"),
      });
      expect((await call("GET", `/executions/${executionId}/tasks`)).body.items).toMatchObject([
        { task: "/do/0/step", status: "RUNNING", attempt: 1, type: "set" },
      ]);
    });

    test("given a history, when it is read in pages, forwards and backwards, then every event comes once as a CloudEvent", async () => {
      const { executionId, workflowId } = (await start()).body;
      const steps = Array.from({ length: 5 }, () => taskStarted({ n: 1 }));
      await world.decide(executionId, { events: [...steps, workflowCompleted(null)], status: "COMPLETED" });
      const path = `/executions/${executionId}/history`;
      const all = (await call("GET", path)).body;
      expect(all.nextCursor).toBeUndefined();
      expect(all.items[1]).toEqual({
        specversion: "1.0",
        id: `${executionId}.2`,
        source: "workflow-engine",
        type: "io.flunq.task.started",
        subject: "/do/0/step",
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        datacontenttype: "application/json",
        tenantid: "default",
        workflowid: workflowId,
        executionid: executionId,
        sequence: 2,
        data: taskStarted({ n: 1 }).data,
      });
      for (const order of ["asc", "desc"]) {
        const pages = await pagesOf(`${path}?order=${order}&limit=3`);
        expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
        const sequences = pages.flat().map(({ sequence }) => sequence);
        expect(sequences).toEqual(order === "asc" ? [1, 2, 3, 4, 5, 6, 7] : [7, 6, 5, 4, 3, 2, 1]);
      }
      expect((await call("GET", `${path}?after=6`)).body.items).toMatchObject([{ sequence: 7 }]);
      expect((await call("GET", `${path}?after=3&order=desc`)).body.items).toMatchObject([
        { sequence: 2 },
        { sequence: 1 },
      ]);
    });

    async function pagesOf(path: string): Promise<{ sequence: number }[][]> {
      const pages: { sequence: number }[][] = [];
      for (let cursor = ""; ; ) {
        const { body } = await call("GET", `${path}${cursor && `&cursor=${cursor}`}`);
        pages.push(body.items);
        if (body.nextCursor === undefined) return pages;
        cursor = body.nextCursor;
      }
    }

    test("given two executions of one workflow ID, when its history is read, then it spans both", async () => {
      const workflowId = "twice/over";
      const first = (await start({ workflowId })).body.executionId;
      await call("POST", `/executions/${first}/terminate`);
      const second = (await start({ workflowId })).body.executionId;
      const path = `/workflows/${encodeURIComponent(workflowId)}/history`;
      const pages = await pagesOf(`${path}?limit=2`);
      expect(pages.flat()).toMatchObject([
        { executionid: first, type: "io.flunq.execution.started" },
        { executionid: first, type: "io.flunq.execution.cancelled" },
        { executionid: second, type: "io.flunq.execution.started" },
      ]);
      expect(await call("GET", "/workflows/nothing/history")).toMatchObject({ status: 404 });
    });

    test("given a failed execution, when it is looked at, then its error is shown", async () => {
      const { executionId } = (await start()).body;
      const error = problemOf("runtime", "no stock");
      const failed: EventDraft = { type: "workflow.failed", source: "workflow-engine", data: { error, frame: 1 } };
      await world.decide(executionId, { events: [failed], status: "FAILED" });
      const { body } = await call("GET", `/executions/${executionId}?wait=30s`);
      expect(body).toMatchObject({ status: "FAILED", error: { detail: "no stock", status: 500 }, waitingFor: [] });
      expect(body.endedAt >= body.startedAt).toBe(true);
    });

    test("given many executions, when they are listed in pages, then newest first and each once", async () => {
      const headers = { "x-tenant-id": "pages" };
      await put(QUICK, "", headers);
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) ids.push((await start({}, "", headers)).body.executionId);
      const first = await call("GET", "/executions?limit=3", undefined, headers);
      const cursor = first.body.nextCursor;
      const second = await call("GET", `/executions?limit=3&cursor=${cursor}`, undefined, headers);
      const listed = [...first.body.items, ...second.body.items].map(({ executionId }) => executionId);
      expect(listed).toEqual(ids.reverse());
      expect(second.body.nextCursor).toBeUndefined();
      for (const wrong of ["nonsense", cursor.slice(0, -3), `${cursor}&status=FAILED`]) {
        expect(await call("GET", `/executions?cursor=${wrong}`, undefined, headers)).toMatchObject({ status: 400 });
      }
      expect(await call("GET", `/executions?cursor=${cursor}`)).toMatchObject({ status: 400 });
    });
  });

  describe("acting", () => {
    test("given an open execution, when it is cancelled twice, then both are taken as facts and a wake-up is queued", async () => {
      const { executionId, workflowId } = (await start()).body;
      for (const reason of ["first", "second"]) {
        const answer = await call("POST", `/executions/${executionId}/cancel`, { reason });
        expect(answer).toMatchObject({ status: 202, body: { waitingFor: [{ kind: "worker" }] } });
      }
      const log = await world.events.read(executionId, { after: 0, inboxLimit: 10 });
      expect(log?.inbox.map((fact) => fact.kind === "message" && fact.message)).toEqual([
        { type: "cancel", reason: "first" },
        { type: "cancel", reason: "second" },
      ]);
      expect(await world.queues.wakeAlive({ tenant: "default", workflowId })).toBe(true);
    });

    test("given an inbox that is full, when another message comes, then 429 says when to try again", async () => {
      const { executionId } = (await start()).body;
      for (let n = 0; n < 3; n++) await call("POST", `/executions/${executionId}/pause`);
      const answer = await call("POST", `/executions/${executionId}/resume`);
      expect(answer).toMatchObject({
        status: 429,
        headers: { "retry-after": "1" },
        body: { code: "DURABULL_INBOX_FULL" },
      });
    });

    test("given owed work, when it is terminated, then it ends without an engine and owes nothing", async () => {
      const { executionId } = (await startCharging()).body;
      await world.decide(executionId, {
        events: [taskStarted(), taskRequested()],
        add: [{ work: anActivity(3), lookAt: 0 }],
      });
      const answer = await call("POST", `/executions/${executionId}/terminate`, { reason: "enough" });
      expect(answer).toMatchObject({ status: 202, body: { status: "CANCELLED", waitingFor: [] } });
      expect((await world.events.describe(executionId))?.owed).toEqual([]);
      const { items } = (await call("GET", `/executions/${executionId}/history?order=desc&limit=1`)).body;
      expect(items[0]).toMatchObject({ source: "api-service", data: { terminated: true, reason: "enough" } });
      expect((await call("GET", "/executions?status=CANCELLED")).body.items).toContainEqual(
        expect.objectContaining({ executionId, status: "CANCELLED" }),
      );
      for (const action of ["terminate", "cancel", "pause", "resume"]) {
        expect(await call("POST", `/executions/${executionId}/${action}`)).toMatchObject({
          status: 409,
          body: { code: "DURABULL_EXECUTION_ENDED" },
        });
      }
    });

    test("given an engine that commits all the time, when it is terminated meanwhile, then it ends once", async () => {
      const { executionId } = (await start()).body;
      let commits = 0;
      const engine = (async () => {
        for (; commits < 500; commits++) await world.decide(executionId, { events: [taskStarted()] });
      })().catch(() => undefined);
      expect(await call("POST", `/executions/${executionId}/terminate`)).toMatchObject({ status: 202 });
      await engine;
      const all = await world.events.history(executionId, { after: 0, limit: 1_000, order: "asc" });
      expect(all?.filter(({ type }) => type === "execution.cancelled")).toHaveLength(1);
      expect(all?.at(-1)?.type).toBe("execution.cancelled");
      expect(all).toHaveLength(commits + 2);
    });
  });

  describe("dead letters", () => {
    async function parked() {
      const { executionId } = (await start()).body;
      const [head] = await world.events.heads([executionId]);
      if (!head) throw new Error("it was just started");
      const letter = aLetter(head);
      await world.events.park(letter);
      return { executionId, id: letter.id };
    }

    test("given a parked execution, when its letter is redriven, then it goes on, once", async () => {
      const { executionId, id } = await parked();
      expect((await call("GET", `/executions/${executionId}`)).body.waitingFor).toMatchObject([
        { kind: "dead-letter", detail: expect.stringContaining("it broke") },
      ]);
      expect((await call("GET", "/dead-letters")).body.items[0]).toMatchObject({ id, kind: "event", attempts: 3 });
      expect(await call("DELETE", `/dead-letters/${id}`)).toMatchObject({ status: 409 });
      expect(await call("POST", `/dead-letters/${id}/redrive`)).toMatchObject({ status: 202, body: { id } });
      expect((await call("GET", `/executions/${executionId}`)).body.waitingFor).toMatchObject([{ kind: "worker" }]);
      expect(await call("POST", `/dead-letters/${id}/redrive`)).toMatchObject({
        status: 409,
        body: { code: "DURABULL_LETTER_ALREADY_REDRIVEN" },
      });
      expect(await call("DELETE", `/dead-letters/${id}`)).toMatchObject({ status: 204 });
      expect(await call("DELETE", `/dead-letters/${id}`)).toMatchObject({ status: 404 });
    });
  });

  test("given another tenant, when it asks for anything of this one, then it is as if it were not there", async () => {
    const { executionId, workflowId } = (await start()).body;
    const [head] = await world.events.heads([executionId]);
    if (!head) throw new Error("it was just started");
    const letter = aLetter(head);
    await world.events.park(letter);
    const other = { "x-tenant-id": "other" };
    const path = `/executions/${executionId}`;
    const asked = [
      await call("GET", path, undefined, other),
      await call("GET", `${path}?wait=5s`, undefined, other),
      await call("GET", `${path}/history`, undefined, other),
      await call("GET", `${path}/tasks`, undefined, other),
      ...(await Promise.all(
        ["cancel", "terminate", "pause", "resume"].map((action) => call("POST", `${path}/${action}`, undefined, other)),
      )),
      await call("GET", `/workflows/${workflowId}/history`, undefined, other),
      await call("GET", "/definitions/test/quick", undefined, other),
      await call("DELETE", "/definitions/test/quick", undefined, other),
      await call("POST", `/dead-letters/${letter.id}/redrive`, undefined, other),
      await call("DELETE", `/dead-letters/${letter.id}`, undefined, other),
      await start({}, "", other),
    ];
    expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 404));
    for (const list of ["/executions", "/definitions", "/dead-letters"]) {
      expect((await call("GET", list, undefined, other)).body).toEqual({ items: [] });
    }
    expect((await call("GET", path)).body.historyLength).toBe(1);
  });
});

function parsed(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function eventually<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
