import { describe, expect, test } from "vitest";
import { checkDefinition } from "../../../src/dsl/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const issues = (call: string, given: Json) => {
  const document: JsonObject = {
    document: { dsl: "1.0.3", namespace: "n", name: "w", version: "1.0.0" },
    do: [{ t: { call, with: given } }],
  };
  return checkDefinition(document).issues.map(({ pointer, message }) => `${pointer}: ${message}`);
};

describe("given the arguments of an OpenAPI call, when they are checked, then mistakes are named at their place", () => {
  const document = { endpoint: "https://x.example/api.json" };
  test.each<[JsonObject, readonly string[]]>([
    [{ document, operationId: "op", parameters: { a: "${ .b }" }, output: "raw", redirect: true }, []],
    [{ document: { endpoint: { uri: "${ .uri }" } }, operationId: "op" }, []],
    [
      {},
      [
        '/do/0/t/with: the `with` of an OpenAPI call needs "document"',
        '/do/0/t/with: the `with` of an OpenAPI call needs "operationId"',
      ],
    ],
    [
      { document: { endpoint: "api.json" }, operationId: "op" },
      [
        '/do/0/t/with/document/endpoint: must be a URI that begins with http://, https:// or file://, or an expression that gives one, not the text "api.json"',
      ],
    ],
    [
      { document, operationId: 5, output: "all" },
      [
        "/do/0/t/with/operationId: `operationId` must be text, not the number 5",
        '/do/0/t/with/output: `output` must be "content", "response" or "raw", not the text "all"',
      ],
    ],
    [
      { document, operationId: "op", authentication: { bearer: {} } },
      ['/do/0/t/with/authentication/bearer: the authentication "bearer" needs "token"'],
    ],
  ])("%j", (given, expected) => {
    expect(issues("openapi", given)).toEqual(expected);
  });
});
