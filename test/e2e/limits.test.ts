import { expect, test } from "vitest";
import { documentOf, type Execution, eventually } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const PAYLOAD = 20_000;

onEachStore((store) => {
  const on = serviceOnStore(store, {
    PAYLOAD_MAX_BYTES: String(PAYLOAD),
    HISTORY_MAX_EVENTS: "60",
    INBOX_MAX_MESSAGES: "3",
    TENANT_MAX_OPEN_EXECUTIONS: "4",
    TENANT_MAX_STARTS_PER_SECOND: "8",
  });
  const post = async (tenant: string, path: string, body: unknown) => {
    const response = await fetch(`${on.service.url}/api/v1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-tenant-id": tenant },
      body: JSON.stringify(body),
    });
    const problem = (await response.json()) as Execution & { readonly code?: string; readonly detail?: string };
    return { status: response.status, retryAfter: response.headers.get("retry-after"), body: problem };
  };
  const pause = { document: documentOf("- pause: {wait: {hours: 1}}") };
  const letterOf = (executionId: string) =>
    eventually(
      () => on.api.letterOf(executionId),
      (letter) => letter !== undefined,
    );

  test("given a service that answers with more than a task may have, when it is called, then the task fails and a try catches it", async () => {
    on.outside.answer("/large", () => ({ status: 200, body: { text: "x".repeat(PAYLOAD) } }));
    const call = `call: http, with: {method: get, endpoint: "${on.outside.url}/large"}`;
    const failed = await on.api.start(documentOf(`- ask: {${call}}`));
    expect(await on.api.ended(failed.executionId)).toMatchObject({
      status: "FAILED",
      error: { status: 400, instance: "/do/0/ask", detail: expect.stringContaining(`PAYLOAD_MAX_BYTES=${PAYLOAD}`) },
    });
    const caught = await on.api.start(
      documentOf(`- safe: {try: [ask: {${call}}], catch: {do: [put: {set: {ok: 1}}]}}`),
    );
    expect(await on.api.ended(caught.executionId)).toMatchObject({ status: "COMPLETED", output: { ok: 1 } });
    const history = await on.api.history(caught.executionId);
    expect(JSON.stringify(history).length).toBeLessThan(PAYLOAD);
  });

  test("given an input beyond the limit, when an execution is started, then it is refused with limit and value", async () => {
    const answer = await post("inputs", "/executions", { ...pause, input: { text: "x".repeat(PAYLOAD) } });
    expect(answer).toMatchObject({ status: 413, body: { code: "DURABULL_PAYLOAD_TOO_LARGE" } });
    expect(answer.body.detail).toContain(`PAYLOAD_MAX_BYTES=${PAYLOAD}`);
  });

  test("given a workflow that goes round for ever, when its history is full, then it fails, and redriving it is refused", async () => {
    const { executionId } = await on.api.start(documentOf("- a: {set: {n: 1}, then: a}"));
    expect(await on.api.ended(executionId)).toMatchObject({
      status: "FAILED",
      error: { status: 500, detail: expect.stringContaining("HISTORY_MAX_EVENTS=60") },
    });
    const letter = await letterOf(executionId);
    const { status, body } = await on.api.redrive(letter?.id ?? "");
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: "DURABULL_HISTORY_FULL" });
    expect((await on.api.view(executionId)).status).toBe("FAILED");
  });

  test("given a tenant with as many open executions as it may have, when it starts more, then it has to wait, and others do not", async () => {
    const started: string[] = [];
    const start = () =>
      eventually(
        () => post("crowded", "/executions", pause),
        ({ body }) => body.code !== "DURABULL_TOO_MANY_STARTS",
      );
    for (let i = 0; i < 4; i++) {
      const { status, body } = await start();
      expect(status).toBe(201);
      started.push(body.executionId);
    }
    const refused = await start();
    expect(refused).toMatchObject({ status: 429, body: { code: "DURABULL_TOO_MANY_OPEN_EXECUTIONS" } });
    expect(refused.retryAfter).toMatch(/^\d+$/);
    expect(refused.body.detail).toContain("TENANT_MAX_OPEN_EXECUTIONS=4");
    expect((await post("roomy", "/executions", pause)).status).toBe(201);
    await post("crowded", `/executions/${started[0]}/terminate`, {});
    expect((await start()).status).toBe(201);
  });

  test("given a tenant that starts many at once, when it passes its rate, then it is told when to come again", async () => {
    const quick = { document: documentOf("- put: {set: {a: 1}}") };
    const answers = await Promise.all(Array.from({ length: 40 }, () => post("hasty", "/executions", quick)));
    const refused = answers.filter(({ body }) => body.code === "DURABULL_TOO_MANY_STARTS");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({ status: 429, retryAfter: "1" });
    expect(refused[0]?.body.detail).toContain("TENANT_MAX_STARTS_PER_SECOND=8");
  });

  test("given keys that name a prototype, when they go in as input, document, context or HTTP content, then they are plain data", async () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"a":{"__proto__":[3]}}';
    on.outside.answer("/proto", () => ({ status: 200, body: JSON.parse(text) }));
    const document = documentOf(`
      - take: {set: "\${ . }", export: {as: "\${ {seen: .} }"}}
      - own: {set: {__proto__: {polluted: 4}, constructor: {prototype: {polluted: 5}}, from: "\${ $context.seen }"}, export: {as: "\${ $context + {own: .} }"}}
      - ask: {call: http, with: {method: get, endpoint: "${on.outside.url}/proto"}, export: {as: "\${ $context * {asked: .} }"}}
      - all: {set: "\${ $context }"}`);
    const body = `{"document":${JSON.stringify(document)},"workflowId":"__proto__","labels":{"constructor":"y"},"input":${text}}`;
    const response = await fetch(`${on.service.url}/api/v1/executions?wait=30s`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const answer = await response.text();
    expect(response.status, answer).toBe(201);
    const { status, output, input, labels } = JSON.parse(answer);
    expect(status).toBe("COMPLETED");
    expect(JSON.stringify(input)).toBe(text);
    expect(JSON.stringify(output.seen)).toBe(text);
    expect(JSON.stringify(output.asked)).toBe(text);
    expect(JSON.stringify(output.own.from)).toBe(text);
    expect(Object.keys(output.own)).toEqual(expect.arrayContaining(["__proto__", "constructor", "from"]));
    expect(labels).toEqual({ constructor: "y" });
    for (const more of ['"__proto__":{"workflowId":"x"}', '"labels":{"__proto__":"x"}']) {
      const refused = await fetch(`${on.service.url}/api/v1/executions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"document":${JSON.stringify(document)},${more}}`,
      });
      expect(refused.status, more).toBe(400);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    const after = await on.api.start(documentOf(`- look: {set: {found: "\${ {} | .polluted }"}}`));
    expect(await on.api.ended(after.executionId)).toMatchObject({ output: { found: null } });
  });
});
