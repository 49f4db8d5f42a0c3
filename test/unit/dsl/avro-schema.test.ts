import { describe, expect, test } from "vitest";
import { avroSchema } from "../../../src/dsl/avro-schema.ts";
import type { Json } from "../../../src/values/json.ts";

const record = (...fields: readonly Json[]): Json => ({ type: "record", name: "R", fields });
const field = (type: Json, more: object = {}): Json => ({ name: "f", type, ...more });
const check = (schema: Json, value: Json) => avroSchema.compile(schema).check(value);

describe("given an Avro schema, when a value is in its JSON encoding, then it is valid", () => {
  test.each<[Json, Json]>([
    ["null", null],
    ["boolean", false],
    ["int", -(2 ** 31)],
    ["long", 2 ** 62],
    ["float", 3.4e38],
    ["double", 1.5],
    ["string", "Ada"],
    ["bytes", "\u0000\u00ff"],
    [{ type: "fixed", name: "F", size: 2 }, "ab"],
    [{ type: "enum", name: "E", symbols: ["A", "B"] }, "B"],
    [{ type: "array", items: "int" }, [1, 2]],
    [
      { type: "map", values: "int" },
      { a: 1, constructor: 2 },
    ],
    [record(field("int")), { f: 1 }],
    [record({ name: "constructor", type: "int" }), { constructor: 1 }],
    [["null", "string"], null],
    [["null", "string"], { string: "a" }],
    [
      ["int", "a.b.E", record()].map((type) =>
        type === "a.b.E" ? { type: "enum", name: type, symbols: ["A"] } : type,
      ),
      { "a.b.E": "A" },
    ],
    [record(field("int"), { name: "next", type: ["null", "R"] }), { f: 1, next: { R: { f: 2, next: null } } }],
    [{ type: "int", logicalType: "date" }, 19_000],
    [{ type: "bytes", logicalType: "decimal", precision: 4, scale: 2 }, "\u0001\u0002"],
    ['{"type": "record", "name": "R", "fields": [{"name": "f", "type": "string"}]}', { f: "x" }],
  ])("%j %j", (schema, value) => expect(check(schema, value)).toBeUndefined());
});

describe("given an Avro schema, when a value is not in its JSON encoding, then it says where and why", () => {
  test.each<[Json, Json, string]>([
    ["int", 2 ** 31, "the value must be a whole number of 32 bits (int), not the number 2147483648"],
    ["int", 1.5, "the value must be a whole number of 32 bits (int), not the number 1.5"],
    ["long", 2 ** 63, "the value must be a whole number of 64 bits (long)"],
    ["float", 1e300, "the value must be a number of 32 bits (float)"],
    ["string", 1, "the value must be a text (string), not the number 1"],
    ["bytes", "€", "the value must be a text of characters from U+0000 to U+00FF (bytes)"],
    [{ type: "fixed", name: "F", size: 2 }, "a", "the value must be a text of 2 characters"],
    [{ type: "enum", name: "E", symbols: ["A", "B"] }, "C", "the value must be one of A, B"],
    [{ type: "array", items: "int" }, [1, "x"], "/1 must be a whole number of 32 bits (int)"],
    [{ type: "array", items: "int" }, { 0: 1 }, "the value must be a list"],
    [{ type: "map", values: "int" }, { "a/b": "x" }, "/a~1b must be a whole number"],
    [record(field("int", { default: 1 })), {}, 'the value must have the field "f"'],
    [record(field("int")), { f: 1, g: 2 }, 'the value must not have "g", which is no field'],
    [record(field("int", { default: 1 })), "text", "the value must be an object (record R)"],
    [record(field(record2(field("string")))), { f: { f: 1 } }, "/f/f must be a text (string)"],
    [["null", "string"], "a", 'the value must be null or {"string": …} (union)'],
    [["null", "string"], { string: "a", other: 1 }, "the value must be null or"],
    [["null", "string"], { null: null }, "the value must be null or"],
    [["int", "string"], null, 'the value must be {"int": …} or {"string": …} (union)'],
    [["null", "string"], { constructor: 1 }, "the value must be null or"],
    [["null", { type: "array", items: "int" }], { array: [null] }, "/array/0 must be a whole number"],
  ])("%j %j", (schema, value, message) => expect(check(schema, value)).toContain(message));

  function record2(...fields: readonly Json[]): Json {
    return { type: "record", name: "Inner", fields };
  }
});

describe("given what is no Avro schema, when it is compiled, then it says why", () => {
  test.each<[Json, RegExp]>([
    [{}, /unknown type/],
    [5, /an object, a list or a text, not the number 5/],
    ["none", /undefined type name: none/],
    ["constructor", /undefined type name: constructor/],
    [{ type: "constructor" }, /no type of Avro/],
    [record(field({ type: "constructor" })), /no type of Avro/],
    [record(field("int", { default: "x" })), /incompatible field default/],
    [record({ name: "a b; process.exit()", type: "int" }), /invalid field name/],
    [{ type: "record", name: "a(){}; x", fields: [] }, /invalid name/],
    [{ type: "enum", name: "E", symbols: ["A", "A"] }, /duplicate/],
    [["null", "null"], /duplicate|ambiguous/i],
    [null, /null/],
  ])("%j", (schema, why) => expect(() => avroSchema.compile(schema)).toThrow(why));
});
