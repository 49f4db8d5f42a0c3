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

describe("given the arguments of a gRPC call, when they are checked, then mistakes are named at their place", () => {
  const proto = { endpoint: "file://app/greet.proto" };
  const service = { name: "greet.Greeter", host: "localhost", port: 50_051 };
  test.each<[JsonObject, readonly string[]]>([
    [{ proto, service, method: "SayHello", arguments: { name: "${ .name }" } }, []],
    [{ proto, service: { name: "g", host: "x.example" }, method: "m" }, []],
    [{ proto, service, method: "m", arguments: [{ name: "${ .name }" }, "${ .other }", {}] }, []],
    [{ proto, service, method: "m", arguments: "${ .orders }" }, []],
    [
      { proto, service, method: "m", arguments: [{}, 5] },
      ["/do/0/t/with/arguments/1: a message must be an object, not the number 5"],
    ],
    [
      { proto, service, method: "m", arguments: "orders" },
      ['/do/0/t/with/arguments: `arguments` must be an object, not the text "orders"'],
    ],
    [
      { service: { name: "g" } },
      [
        '/do/0/t/with: the `with` of a gRPC call needs "proto"',
        '/do/0/t/with: the `with` of a gRPC call needs "method"',
        '/do/0/t/with/service: `service` needs "host"',
      ],
    ],
    [
      { proto, service: { ...service, host: "http://x", port: 70_000 }, method: "m" },
      [
        '/do/0/t/with/service/host: `host` must be the name or IPv4 address of a host, not the text "http://x"',
        "/do/0/t/with/service/port: `port` must be a whole number from 0 to 65535, not the number 70000",
      ],
    ],
    [
      { proto, service: { ...service, authentication: { digest: { username: "a", password: "b" } } }, method: "m" },
      ["/do/0/t/with/service/authentication: gRPC knows no digest: use basic, bearer, oauth2 or oidc"],
    ],
  ])("%j", (given, expected) => {
    expect(issues("grpc", given)).toEqual(expected);
  });
});
