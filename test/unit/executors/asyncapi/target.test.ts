import { describe, expect, test } from "vitest";
import type { AsyncapiMessage } from "../../../../src/dsl/tasks/call-asyncapi.ts";
import { readAsyncapiDocument } from "../../../../src/executors/asyncapi/document.ts";
import { targetOf } from "../../../../src/executors/asyncapi/target.ts";
import type { Json, JsonObject } from "../../../../src/values/json.ts";

/** Where a call on channel `it` leads. */
function target(parts: JsonObject, message?: AsyncapiMessage) {
  const text = JSON.stringify({ asyncapi: "3.0.0", ...parts });
  const document = readAsyncapiDocument(
    "http://x.example/a.json",
    text,
    { maxFiles: 1, maxBytes: 10_000 },
    async () => {
      throw new Error("this document is in one file");
    },
  );
  return targetOf(document, {
    document: { endpoint: "" },
    channel: "it",
    ...(message === undefined ? {} : { message }),
  });
}
const brokersOf = (parts: JsonObject) => {
  const { url, others } = target({ channels: { it: {} }, ...parts });
  return [url, ...others].map(({ host }) => host);
};

describe("given a server that is a list with commas, when it is read, then each of Kafka is one of the cluster", () => {
  const server = (protocol: string, host: string, more: JsonObject = {}) => ({
    servers: { main: { protocol, host, ...more } },
  });
  test.each<[string, JsonObject, readonly string[]]>([
    ["one", server("kafka", "a:9092"), ["a:9092"]],
    ["several, with blanks", server("kafka", "a:9092, b:9093 ,c"), ["a:9092", "b:9093", "c"]],
    ["IPv6", server("kafka", "[::1]:9092,[::2]:9092"), ["[::1]:9092", "[::2]:9092"]],
    ["behind TLS", server("kafka-secure", "a:9092,b:9092"), ["a:9092", "b:9092"]],
    [
      "from a variable",
      server("kafka", "{all}", { variables: { all: { default: "a:9092,b:9092" } } }),
      ["a:9092", "b:9092"],
    ],
    [
      "2.x, each with its protocol",
      { asyncapi: "2.6.0", servers: { main: { protocol: "kafka", url: "kafka://a:9092,kafka://b:9092" } } },
      ["a:9092", "b:9092"],
    ],
  ])("%s", (_, parts, hosts) => {
    expect(brokersOf(parts)).toEqual(hosts);
  });

  test.each([
    ["an empty one", "kafka", "a:9092,"],
    ["one that is no address", "kafka", "a:9092,b:port"],
    ["of another protocol", "mqtt", "a:1883,b:1883"],
  ])("but not %s", (_, protocol, host) => {
    expect(() => brokersOf(server(protocol, host))).toThrow('the address of server "main" is not valid');
  });
});

const published = (payload: Json, headers: AsyncapiMessage["headers"] = {}): AsyncapiMessage => ({ payload, headers });
/** @param kind members of the channel's only parameter. */
const addressOf = (kind: JsonObject, message?: AsyncapiMessage, protocol = "kafka") =>
  target(
    {
      servers: { main: { protocol, host: "a:1" } },
      channels: { it: { address: "orders.{kind}", parameters: { kind } } },
    },
    message,
  ).address;
const inPayload = { location: "$message.payload#/kind" };

describe("given a parameter of an address, when a message is published, then its value is", () => {
  test.each<[string, JsonObject, AsyncapiMessage, string]>([
    ["what the payload has", inPayload, published({ kind: "new" }), "new"],
    ["a number of it", inPayload, published({ kind: 7 }), "7"],
    ["deep in it", { location: "$message.payload#/a~1b/1" }, published({ "a/b": ["x", "y"] }), "y"],
    ["the whole of it", { location: "$message.payload" }, published("new"), "new"],
    ["what a header has", { location: "$message.header#/kind" }, published({}, { kind: "new" }), "new"],
    ["that rather than its default", { ...inPayload, default: "old" }, published({ kind: "new" }), "new"],
    ["its default without it", { ...inPayload, default: "old" }, published({}), "old"],
    ["one of its enum", { ...inPayload, enum: ["old", "new"] }, published({ kind: "new" }), "new"],
    ["of 2.x, one of its schema", { ...inPayload, schema: { enum: ["new"] } }, published({ kind: "new" }), "new"],
    ["the first of its enum without location", { enum: ["old", "new"] }, published({ kind: "new" }), "old"],
  ])("%s", (_, kind, message, value) => {
    expect(addressOf(kind, message)).toBe(`orders.${value}`);
  });
});

test("given a parameter with a location, when it is subscribed to, then the document's value is taken", () => {
  expect(addressOf({ ...inPayload, default: "old" })).toBe("orders.old");
  expect(addressOf({ ...inPayload, enum: ["old", "new"] })).toBe("orders.old");
  expect(() => addressOf(inPayload)).toThrow('needs a default for its parameter "kind"');
});

test("given a path of HTTP, when a parameter comes from the message, then it stays one segment of the path", () => {
  expect(addressOf(inPayload, published({ kind: "a/../b?c#d" }), "http")).toBe("orders.a%2F..%2Fb%3Fc%23d");
  expect(() => addressOf(inPayload, published({ kind: ".." }), "ws")).toThrow(
    'cannot be "..", which leads to another path',
  );
});

describe("given a parameter without a value that it may have, when a message is published, then that is refused", () => {
  test.each<[string, JsonObject, AsyncapiMessage, string]>([
    ["nothing there", inPayload, published({}), "the message has no text, number or boolean at $message.payload#/kind"],
    ["an object there", inPayload, published({ kind: {} }), "no text, number or boolean"],
    ["an empty text there", inPayload, published({ kind: "" }), "no text, number or boolean"],
    ["an inherited member", { location: "$message.payload#/toString" }, published({}), "no text, number or boolean"],
    [
      "nothing there, though it has an enum",
      { ...inPayload, enum: ["a"] },
      published({}),
      "no text, number or boolean",
    ],
    [
      "none of its enum",
      { ...inPayload, enum: ["a", "b"] },
      published({ kind: "c" }),
      'cannot be "c", which the message has',
    ],
    [
      "a location elsewhere",
      { location: "$context.kind" },
      published({}),
      "neither $message.header# nor $message.payload#",
    ],
    ["no JSON pointer", { location: "$message.payload#kind" }, published({}), "no JSON pointer after its #"],
    ["no location", {}, published({}), 'needs a default for its parameter "kind"'],
  ])("%s", (_, kind, message, detail) => {
    expect(() => addressOf(kind, message)).toThrow(detail);
  });
});
