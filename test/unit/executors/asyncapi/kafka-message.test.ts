import { describe, expect, test } from "vitest";
import { messageOf, placeOf, recordOf, textOfSchema } from "../../../../src/executors/asyncapi/kafka-message.ts";
import type { Json, JsonObject } from "../../../../src/values/json.ts";

const plain = { contentType: undefined, messageBindings: {} };
const bytes = (text: string) => Buffer.from(text);

describe("given a message, when it becomes a record, then", () => {
  test("its payload is JSON, and the idempotency key a header", () => {
    expect(recordOf(plain, { payload: { n: 1 }, headers: {} }, "key-1")).toEqual({
      value: '{"n":1}',
      headers: { "idempotency-key": "key-1" },
    });
  });

  test("a text is as it is, null no value, and an empty text an empty one", () => {
    const value = (payload: Json) => recordOf(plain, { payload, headers: {} }, "k").value;
    expect([value("a b"), value(null), value("")]).toEqual(["a b", null, ""]);
  });

  test("its headers are those of the message, which may say otherwise than the document", () => {
    const given = { ...plain, contentType: "application/json" };
    const { headers } = recordOf(given, { payload: 1, headers: { trace: "t" } }, "k");
    expect(headers).toEqual({ "idempotency-key": "k", "content-type": "application/json", trace: "t" });
    const other = recordOf(given, { payload: "a", headers: { "content-type": "text/plain" } }, "k");
    expect(other.headers).toMatchObject({ "content-type": "text/plain" });
  });

  test("the header kafka.key is its key, and stands in no header; so does no place of another record", () => {
    const headers = { "kafka.key": "jane", "kafka.partition": "3", "kafka.offset": "7", a: "b" };
    expect(recordOf(plain, { payload: 1, headers }, "k")).toEqual({
      key: "jane",
      value: "1",
      headers: { "idempotency-key": "k", a: "b" },
    });
  });

  test("without it the key is that of the bindings", () => {
    const given = { ...plain, messageBindings: { key: { type: "string", enum: ["orders"] } } };
    expect(recordOf(given, { payload: 1, headers: {} }, "k").key).toBe("orders");
    expect(recordOf(given, { payload: 1, headers: { "kafka.key": "jane" } }, "k").key).toBe("jane");
  });
});

const record = { key: null, value: bytes('{"n":1}'), headers: {}, offset: "41" };

describe("given a record, when it becomes a message, then", () => {
  test("it says where it stood, and what its key is", () => {
    expect(messageOf(record, 2, undefined)).toEqual({
      payload: { n: 1 },
      headers: { "kafka.partition": 2, "kafka.offset": "41" },
    });
    const { headers } = messageOf({ ...record, key: bytes("jané") }, 0, undefined);
    expect(headers["kafka.key"]).toBe("jané");
  });

  test("headers of the same names by others are neither place nor key", () => {
    const headers = { "kafka.key": bytes("x"), "kafka.partition": bytes("9"), "kafka.offset": bytes("9") };
    const message = messageOf({ ...record, headers }, 2, undefined);
    expect(message.headers).toEqual({ "kafka.partition": 2, "kafka.offset": "41" });
  });

  test("its headers are texts, one that comes twice a list, and one without a value is left out", () => {
    const headers = { a: bytes("b"), many: [bytes("1"), "2"], none: undefined };
    expect(messageOf({ ...record, headers }, 0, undefined).headers).toMatchObject({ a: "b", many: ["1", "2"] });
    expect(messageOf({ ...record, headers }, 0, undefined).headers).not.toHaveProperty("none");
  });

  test.each<[string, string | undefined, JsonObject, Json]>([
    ["the content type is the document's", "text/plain", { "content-type": "application/json" }, '{"n":1}'],
    ["else the header's", undefined, { "content-type": "text/plain" }, '{"n":1}'],
    ["else what it looks like", undefined, {}, { n: 1 }],
    ["and base64 when it is neither text nor JSON", "application/avro", {}, bytes('{"n":1}').toString("base64")],
  ])("%s", (_, contentType, headers, payload) => {
    expect(messageOf({ ...record, headers: headers as Record<string, string> }, 0, contentType).payload).toEqual(
      payload,
    );
  });

  test("a record without a value is null", () => {
    expect(messageOf({ ...record, value: null }, 0, "application/json").payload).toBeNull();
  });

  test("its correlation ID is that of its header, else of its payload", () => {
    const value = bytes('{"correlationId":"p"}');
    expect(messageOf({ ...record, value }, 0, undefined).correlationId).toBe("p");
    const headers = { correlationId: bytes("h") };
    expect(messageOf({ ...record, value, headers }, 0, undefined).correlationId).toBe("h");
  });
});

test("given a message, when its record is published on, then what it said stays, and its place does not", () => {
  const headers = { "idempotency-key": bytes("theirs"), a: bytes("b") };
  const message = messageOf({ ...record, key: bytes("jane"), headers }, 2, undefined);
  const texts = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
  expect(recordOf(plain, { payload: message.payload, headers: texts }, "ours")).toEqual({
    key: "jane",
    value: '{"n":1}',
    headers: { "idempotency-key": "theirs", a: "b" },
  });
});

test("given a message, when it is asked where it stood, then only one of Kafka says so", () => {
  expect(placeOf(messageOf(record, 2, undefined))).toEqual({ partition: 2, offset: "41" });
  expect(placeOf(undefined)).toBeUndefined();
  expect(placeOf({ payload: 1, headers: {} })).toBeUndefined();
  expect(placeOf({ payload: 1, headers: { "kafka.partition": "2", "kafka.offset": "41" } })).toBeUndefined();
});

test.each<[Json | undefined, string | undefined]>([
  ["workers", "workers"],
  [{ type: "string", const: "a", default: "b", enum: ["c"] }, "a"],
  [{ type: "string", default: "b", enum: ["c"] }, "b"],
  [{ type: "string", enum: ["c", "d"] }, "c"],
  [{ type: "string" }, undefined],
  [{ type: "integer", const: 7 }, undefined],
  [{ enum: "c" }, undefined],
  [["c"], undefined],
  [null, undefined],
  [undefined, undefined],
])("given the schema %j of a binding, when a name is wanted, then it is %s", (schema, name) => {
  expect(textOfSchema(schema)).toBe(name);
});
