import { describe, expect, test } from "vitest";
import { compileWorkflow, HttpArgumentsError, renderHttpArguments } from "../../../src/dsl/index.ts";
import { ExpressionError } from "../../../src/expressions/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

function render(given: JsonObject, input: Json = {}, args: JsonObject = {}) {
  const task = compileWorkflow({
    document: { dsl: "1.0.3", namespace: "test", name: "http", version: "1.0.0" },
    do: [{ call: { call: "http", with: { method: "get", endpoint: "https://x.example", ...given } } }],
  }).byKey.get("/do/0/call");
  if (task?.kind !== "call" || task.call !== "http") throw new Error("not an HTTP call");
  return renderHttpArguments(task, input, args, { now: 0 });
}

test("given only what is required, when rendered, then the rest has its default and there is no body", () => {
  expect(render({})).toEqual({
    method: "GET",
    endpoint: "https://x.example",
    headers: {},
    query: {},
    output: "content",
    redirect: false,
  });
});

test("given expressions everywhere, when rendered, then all are evaluated", () => {
  const given = {
    method: "${ .verb }",
    endpoint: { uri: '${ "https://\\(.host)/{kept}" }' },
    headers: { "x-token": "${ $secrets.token }", "x-count": "${ .count }", "x-none": "${ .nothing }" },
    query: "${ {q: .host, many: [1, true], none: null} }",
    body: { deep: ["${ .count + 1 }", "literal"] },
    output: "response",
    redirect: true,
  };
  const input = { verb: "post", host: "y.example", count: 2 };
  expect(render(given, input, { secrets: { token: "s3cret" } })).toEqual({
    method: "POST",
    endpoint: "https://y.example/{kept}",
    headers: { "x-token": "s3cret", "x-count": "2" },
    query: { q: "y.example", many: ["1", "true"] },
    body: { deep: [3, "literal"] },
    output: "response",
    redirect: true,
  });
});

describe("given a URI template, when rendered, then members of the input fill it", () => {
  const cases: readonly (readonly [template: string, input: Json, uri: string])[] = [
    ["https://x.example/{id}/{name}", { id: 1, name: "a b/c?d&é" }, "https://x.example/1/a%20b%2Fc%3Fd%26%C3%A9"],
    ["https://x.example/find?status={status}", { status: true }, "https://x.example/find?status=true"],
    ["https://x.example/{missing}{nothing}", { nothing: null }, "https://x.example/"],
    ["https://x.example/{constructor}", {}, "https://x.example/"],
    ["https://x.example/{id}", 5, "https://x.example/"],
    ["https://x.example/{id}", { id: "../../{id}" }, "https://x.example/..%2F..%2F%7Bid%7D"],
  ];
  test.each(cases)("%s with %j", (endpoint, input, uri) => {
    expect(render({ endpoint }, input).endpoint).toBe(uri);
    expect(render({ endpoint: { uri: endpoint } }, input).endpoint).toBe(uri);
  });
});

describe("given values no HTTP call can use, when rendered, then it is an expression error", () => {
  const cases: readonly (readonly [given: JsonObject, input: Json, message: string])[] = [
    [
      { endpoint: "https://x.example/{id}" },
      { id: { a: 1 } },
      "{id} of the endpoint stands for an object: only text, numbers and booleans fit",
    ],
    [
      { endpoint: "https://x.example/{id}" },
      { id: [1] },
      "{id} of the endpoint stands for a list: only text, numbers and booleans fit",
    ],
    [{ endpoint: "${ .uri }" }, {}, "`endpoint` gave nothing, which is no http:// or https:// URI"],
    [
      { endpoint: "${ .uri }" },
      { uri: "file:///etc/passwd" },
      '`endpoint` gave the text "file:///etc/passwd", which is no http:// or https:// URI',
    ],
    [
      { endpoint: "${ .uri }" },
      { uri: { uri: "https://x.example", authentication: {} } },
      "`endpoint` gave an object with `authentication`: a policy is written in the definition, never found in data",
    ],
    [{ endpoint: "https://{host}/" }, { host: "" }, '`endpoint` gave the text "https:///", which is no URI'],
    [{ method: "${ .m }" }, { m: "GET /" }, '`method` gave the text "GET /", which is no HTTP method'],
    [{ headers: "${ .h }" }, { h: [1] }, "`headers` gave a list instead of an object"],
    [{ headers: { a: "${ .h }" } }, { h: {} }, '"a" gave an object: only text, numbers and booleans fit'],
    [{ query: { a: "${ .q }" } }, { q: [[1]] }, '"a" gave a list: only text, numbers and booleans fit'],
  ];
  test.each(cases)("%j with %j", (given, input, message) => {
    expect(() => render(given, input)).toThrow(new HttpArgumentsError(message));
    expect(() => render(given, input)).toThrow(ExpressionError);
  });
});

test("given an endpoint that an expression gives as an object, when rendered, then its uri is taken as it is", () => {
  expect(render({ endpoint: "${ {uri: .u} }" }, { u: "https://x.example/{id}", id: 1 }).endpoint).toBe(
    "https://x.example/{id}",
  );
});
