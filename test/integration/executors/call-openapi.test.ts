import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createAuthenticator } from "../../../src/executors/auth/authenticator.ts";
import { agentOf } from "../../../src/executors/call-http.ts";
import { createOpenApiExecutor } from "../../../src/executors/call-openapi.ts";
import type { Executor } from "../../../src/ports/executor.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { problemOf } from "../../../src/values/problem.ts";
import { activityContext } from "../../support/activity.ts";
import { type Ledger, startLedger } from "../../support/ledger.ts";

/** Of the files that descriptions refer to. */
const fetched: string[] = [];
const LIMITS = { maxFiles: 3, maxBytes: 100_000 };
let service: Ledger;
let execute: Executor;
const agent = agentOf({ allowPrivateNetwork: true, allowedHosts: [] });

beforeAll(async () => {
  service = await startLedger();
  const authenticator = createAuthenticator(agent);
  execute = createOpenApiExecutor({ agent, authenticator, maxResponseBytes: 100_000, documents: LIMITS });
});
afterEach(() => {
  service.clear();
  fetched.length = 0;
});
afterAll(async () => {
  await agent.close();
  await service.close();
});

/** @param files that the description refers to, by path below that of the description. */
function call(
  description: Json,
  operationId: string,
  parameters: JsonObject = {},
  more: JsonObject = {},
  files: Readonly<Record<string, Json>> = {},
) {
  const { authentication, ...args } = more;
  const resource: ReturnType<typeof activityContext>["resource"] = async (uri, unfit, referrer) => {
    const found = referrer === undefined ? description : files[uri.replace(`${service.origin}/docs/`, "")];
    if (referrer !== undefined) fetched.push(uri.replace(service.origin, ""));
    if (found === undefined) return { ok: false, error: problemOf("communication", "answered 404", { status: 404 }) };
    const content = typeof found === "string" ? found : JSON.stringify(found);
    const wrong = unfit(content);
    return wrong === undefined ? { ok: true, content } : { ok: false, error: problemOf("configuration", wrong) };
  };
  return execute(
    {
      with: {
        document: `${service.origin}/docs/api.json`,
        operationId,
        parameters,
        output: "content",
        redirect: false,
        ...args,
      },
      ...(authentication === undefined ? {} : { authentication: authentication as JsonObject }),
    },
    activityContext({ resource }),
  );
}
const paths = (item: JsonObject, path = "/things") => ({
  [path]: { get: { operationId: "op", responses: {}, ...item } },
});
const openapi = (item: JsonObject, path?: string, more: JsonObject = {}) => ({
  openapi: "3.1.0",
  info: { title: "t", version: "1" },
  paths: paths(item, path),
  ...more,
});
const urls = () => service.entries.map(({ url }) => url);
const failure = (kind: string, status: number, detail: unknown) => ({
  ok: false,
  error: expect.objectContaining({ type: `https://serverlessworkflow.io/spec/1.0.0/errors/${kind}`, status, detail }),
});

describe("given parameters of a query, when they are sent, then in their style", () => {
  const list = ["a b", "c&d"];
  const object = { x: 1, y: "é" };
  test.each<[JsonObject, Json, string]>([
    [{}, "a/b?", "p=a%2Fb%3F"],
    [{}, 0, "p=0"],
    [{}, false, "p=false"],
    [{ allowReserved: true }, "a/b?c", "p=a/b?c"],
    [{}, list, "p=a%20b&p=c%26d"],
    [{ explode: false }, list, "p=a%20b,c%26d"],
    [{ style: "spaceDelimited", explode: false }, list, "p=a%20b%20c%26d"],
    [{ style: "pipeDelimited", explode: false }, list, "p=a%20b|c%26d"],
    [{}, object, "x=1&y=%C3%A9"],
    [{ explode: false }, object, "p=x,1,y,%C3%A9"],
    [{ style: "deepObject" }, object, "p[x]=1&p[y]=%C3%A9"],
    [{ content: { "application/json": {} } }, object, "p=%7B%22x%22%3A1%2C%22y%22%3A%22%C3%A9%22%7D"],
    [{}, null, ""],
  ])("%j %j", async (parameter, value, query) => {
    await call(openapi({ parameters: [{ name: "p", in: "query", ...parameter }] }), "op", { p: value });
    expect(urls()).toEqual([query === "" ? "/things" : `/things?${query}`]);
  });
});

describe("given parameters of a path, when they are sent, then in their style", () => {
  const list = ["a/b", "c"];
  const object = { x: 1, y: 2 };
  test.each<[JsonObject, Json, string]>([
    [{}, "a/b", "/things/a%2Fb/end"],
    [{}, list, "/things/a%2Fb,c/end"],
    [{}, object, "/things/x,1,y,2/end"],
    [{ explode: true }, object, "/things/x=1,y=2/end"],
    [{ style: "label" }, "a", "/things/.a/end"],
    [{ style: "label", explode: true }, list, "/things/.a%2Fb.c/end"],
    [{ style: "matrix" }, "a", "/things/;p=a/end"],
    [{ style: "matrix", explode: true }, list, "/things/;p=a%2Fb;p=c/end"],
    [{ style: "matrix" }, object, "/things/;p=x,1,y,2/end"],
  ])("%j %j", async (parameter, value, url) => {
    const description = openapi(
      { parameters: [{ name: "p", in: "path", required: true, ...parameter }] },
      "/things/{p}/end",
    );
    await call(description, "op", { p: value });
    expect(urls()).toEqual([url]);
  });

  test("and none leads to another path, or is left out", async () => {
    const description = openapi({ parameters: [{ name: "p", in: "path", required: true }] }, "/things/{p}/end");
    expect(await call(description, "op", { p: ".." })).toEqual(
      failure("validation", 400, expect.stringContaining("cannot be")),
    );
    expect(await call(description, "op")).toEqual(
      failure("validation", 400, expect.stringContaining('"p" is missing')),
    );
    expect(service.entries).toEqual([]);
  });
});

test("given headers, cookies, keys and a policy, when a call is made, then each is in its place", async () => {
  const description = openapi(
    {
      parameters: [
        { $ref: "#/components/parameters/trace" },
        { name: "session", in: "cookie" },
        { name: "X-List", in: "header" },
      ],
      security: [{ key: [], user: [] }],
    },
    undefined,
    {
      components: {
        parameters: { trace: { name: "X-Trace", in: "header" } },
        securitySchemes: {
          key: { type: "apiKey", name: "api_key", in: "query" },
          user: { type: "http", scheme: "basic" },
        },
      },
    },
  );
  const authentication = { basic: { username: "jane", password: "secret" } };
  service.answer((_, response) => response.writeHead(200, { "content-type": "application/json" }).end('{"a":1}'));
  const outcome = await call(
    description,
    "op",
    { "X-Trace": 7, session: "s 1", "X-List": [1, 2], api_key: "k1" },
    { authentication, output: "response" },
  );
  expect(service.entries).toMatchObject([
    {
      url: "/things?api_key=k1",
      headers: {
        "x-trace": "7",
        "x-list": "1,2",
        cookie: "session=s%201",
        authorization: `Basic ${btoa("jane:secret")}`,
        "idempotency-key": "key-1",
      },
    },
  ]);
  expect(outcome).toMatchObject({
    ok: true,
    output: {
      statusCode: 200,
      content: { a: 1 },
      request: { method: "GET", uri: `${service.origin}/things?api_key=***` },
    },
  });
});

describe("given an operation with a body, when it is called, then what it does not declare is the body", () => {
  const post = (types: readonly string[], required = false) => ({
    openapi: "3.0.3",
    info: { title: "t", version: "1" },
    paths: {
      "/things/{id}": {
        parameters: [{ name: "id", in: "path", required: true }],
        post: {
          operationId: "op",
          requestBody: { required, content: Object.fromEntries(types.map((type) => [type, {}])) },
          responses: {},
        },
      },
    },
  });
  test.each<[readonly string[], JsonObject, string, string]>([
    [["application/json"], { body: [1, 2] }, "[1,2]", "application/json"],
    [["application/xml", "application/vnd.x+json"], { a: 1, b: "x" }, '{"a":1,"b":"x"}', "application/vnd.x+json"],
    [
      ["application/x-www-form-urlencoded"],
      { a: [1, 2], b: "x y" },
      "a=1&a=2&b=x%20y",
      "application/x-www-form-urlencoded",
    ],
    [["text/plain"], { body: "as it is" }, "as it is", "text/plain"],
  ])("%j %j", async (types, parameters, body, type) => {
    await call(post(types), "op", { id: 1, ...parameters });
    expect(service.entries).toMatchObject([
      { method: "POST", url: "/things/1", body, headers: { "content-type": type } },
    ]);
  });

  test("as multipart", async () => {
    await call(post(["multipart/form-data"]), "op", { id: 1, note: "hello" });
    expect(service.entries[0]?.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(service.entries[0]?.body).toContain('name="note"\r\n\r\nhello');
  });

  test("and one that is required is asked for, one that nobody takes refused", async () => {
    expect(await call(post(["application/json"], true), "op", { id: 1 })).toEqual(
      failure("validation", 400, expect.stringContaining("body is missing")),
    );
    expect(await call(openapi({}), "op", { extra: 1 })).toEqual(
      failure("validation", 400, expect.stringContaining('no parameter "extra"')),
    );
  });
});

describe("given servers, when an operation is called, then the innermost first one is taken, relative to the description", () => {
  test.each<[string, () => JsonObject, string]>([
    ["none", () => openapi({}), "/things"],
    ["a relative one", () => openapi({}, undefined, { servers: [{ url: "v2" }] }), "/docs/v2/things"],
    [
      "one with variables",
      () =>
        openapi({}, undefined, {
          servers: [{ url: `${service.origin}/{stage}/`, variables: { stage: { default: "live" } } }],
        }),
      "/live/things",
    ],
    [
      "of the operation",
      () => openapi({ servers: [{ url: "/inner" }] }, undefined, { servers: [{ url: "http://127.0.0.1:1" }] }),
      "/inner/things",
    ],
  ])("%s", async (_, description, url) => {
    await call(description(), "op");
    expect(urls()).toEqual([url]);
  });
});

describe("given Swagger 2.0", () => {
  const swagger = (method: string, operation: JsonObject, more: JsonObject = {}) => ({
    swagger: "2.0",
    info: { title: "t", version: "1" },
    host: new URL(service.origin).host,
    basePath: "/v2",
    schemes: ["http"],
    paths: { "/pets/{id}": { [method]: { operationId: "op", responses: {}, ...operation } } },
    ...more,
  });
  const id = { name: "id", in: "path", required: true, type: "string" };

  test("when an operation has parameters, then host, base path and collection formats are heeded, in YAML too", async () => {
    const status = { name: "status", in: "query", type: "array", items: { type: "string" }, collectionFormat: "multi" };
    const tags = { name: "tags", in: "query", type: "array", items: { type: "string" } };
    const description = swagger(
      "get",
      { parameters: [id, status, { $ref: "#/parameters/tags" }] },
      { parameters: { tags } },
    );
    await call(description, "op", { id: 1, status: ["a", "b"], tags: ["c", "d"] });
    await call(`swagger: "2.0"\nbasePath: /y\npaths: {/pets: {get: {operationId: op, responses: {}}}}\n`, "op");
    expect(urls()).toEqual(["/v2/pets/1?status=a&status=b&tags=c,d", "/y/pets"]);
  });

  test("when it has a body or a form, then its parameters become them", async () => {
    const pet = { name: "pet", in: "body", required: true, schema: { type: "object" } };
    await call(swagger("put", { parameters: [id, pet] }), "op", { id: 1, pet: { name: "rex" } });
    const field = (name: string) => ({ name, in: "formData", type: "string" });
    await call(swagger("post", { parameters: [id, field("a"), field("b")] }), "op", { id: 2, a: "1", b: "x y" });
    expect(service.entries).toMatchObject([
      { method: "PUT", body: '{"name":"rex"}', headers: { "content-type": "application/json" } },
      { method: "POST", body: "a=1&b=x%20y", headers: { "content-type": "application/x-www-form-urlencoded" } },
    ]);
  });
});

describe("given a description that cannot be used, when it is needed, then it is a configuration error", () => {
  test.each<[string, Json, unknown]>([
    ["no description", { hello: 1 }, expect.stringContaining("openapi: 3.x")],
    ["no paths", { openapi: "3.0.0" }, expect.stringContaining("no paths")],
    ["another operation", openapi({ operationId: "other" }), expect.stringContaining("it has other")],
    ["a server of another kind", openapi({ servers: [{ url: "ftp://x.example" }] }), expect.stringContaining("ftp:")],
    [
      "a reference that leads nowhere",
      openapi({ parameters: [{ $ref: "#/components/parameters/none" }] }),
      expect.stringContaining('"#/components/parameters/none" leads nowhere'),
    ],
    [
      "references in a circle",
      openapi({ parameters: [{ $ref: "#/a" }] }, undefined, { a: { $ref: "#/b" }, b: { $ref: "#/a" } }),
      expect.stringContaining("in a circle"),
    ],
    [
      "a reference without a pointer",
      openapi({ parameters: [{ $ref: "#anchor" }] }),
      expect.stringContaining("no JSON pointer"),
    ],
  ])("%s", async (_, description, detail) => {
    expect(await call(description, "op")).toEqual(failure("configuration", 400, detail));
    expect(service.entries).toEqual([]);
  });
});

describe("given a description in several files", () => {
  const files = {
    "paths/things.yaml": `
get:
  operationId: list
  servers: [{url: ../v3}]
  parameters: [{$ref: '../parts.json#/parameters/0'}, {$ref: '#/get/x-own'}]
  x-own: {name: own, in: header}
  responses: {200: {$ref: '../api.json#/components/responses/some'}}
post:
  operationId: add
  requestBody: {$ref: '../parts.json#/bodies/thing'}
  responses: {}
`,
    "parts.json": {
      parameters: [{ name: "p", in: "query", explode: false, schema: { $ref: "schemas.json" } }],
      bodies: { thing: { required: true, content: { "application/vnd.thing+json": {} } } },
    },
  };
  const description = {
    openapi: "3.1.0",
    info: { title: "t", version: "1" },
    paths: { "/things": { $ref: "paths/things.yaml" }, "/near": { get: { operationId: "near", responses: {} } } },
    components: { responses: { some: { content: { "application/json": { schema: { $ref: "schemas.json" } } } } } },
  };

  test("when an operation of another file is called, then files are found by their own addresses, also back again, and schemas are not fetched", async () => {
    await call(description, "list", { p: [1, 2], own: "x" }, {}, files);
    await call(description, "add", { body: { a: 1 } }, {}, files);
    expect(service.entries).toMatchObject([
      { method: "GET", url: "/docs/v3/things?p=1,2", headers: { own: "x", accept: "application/json, */*;q=0.5" } },
      { method: "POST", url: "/things", body: '{"a":1}', headers: { "content-type": "application/vnd.thing+json" } },
    ]);
    expect(fetched).toEqual([
      "/docs/paths/things.yaml",
      "/docs/parts.json",
      "/docs/paths/things.yaml",
      "/docs/parts.json",
    ]);
  });

  test("when an operation needs none of them, then none is fetched", async () => {
    await call(description, "near");
    expect(urls()).toEqual(["/near"]);
    expect(fetched).toEqual([]);
  });

  test("when one cannot be had or is no part of a description, then that is the error", async () => {
    expect(await call(description, "list")).toEqual(
      failure("communication", 404, `${service.origin}/docs/api.json refers to a file: answered 404`),
    );
    expect(await call(description, "list", {}, {}, { ...files, "parts.json": "[1" })).toEqual(
      failure("configuration", 400, expect.stringContaining("things.yaml refers to a file: ")),
    );
  });

  test("when they are in the folder of resources, then references go from file to file, out of folders too, and over HTTP", async () => {
    const asked: string[] = [];
    const files: Readonly<Record<string, Json>> = {
      "file://apis/a/api.json": {
        openapi: "3.0.3",
        servers: [{ url: service.origin }],
        paths: { "/things": { $ref: "../../paths.json#/things" } },
      },
      "file:///paths.json": {
        things: {
          get: {
            operationId: "op",
            parameters: [{ $ref: "./apis/p.json" }, { $ref: "https://x.example/q.json" }],
            responses: {},
          },
        },
      },
      "file:///apis/p.json": { name: "p", in: "query" },
      "https://x.example/q.json": { name: "q", in: "query" },
    };
    const resource: ReturnType<typeof activityContext>["resource"] = async (uri) => {
      asked.push(uri);
      return { ok: true, content: JSON.stringify(files[uri]) };
    };
    const given = { document: "file://apis/a/api.json", operationId: "op", parameters: { p: 1, q: 2 }, output: "raw" };
    expect(await execute({ with: { ...given, redirect: false } }, activityContext({ resource }))).toMatchObject({
      ok: true,
    });
    expect(urls()).toEqual(["/things?p=1&q=2"]);
    expect(asked).toEqual(Object.keys(files));
  });

  test("when there are too many, or too much is in them, then it is configuration 400", async () => {
    const chain = (n: number) => ({ [`${n}.json`]: { p: { $ref: `${n + 1}.json#/p` } } });
    const many = { ...chain(1), ...chain(2), ...chain(3), ...chain(4) };
    expect(await call(openapi({ parameters: [{ $ref: "1.json#/p" }] }), "op", {}, {}, many)).toEqual(
      failure("configuration", 400, expect.stringContaining("more than 3 files (RESOURCE_MAX_FILES)")),
    );
    const long = { "1.json": { p: { name: "x".repeat(LIMITS.maxBytes) } } };
    expect(await call(openapi({ parameters: [{ $ref: "1.json#/p" }] }), "op", {}, {}, long)).toEqual(
      failure("configuration", 400, expect.stringContaining("RESOURCE_MAX_BYTES")),
    );
  });

  test("when files refer to each other in a circle, or into a folder of the worker, then it is configuration 400", async () => {
    const circle = { "a.json": { p: { $ref: "b.json#/p" } }, "b.json": { p: { $ref: "a.json#/p" } } };
    expect(await call(openapi({ parameters: [{ $ref: "a.json#/p" }] }), "op", {}, {}, circle)).toEqual(
      failure("configuration", 400, expect.stringContaining("in a circle")),
    );
    for (const $ref of ["file:///etc/passwd", "ftp://x.example/p.json", "catalog://default/p.json"]) {
      const at = openapi({ parameters: [{ $ref }] });
      expect(await call(at, "op")).toEqual(failure("configuration", 400, expect.stringContaining("cannot be reached")));
    }
    expect(fetched).toEqual(["/docs/a.json", "/docs/b.json"]);
  });
});
