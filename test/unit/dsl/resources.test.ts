import { describe, expect, test } from "vitest";
import { rawUri } from "../../../src/dsl/catalog.ts";
import { checkDefinition, compileWorkflow, resourceProblem } from "../../../src/dsl/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const definition = (task: JsonObject, more: JsonObject = {}): JsonObject => ({
  document: { dsl: "1.0.3", namespace: "n", name: "w", version: "1.0.0" },
  ...more,
  do: [{ t: task }],
});
const issues = (task: JsonObject, more?: JsonObject) =>
  checkDefinition(definition(task, more)).issues.map(({ pointer, message }) => `${pointer}: ${message}`);

describe("given a page that shows files, when it is the root of a catalog, then the files themselves are read", () => {
  test.each([
    ["https://github.com/acme/catalog", "https://raw.githubusercontent.com/acme/catalog/HEAD"],
    ["https://github.com/acme/catalog.git", "https://raw.githubusercontent.com/acme/catalog/HEAD"],
    ["https://github.com/acme/catalog/tree/main", "https://raw.githubusercontent.com/acme/catalog/main"],
    ["https://github.com/acme/catalog/tree/v1/sub/dir/", "https://raw.githubusercontent.com/acme/catalog/v1/sub/dir"],
    ["https://github.com/acme/x/blob/main/f.yaml", "https://raw.githubusercontent.com/acme/x/main/f.yaml"],
    ["https://gitlab.com/acme/group/catalog/-/tree/main/sub", "https://gitlab.com/acme/group/catalog/-/raw/main/sub"],
    ["https://gitlab.com/acme/catalog", "https://gitlab.com/acme/catalog/-/raw/HEAD"],
    ["https://git.acme.example/a/b/-/tree/main", "https://git.acme.example/a/b/-/raw/main"],
    ["https://example.com/catalog/tree/main", "https://example.com/catalog/tree/main"],
    ["https://raw.githubusercontent.com/a/b/main", "https://raw.githubusercontent.com/a/b/main"],
  ])("%s", (page, raw) => {
    expect(rawUri(page)).toBe(raw);
  });
});

describe("given references to something outside, when they are checked, then mistakes are named at their place", () => {
  const schema = (resource: Json, format?: string) => ({
    set: { a: 1 },
    input: { schema: { ...(format === undefined ? {} : { format }), resource } },
  });
  test.each<[JsonObject, JsonObject | undefined, readonly string[]]>([
    [schema({ endpoint: "https://x.example/a.json" }), undefined, []],
    [schema({ endpoint: { uri: "file://a/b.yaml" } }, "json:draft-07"), undefined, []],
    [
      schema({ endpoint: "${ .uri }" }),
      undefined,
      [
        '/do/0/t/input/schema/resource/endpoint: must be a fixed URI that begins with http://, https:// or file://, not the text "${ .uri }"',
      ],
    ],
    [schema({}), undefined, ['/do/0/t/input/schema/resource: an external resource needs "endpoint"']],
    [schema({ endpoint: "https://x.example" }, "avro:1.12.0"), undefined, []],
    [
      { set: { a: 1 }, input: { schema: {} } },
      undefined,
      ['/do/0/t/input/schema: a schema needs "document" or "resource", and has one of them'],
    ],
    [
      schema({ endpoint: { uri: "https://x.example", authentication: { use: "door" } } }),
      undefined,
      [
        '/do/0/t/input/schema/resource/endpoint/authentication/use: "door" is not defined; use.authentications is empty',
      ],
    ],
    [{ call: "log:1.0.0@default" }, undefined, []],
    [{ call: "log:1.0.0@mine" }, undefined, ['/do/0/t/call: catalog "mine" is not defined in use.catalogs']],
    [
      { call: "../log:1.0.0@default" },
      undefined,
      ['/do/0/t/call: "../log:1.0.0" is no name and version of a function in a catalog'],
    ],
    [
      { call: "log:1.0.0@mine" },
      { use: { catalogs: { mine: { endpoint: "ftp://x.example" } } } },
      [
        '/use/catalogs/mine/endpoint: must be a fixed URI that begins with http://, https:// or file://, not the text "ftp://x.example"',
      ],
    ],
  ])("%j", (task, more, expected) => {
    expect(issues(task, more)).toEqual(expected);
  });
});

test("given a function that calls itself from elsewhere, when it is at hand, then it is refused, not unrolled", () => {
  const uri = "https://x.example/f.yaml";
  const workflow = compileWorkflow(definition({ call: uri }), new Map([[uri, `call: ${uri}`]]));
  const inner = workflow.byKey.get("/do/0/t#function");
  expect(inner).toMatchObject({ call: "function", body: expect.stringContaining("calls itself") });
  expect(workflow.isComplete).toBe(true);
});

test("given a definition without its resources, when it is compiled, then it says what each task waits for", () => {
  const uri = "https://x.example/s.json";
  const use = { input: { schema: { resource: { endpoint: uri } } } };
  const workflow = compileWorkflow(definition({ set: { a: 1 }, ...use }, use));
  expect(workflow.isComplete).toBe(false);
  expect([workflow.needs, workflow.tasks[0]?.needs]).toEqual([
    [{ kind: "schema", uri, authentication: null }],
    [{ kind: "schema", uri, authentication: null }],
  ]);
  const whole = compileWorkflow(definition({ set: { a: 1 }, ...use }, use), new Map([[uri, "type: object"]]));
  expect(whole.isComplete).toBe(true);
  expect(whole.input.schema?.check([])).toContain("must be object");
});

describe("given contents, when they are judged, then what is of no use is told", () => {
  test.each<["schema" | "avro" | "function", string, unknown]>([
    ["schema", "type: object", undefined],
    ["schema", "[]", expect.stringContaining("object")],
    ["schema", '{"type": 5}', expect.stringContaining("type")],
    ["avro", '["null", "string"]', undefined],
    ["avro", "{type: record, name: R, fields: []}", undefined],
    ["avro", '{"type": 5}', expect.stringContaining("unknown type")],
    ["function", "set: {a: 1}", undefined],
    ["function", "a: [", expect.any(String)],
    ["function", "wait: soon", expect.stringContaining("/wait")],
  ])("%s %s", (kind, content, expected) => {
    expect(resourceProblem(kind, content)).toEqual(expected);
  });
});
