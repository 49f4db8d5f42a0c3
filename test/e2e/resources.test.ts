import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../src/values/json.ts";
import { documentOf, eventually } from "../support/api.ts";
import { GREETER, startGrpcServer, type TestGrpcServer } from "../support/grpc-server.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { freshDirectory } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

const TOKEN = "catalog-token-canary";

/** A catalog with one function, which calls one at a URL in turn. */
function catalogIn(directory: string): string {
  const folder = path.join(directory, "functions/shout/1.0.0");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, "function.yaml"),
    "input: {schema: {document: {type: object, required: [text]}}}\nset: {said: '${ .text | ascii_upcase }'}\n",
  );
  return directory;
}

function protosIn(directory: string): string {
  mkdirSync(path.join(directory, "protos"));
  writeFileSync(path.join(directory, "protos/greet.proto"), GREETER);
  return directory;
}

onEachStore((store) => {
  const on = serviceOnStore(store, {
    CATALOG_DIR: catalogIn(freshDirectory()),
    SECRET_CATALOG: TOKEN,
    RESOURCE_MAX_BYTES: "10000",
    RESOURCES_DIR: protosIn(freshDirectory()),
  });
  let grpc: TestGrpcServer;
  beforeAll(async () => {
    grpc = await startGrpcServer();
  });
  afterAll(() => grpc.close());
  const fetched = (place: string) => on.outside.calls.filter((call) => call.path === place).length;

  test("given schemas elsewhere, when executions of one version run, then what was fetched first judges all of them", async () => {
    const size = (most: number) => ({ body: { type: "object", properties: { n: { maximum: most } } } });
    on.outside.answer("/schema.json", () => size(5));
    const schema = `{schema: {resource: {endpoint: "${on.outside.url}/schema.json"}}}`;
    const document = documentOf(
      `
        - step: {set: {n: '\${ .n + 1 }'}, output: ${schema}}
      `,
      `input: ${schema}`,
    );
    await on.api.register(document);
    const run = async (n: number) => on.api.ended((await on.api.start(document, { input: { n } })).executionId);
    expect(await run(3)).toMatchObject({ status: "COMPLETED", output: { n: 4 } });
    on.outside.answer("/schema.json", () => size(100));
    expect(await run(5)).toMatchObject({ status: "FAILED", error: { status: 400, instance: "/do/0/step" } });
    expect(await run(6)).toMatchObject({ status: "FAILED", error: { status: 400, instance: "/input" } });
    expect(fetched("/schema.json")).toBe(1);
  });

  test("given functions of catalogs and at URLs, when they are called, then they run, and call one another", async () => {
    on.outside.answer("/functions/greet/2.1.0/function.yaml", ({ headers }) =>
      headers.authorization === `Bearer ${TOKEN}`
        ? { body: { do: [{ loud: { call: "shout:1.0.0@default", with: { text: "${ .name }" } } }] } }
        : { status: 401 },
    );
    on.outside.answer("/outer.json", () => ({
      body: { output: { as: "{outer: .}" }, call: `${on.outside.url}/inner.json`, with: { a: "${ .a + 1 }" } },
    }));
    on.outside.answer("/inner.json", () => ({ body: { set: { inner: "${ .a * 10 }" } } }));
    const { executionId } = await on.api.start(
      documentOf(
        `
        - greet: {call: 'greet:2.1.0@mine', with: {name: '\${ .name }'}, export: {as: .}}
        - both: {call: '${on.outside.url}/outer.json', with: {a: 1}, timeout: {after: PT1M}}
        - all: {set: {first: '\${ $context }', second: '\${ . }'}}
      `,
        `use:
  secrets: [CATALOG]
  catalogs: {mine: {endpoint: {uri: "${on.outside.url}", authentication: {bearer: {use: CATALOG}}}}}`,
      ),
      { input: { name: "ada" } },
    );
    expect(await on.api.ended(executionId)).toMatchObject({
      status: "COMPLETED",
      output: { first: { said: "ADA" }, second: { outer: { inner: 20 } } },
    });
    expect(JSON.stringify([await on.api.history(executionId), on.service.log])).not.toContain(TOKEN);
    expect((await on.api.tasks(executionId)).map(({ status }) => status)).not.toContain("CANCELLED");
  });

  test("given a resource that cannot be had, when it is caught, retried and redriven, then it is fetched again until it can", async () => {
    const call = `{call: '${on.outside.url}/late.json', with: {n: 1}}`;
    on.outside.answer("/late.json", () => ({ status: 503 }));
    const { executionId } = await on.api.start(
      documentOf(`
        - first: {try: [{ask: ${call}}], catch: {retry: {limit: {attempt: {count: 1}}}, do: [{note: {set: {caught: '\${ $error.status }'}}}]}}
        - second: ${call}
      `),
    );
    const failed = await on.api.ended(executionId);
    expect(failed).toMatchObject({ status: "FAILED", error: { status: 503, instance: "/do/1/second" } });
    expect(fetched("/late.json")).toBe(3);
    on.outside.answer("/late.json", () => ({ body: { set: { n: "${ .n + 1 }" } } }));
    const letter = await eventually(
      () => on.api.letterOf(executionId),
      (each) => each !== undefined,
    );
    expect((await on.api.redrive(letter?.id ?? "")).status).toBe(202);
    await on.api.until(executionId, ({ status }) => status === "COMPLETED");
    expect((await on.api.view(executionId)).output).toEqual({ n: 2 });
    expect(fetched("/late.json")).toBe(4);
  });

  test("given contents that are of no use, when they are fetched, then the call says why and nothing is pinned", async () => {
    on.outside.answer("/secret.json", () => ({ body: { set: { key: "${ $secrets.CATALOG }" } } }));
    on.outside.answer("/broken.json", () => ({ body: { walk: {} } }));
    on.outside.answer("/long.json", () => ({ body: { set: "x".repeat(20_000) } }));
    on.outside.answer("/schema-too.json", () => ({ body: { type: "nothing" } }));
    const caught = (call: string) =>
      `{try: [{ask: ${call}}], catch: {do: [{note: {set: '\${ $error }'}}]}, export: {as: '[$context[]?, .]'}}`;
    const { executionId } = await on.api.start(
      documentOf(
        `
        - a: ${caught(`{call: '${on.outside.url}/secret.json'}`)}
        - b: ${caught(`{call: '${on.outside.url}/broken.json'}`)}
        - c: ${caught(`{call: '${on.outside.url}/long.json'}`)}
        - d: ${caught(`{set: {a: 1}, input: {schema: {resource: {endpoint: '${on.outside.url}/schema-too.json'}}}}`)}
        - e: ${caught("{call: 'none:1.0.0@default'}")}
        - f: ${caught(`{set: {a: 1}, output: {schema: {resource: {endpoint: 'file://../../etc/passwd'}}}}`)}
        - g: {set: '\${ $context }'}
      `,
        "use: {secrets: [CATALOG]}",
      ),
    );
    const { output } = await on.api.ended(executionId);
    expect(output).toEqual([
      expect.objectContaining({ status: 400, detail: expect.stringContaining("cannot read secrets") }),
      expect.objectContaining({ status: 400, detail: expect.stringContaining("a task needs one of") }),
      expect.objectContaining({ status: 500, detail: expect.stringContaining("RESOURCE_MAX_BYTES") }),
      expect.objectContaining({ status: 400, detail: expect.stringContaining("schema is invalid") }),
      expect.objectContaining({ status: 404, detail: expect.stringContaining("there is no file") }),
      expect.objectContaining({ status: 404, detail: expect.stringContaining("there is no file") }),
    ]);
    expect(JSON.stringify(output)).not.toContain(TOKEN);
  });

  test("given an API description behind a login, when operations of it are called, then it is fetched once and its answers flow", async () => {
    on.outside.answer("/swagger.json", ({ headers }) =>
      headers.authorization === `Bearer ${TOKEN}`
        ? {
            body: {
              swagger: "2.0",
              basePath: "/v2",
              paths: {
                "/pet/{petId}": {
                  get: {
                    operationId: "getPet",
                    parameters: [{ name: "petId", in: "path", required: true }],
                    responses: {},
                  },
                },
              },
            },
          }
        : { status: 401 },
    );
    on.outside.answer("/v2/pet/7", () => ({ body: { id: 7, name: "rex" } }));
    const call = (more: string) =>
      `{call: openapi, with: {document: {endpoint: {uri: '\${ $context.at }', authentication: {bearer: {use: CATALOG}}}}, operationId: getPet, ${more}}}`;
    const { executionId } = await on.api.start(
      documentOf(
        `
        - at: {set: {at: '${on.outside.url}/swagger.json'}, export: {as: .}}
        - pet: ${call("parameters: {petId: '${ 3 + 4 }'}")}
        - again: ${call("parameters: {petId: '${ .id }'}, output: response")}
      `,
        "use: {secrets: [CATALOG]}",
      ),
    );
    expect(await on.api.ended(executionId)).toMatchObject({
      status: "COMPLETED",
      output: { statusCode: 200, content: { id: 7, name: "rex" }, request: { method: "GET" } },
    });
    expect(fetched("/swagger.json")).toBe(1);
    expect(JSON.stringify([await on.api.history(executionId), on.service.log])).not.toContain(TOKEN);
  });

  test("given an API description in several files behind a login, when its operations are called, then each file is pinned, and only its origin sees the login", async () => {
    const elsewhere = await startOutside();
    const asked = new Map<string, string | undefined>();
    const answering = (outside: Outside, path: string, body: Json) =>
      outside.answer(path, ({ headers }) => {
        asked.set(path, headers.authorization);
        return { body };
      });
    const named = (name: string) => ({ name, in: "query" });
    answering(on.outside, "/split/api.json", {
      openapi: "3.0.3",
      paths: { "/things": { $ref: "paths.json#/things" } },
    });
    answering(on.outside, "/split/paths.json", {
      things: {
        get: { operationId: "list", parameters: [{ $ref: `${elsewhere.url}/parts.json#/p` }], responses: {} },
      },
    });
    answering(elsewhere, "/parts.json", { p: named("old") });
    const endpoint = `{uri: '${on.outside.url}/split/api.json', authentication: {bearer: {use: CATALOG}}}`;
    const document = documentOf(
      `
        - list: {call: openapi, with: {document: {endpoint: ${endpoint}}, operationId: list, parameters: {old: '\${ .old }'}}}
      `,
      "use: {secrets: [CATALOG]}",
    );
    await on.api.register(document);
    const run = async (old: string) => on.api.ended((await on.api.start(document, { input: { old } })).executionId);
    expect(await run("a")).toMatchObject({ status: "COMPLETED" });
    answering(elsewhere, "/parts.json", { p: named("new") });
    answering(on.outside, "/split/paths.json", {});
    expect(await run("b")).toMatchObject({ status: "COMPLETED" });
    expect(on.outside.calls.flatMap(({ path }) => (path.startsWith("/things") ? [path] : []))).toEqual([
      "/things?old=a",
      "/things?old=b",
    ]);
    const token = `Bearer ${TOKEN}`;
    expect(Object.fromEntries(asked)).toEqual({
      "/split/api.json": token,
      "/split/paths.json": token,
      "/parts.json": undefined,
    });
    expect([fetched("/split/api.json"), fetched("/split/paths.json"), elsewhere.calls.length]).toEqual([1, 1, 1]);
    await elsewhere.close();
  });

  test("given a proto in the folder of resources, when a gRPC service is called, then its answer flows and the task's timeout is its deadline", async () => {
    const place = (name: string) =>
      `{proto: {endpoint: 'file://protos/greet.proto'}, service: {name: greet.v1.Greeter, host: 127.0.0.1, port: ${grpc.port}}, method: SayHello, arguments: {name: '${name}'}}`;
    const { executionId } = await on.api.start(
      documentOf(`
        - hello: {call: grpc, with: ${place("${ .name }")}, timeout: {after: PT5M}, export: {as: .text}}
        - late: {try: [{ask: {call: grpc, with: ${place("hang")}, timeout: {after: {milliseconds: 300}}}}], catch: {do: [{note: {set: '\${ $error.status }'}}]}}
        - all: {set: '\${ [$context, .] }'}
        - stream:
            call: grpc
            with: {proto: {endpoint: 'file://protos/greet.proto'}, service: {name: Greeter, host: 127.0.0.1, port: ${grpc.port}}, method: Collect, arguments: '\${ [.[] | {name: tostring}] }'}
            output: {as: '$input + .list'}
        - both:
            call: grpc
            with: {proto: {endpoint: 'file://protos/greet.proto'}, service: {name: Greeter, host: 127.0.0.1, port: ${grpc.port}}, method: Converse, arguments: [{name: '\${ .[0] }', count: 1}, {name: b, count: 1}]}
            output: {as: '$input + [.[].text]'}
      `),
      { input: { name: "Ada" } },
    );
    const output = ["Hello Ada", 408, "Hello Ada", "408", "Hello Ada 0", "b 0"];
    expect(await on.api.ended(executionId)).toMatchObject({ status: "COMPLETED", output });
    const deadlines = grpc.calls.slice(-4, -2).map(({ deadline }) => deadline);
    expect(deadlines).toEqual([expect.any(Number), expect.any(Number)]);
  });
});
