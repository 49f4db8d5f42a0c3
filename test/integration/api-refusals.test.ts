import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_BODY_BYTES, PROBLEMS } from "../../src/api/problems.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, QUICK, startServer } from "./support/api-world.ts";

type Method = "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS";
const JSON_TYPE = { "content-type": "application/json" };

let server: TestServer;
let world: ApiWorld;
beforeAll(async () => {
  server = await startServer("redis");
  world = await openApiWorld("redis", server);
});
afterAll(async () => {
  await world.close();
  await server.stop();
});

async function ask(method: Method, url: string, payload?: string, headers: Record<string, string> = {}) {
  const response = await world.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: response.body === "" ? undefined : response.json(),
  };
}
const start = (body: object) => ask("POST", "/api/v1/executions", JSON.stringify(body), JSON_TYPE);
const QUICKLY = { definition: { namespace: "test", name: "quick" } };

test("given any refusal, when it is answered, then it is a problem document with every member and the request's id", async () => {
  const { headers, body } = await ask("GET", "/api/v1/executions/x?wait=1h", undefined, { "x-request-id": "req-7" });
  expect(headers["content-type"]).toContain("application/problem+json");
  expect(headers["x-request-id"]).toBe("req-7");
  expect(body).toEqual({
    type: "/problems/DURABULL_INVALID_REQUEST",
    title: PROBLEMS.DURABULL_INVALID_REQUEST?.title,
    status: 400,
    detail: "/query/wait: expected a duration such as 30s, 500ms or PT30S",
    instance: "/api/v1/executions/x",
    code: "DURABULL_INVALID_REQUEST",
    requestId: "req-7",
    errors: [{ pointer: "/query/wait", message: "expected a duration such as 30s, 500ms or PT30S" }],
  });
  expect(await ask("GET", body.type)).toMatchObject({ status: 200, body: { code: body.code, status: 400 } });
});

test.each<[Method, string]>([
  ["GET", "/api/v1/executions?namespace=%00"],
  ["GET", "/api/v1/executions?name=%00"],
  ["GET", "/api/v1/definitions?namespace=a%00"],
  ["GET", "/api/v1/definitions/%00/a"],
  ["DELETE", "/api/v1/definitions/a/a/%00"],
  ["POST", "/api/v1/dead-letters/%00/redrive"],
  ["DELETE", "/api/v1/dead-letters/%00"],
])("given a control character in a name, when %s %s comes, then it is 400", async (method, url) => {
  expect((await ask(method, url)).status).toBe(400);
});

test("given a control character in a definition's reference, when it is started, then it is 400 and says where", async () => {
  const { status, body } = await start({ definition: { namespace: "a", name: "\u0000" } });
  expect({ status, pointer: body.errors[0].pointer }).toEqual({ status: 400, pointer: "/definition/name" });
});

test("given no usable X-Request-ID, when a request is answered, then one is made", async () => {
  const { headers } = await ask("GET", "/livez", undefined, { "x-request-id": "a b" });
  expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
});

test.each<[string, object, string, string]>([
  ["an unknown key", { ...QUICKLY, lables: {} }, "/lables", 'did you mean "labels"?'],
  [
    "an unknown key inside",
    { definition: { ...QUICKLY.definition, ver: "1" } },
    "/definition/ver",
    'unknown key "ver" (known: namespace, name, version)',
  ],
  [
    "a misspelt key inside",
    { definition: { ...QUICKLY.definition, versoin: "1" } },
    "/definition/versoin",
    '"version"',
  ],
  [
    "a number for a text",
    { definition: { ...QUICKLY.definition, namespace: 1 } },
    "/definition/namespace",
    "expected text, not the number 1",
  ],
  ["a name that is missing", { definition: { namespace: "test" } }, "/definition/name", "is required"],
  [
    "a name that is too long",
    { definition: { namespace: "test", name: "x".repeat(64) } },
    "/definition/name",
    "expected at most 63 characters",
  ],
  ["an empty name", { definition: { namespace: "test", name: "" } }, "/definition/name", "must not be empty"],
  ["a definition that is none", { document: [] }, "/document", "expected a definition"],
  ["a body that is a list", [] as object, "", "expected an object, not a list"],
  ["neither definition nor document", { input: 1 }, "", 'exactly one of "definition" and "document"'],
  ["both of them", { ...QUICKLY, document: {} }, "", 'exactly one of "definition" and "document"'],
  ["an empty workflow ID", { ...QUICKLY, workflowId: "" }, "/workflowId", "1 to 255 printable"],
  ["a workflow ID that is too long", { ...QUICKLY, workflowId: "a".repeat(256) }, "/workflowId", "1 to 255 printable"],
  ["a workflow ID with a line break", { ...QUICKLY, workflowId: "a\nb" }, "/workflowId", "1 to 255 printable"],
  ["a label's key in capitals", { ...QUICKLY, labels: { Team: "a" } }, "/labels/Team", "a label's key"],
  [
    "33 labels",
    { ...QUICKLY, labels: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`l${n}`, ""])) },
    "/labels",
    "at most 32",
  ],
  [
    "a policy that is none",
    { ...QUICKLY, onOpen: "wait" },
    "/onOpen",
    'expected one of reject, use-existing, terminate, not the text "wait"',
  ],
])("given a start with %s, when it is sent, then 400 points at it", async (_, body, pointer, message) => {
  const answer = await start(body);
  expect(answer.status).toBe(400);
  expect(answer.body.errors).toContainEqual({ pointer, message: expect.stringContaining(message) });
});

test("given several mistakes, when they are sent, then all are told", async () => {
  const answer = await start({ definition: { namespace: 1 }, reuse: "sometimes", more: true });
  const pointers = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer);
  expect(pointers).toEqual(expect.arrayContaining(["/definition/namespace", "/definition/name", "/reuse", "/more"]));
});

test.each([
  ["/api/v1/executions?statsu=FAILED", "/query/statsu", 'did you mean "status"?'],
  ["/api/v1/executions?status=BROKEN", "/query/status/0", "expected one of PENDING"],
  ["/api/v1/executions?limit=501", "/query/limit", "500"],
  ["/api/v1/executions?limit=ten", "/query/limit", "whole number"],
  ["/api/v1/executions?label=novalue", "/query/label", "key:value"],
  ["/api/v1/executions?startedAfter=yesterday", "/query/startedAfter", "expected a moment"],
  ["/api/v1/executions/x/history?order=up", "/query/order", "asc"],
  ["/api/v1/executions/x/history?after=-1", "/query/after", ""],
  ["/api/v1/dead-letters?kind=event", "/query/kind", "unknown query parameter"],
  ["/api/v1/definitions/a/b?pretty=1", "/query/pretty", "unknown query parameter"],
  ["/api/v1/executions/x?wait=61s", "/query/wait", "at most 60s"],
])("given %s, when it is asked for, then 400 points at %s", async (url, pointer, message) => {
  const answer = await ask("GET", url);
  expect(answer).toMatchObject({ status: 400, body: { code: "DURABULL_INVALID_REQUEST" } });
  expect(answer.body.errors).toContainEqual({ pointer, message: expect.stringContaining(message) });
});

test("given a query on a route that knows none, when it is sent, then 400", async () => {
  for (const [method, url] of [
    ["POST", "/api/v1/executions/x/cancel?force=1"],
    ["POST", "/api/v1/dead-letters/x/redrive?all=1"],
    ["DELETE", "/api/v1/definitions/a/b/1?force=1"],
  ] as const) {
    expect(await ask(method, url)).toMatchObject({ status: 400 });
  }
});

test("given JSON that is broken on its second line, when it is sent, then 400 says where", async () => {
  expect(await ask("POST", "/api/v1/executions", '{\n  "definition": {,}\n}', JSON_TYPE)).toMatchObject({
    status: 400,
    body: {
      code: "DURABULL_MALFORMED_BODY",
      errors: [{ pointer: "/definition", line: 2, message: expect.stringContaining("column 18") }],
    },
  });
});

test("given no body, a wrong type or bytes that are not UTF-8, when they are sent, then 400 or 415", async () => {
  expect(await ask("POST", "/api/v1/executions", "", JSON_TYPE)).toMatchObject({ status: 400 });
  expect(await ask("POST", "/api/v1/executions")).toMatchObject({ status: 400 });
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/yaml",
    "multipart/form-data; boundary=x",
  ]) {
    expect(await ask("POST", "/api/v1/executions", "a=1", { "content-type": type })).toMatchObject({
      status: 415,
      body: { code: "DURABULL_UNSUPPORTED_MEDIA_TYPE" },
    });
  }
  const broken = await world.app.inject({
    method: "POST",
    url: "/api/v1/executions",
    headers: JSON_TYPE,
    payload: Buffer.from([0x22, 0xff, 0x22]),
  });
  expect(broken.json()).toMatchObject({ status: 400, code: "DURABULL_MALFORMED_BODY" });
});

test("given numbers that would be changed and keys that stand twice, when they are sent, then 400 points at each of them", async () => {
  const body =
    '{"definition": {"namespace": "test", "name": "quick"},\n "input": {"id": 12345678901234567890,\n "a": 1, "a": 1e400}}';
  const answer = await ask("POST", "/api/v1/executions", body, JSON_TYPE);
  expect(answer).toMatchObject({
    status: 400,
    body: {
      code: "DURABULL_MALFORMED_BODY",
      errors: [
        { pointer: "/input/id", line: 2, message: expect.stringContaining("12345678901234567000") },
        { pointer: "/input/a", line: 3, message: expect.stringContaining("stands twice") },
        { pointer: "/input/a", line: 3, message: expect.stringContaining("larger than any number") },
      ],
    },
  });
  expect(await ask("POST", "/api/v1/executions/x/cancel", '{"reason":"a","reason":"b"}', JSON_TYPE)).toMatchObject({
    status: 400,
  });
});

test("given a body of the limit and one byte more, when they are sent, then only the second is 413", async () => {
  const body = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
  expect(await ask("POST", "/api/v1/executions", body(MAX_BODY_BYTES), JSON_TYPE)).toMatchObject({ status: 400 });
  expect(await ask("POST", "/api/v1/executions", body(MAX_BODY_BYTES + 1), JSON_TYPE)).toMatchObject({
    status: 413,
    body: { code: "DURABULL_BODY_TOO_LARGE" },
  });
});

test("given a method an address does not know, when it is used, then 405 lists the known ones", async () => {
  for (const [method, url, allow] of [
    ["PATCH", "/api/v1/executions", "GET, HEAD, POST"],
    ["GET", "/api/v1/executions/x/cancel", "POST"],
    ["OPTIONS", "/api/v1/definitions", "GET, HEAD, PUT"],
    ["POST", "/livez", "GET, HEAD"],
    ["DELETE", "/", "GET, HEAD"],
  ] as const) {
    expect(await ask(method, url)).toMatchObject({ status: 405, headers: { allow }, body: { status: 405 } });
  }
});

test("given an unknown address, a bad escape or an Accept nothing fits, when asked, then 404, 400 and 406", async () => {
  expect(await ask("GET", "/api/v1/nothing")).toMatchObject({
    status: 404,
    body: { code: "DURABULL_ROUTE_NOT_FOUND" },
  });
  expect(await ask("GET", "/api/v1/executions/%zz")).toMatchObject({ status: 400 });
  expect(await ask("GET", "/api/v1/executions", undefined, { accept: "text/html" })).toMatchObject({ status: 406 });
  expect(await ask("GET", "/api/v1/executions", undefined, { accept: "text/html, */*;q=0.1" })).toMatchObject({
    status: 200,
  });
});

test.each(["UPPER", "a b", "", "x".repeat(64), "../x"])("given tenant %j, when it asks, then 400", async (tenant) => {
  const answer = await ask("GET", "/api/v1/executions", undefined, { "x-tenant-id": tenant });
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: "/headers/x-tenant-id" }] } });
});

test.each(["x", "../../etc", "x0-..%2F", "x99999-aaaaaaaaaaaaaaaaaaaaaaaaaa", "%00"])(
  "given id %j of nothing, when it is asked for, then it is refused and never 500",
  async (id) => {
    for (const path of ["", "/history", "/tasks"]) {
      expect(await ask("GET", `/api/v1/executions/${id}${path}`)).toMatchObject({ status: 404 });
    }
    expect(await ask("POST", `/api/v1/executions/${id}/cancel`)).toMatchObject({ status: 404 });
    const redrive = await ask("POST", `/api/v1/dead-letters/${id}/redrive`);
    expect(redrive).toMatchObject({ status: id === "%00" ? 400 : 404 });
  },
);

describe("requests from browsers", () => {
  const write = (headers: Record<string, string>) => ask("POST", "/api/v1/executions/x/cancel", undefined, headers);

  test.each<[string, Record<string, string>]>([
    ["Sec-Fetch-Site cross-site", { "sec-fetch-site": "cross-site" }],
    ["Sec-Fetch-Site same-site", { "sec-fetch-site": "same-site" }],
    ["another origin", { origin: "http://evil.example", host: "localhost:8080" }],
    ["another port of this host", { origin: "http://localhost:9999", host: "localhost:8080" }],
    ["an opaque origin", { origin: "null", host: "localhost:8080" }],
  ])("given a write with %s, when it is sent, then 403", async (_, headers) => {
    expect(await write(headers)).toMatchObject({ status: 403, body: { code: "DURABULL_CROSS_SITE_REQUEST" } });
    const board = await ask("PUT", "/queues/api/queues/durabull-dlq/pause", undefined, headers);
    expect(board.status).toBe(403);
  });

  test("given a write of its own page, or of a program, when it is sent, then it is taken", async () => {
    const own = { origin: "http://localhost:8080", host: "localhost:8080", "sec-fetch-site": "same-origin" };
    expect(await write(own)).toMatchObject({ status: 404 });
    expect(await write({})).toMatchObject({ status: 404 });
  });

  test.each(["evil.example", "evil.example:8080", "localhost.evil.example"])(
    "given the host %j, when anything is asked for, then 421",
    async (host) => {
      expect(await ask("GET", "/api/v1/executions", undefined, { host })).toMatchObject({ status: 421 });
      expect(await ask("GET", "/queues/api/queues", undefined, { host })).toMatchObject({ status: 421 });
    },
  );

  test.each(["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "10.0.0.7", "app.localhost"])(
    "given the host %j, when anything is asked for, then it is answered",
    async (host) => {
      expect(await ask("GET", "/api/v1/executions", undefined, { host })).toMatchObject({ status: 200 });
    },
  );

  test("given any answer, when a browser reads it, then nothing in it may run, be framed or be sniffed", async () => {
    for (const url of ["/api/v1/executions", "/nothing", "/livez"]) {
      expect((await ask("GET", url)).headers).toMatchObject({
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
      });
    }
  });
});

test("given something that is not HTTP, when it is sent, then it is answered with a problem and the connection closed", async () => {
  const { hostname, port } = new URL(world.url);
  const text = await new Promise<string>((resolve, reject) => {
    let received = "";
    const socket = connect(Number(port), hostname, () => socket.write("NONSENSE\r\n\r\n"));
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.on("close", () => resolve(received));
    socket.on("error", reject);
  });
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toContain('"code":"DURABULL_INVALID_REQUEST"');
});

test("given the OpenAPI document, when it is read, then it names every route with its bodies, queries and problems", async () => {
  const { body } = await ask("GET", "/openapi.json");
  expect(body.openapi).toBe("3.1.0");
  expect(Object.keys(body.paths)).toEqual(
    expect.arrayContaining([
      "/api/v1/executions/{executionId}/{action}".replace("{action}", "cancel"),
      "/api/v1/definitions",
    ]),
  );
  const started = body.paths["/api/v1/executions"].post;
  expect(Object.keys(started.responses)).toEqual([
    "200",
    "201",
    "400",
    "404",
    "409",
    "413",
    "415",
    "422",
    "429",
    "503",
  ]);
  expect(started.responses["409"].content).toHaveProperty(["application/problem+json"]);
  expect(started.parameters.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["wait", "allowUnknown", "X-Tenant-ID", "Idempotency-Key"]),
  );
  const references = JSON.stringify(body).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
  for (const [, name = ""] of references) expect(body.components.schemas).toHaveProperty([name]);
});

test("given health checks, when one throws, then 503 says which and the others answer", async () => {
  const ready = await ask("GET", "/readyz");
  expect(ready).toMatchObject({
    status: 200,
    body: { status: "ok", durability: expect.stringMatching(/^(process|disk)$/) },
  });
  const ill = await openApiWorld("redis", server, {
    health: {
      live: () => ({ ok: true, checks: {} }),
      ready: () => Promise.reject(new Error("the store is away")),
      started: () => ({ ok: false, checks: { migrations: { ok: false, detail: "running" } } }),
    },
  });
  expect((await ill.app.inject("/readyz")).json()).toMatchObject({
    status: "unavailable",
    checks: { ready: { ok: false, detail: "the store is away" } },
  });
  expect((await ill.app.inject("/startupz")).statusCode).toBe(503);
  expect((await ill.app.inject("/livez")).statusCode).toBe(200);
  await ill.close();
});

test("given a store that went away, when anything is asked or written, then 503 with Retry-After, and no reason leaks", async () => {
  const own = await startServer("redis");
  const gone = await openApiWorld("redis", own);
  const yaml = { "content-type": "application/yaml" };
  await gone.app.inject({ method: "PUT", url: "/api/v1/definitions", headers: yaml, payload: QUICK });
  await own.stop();
  const answers = await Promise.all([
    gone.app.inject({ method: "POST", url: "/api/v1/executions", payload: QUICKLY }),
    gone.app.inject("/api/v1/executions"),
    gone.app.inject("/api/v1/executions/x0-aaaaaaaaaaaaaaaaaaaaaaaaaa"),
  ]);
  for (const answer of answers) {
    expect(answer.statusCode).toBe(503);
    expect(answer.headers["retry-after"]).toBe("2");
    expect(answer.json()).toMatchObject({ code: "DURABULL_STORE_UNAVAILABLE" });
    expect(answer.body).not.toContain("ECONNREFUSED");
  }
  await gone.close();
});
