import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NotJsonError, toJson } from "../../../src/executors/to-json.ts";

class Money {
  constructor(readonly cents: number) {}
}
const cycle: { self?: unknown } = {};
cycle.self = { inner: [cycle] };
const deep = JSON.parse("[".repeat(600) + "]".repeat(600));

describe("given what a function returned", () => {
  test("when it is JSON, then it comes back equal, as a copy", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = toJson(value);
        expect(json).toEqual(JSON.parse(JSON.stringify(value)));
        if (typeof value === "object" && value !== null) expect(json).not.toBe(value);
      }),
    );
  });

  test.each([
    ["undefined", undefined, null],
    ["-0", -0, 0],
    ["an optional member", { a: 1, b: undefined }, { a: 1 }],
    ["an object without prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["one object twice", (({ shared }) => [shared, shared])({ shared: { a: 1 } }), [{ a: 1 }, { a: 1 }]],
  ])("when it is %s, then it is JSON", (_, value, json) => {
    expect(toJson(value)).toEqual(json);
  });

  test.each<[string, unknown, string]>([
    ["a BigInt", { total: 1n }, "/total is a bigint"],
    ["a cycle", cycle, "/self/inner/0 is a cycle"],
    ["a Date", { at: [new Date(0)] }, "/at/0 is a Date: use toISOString()"],
    ["a Map", new Map(), "the value is a Map: use Object.fromEntries"],
    ["a Set", new Set(), "the value is a Set: use Array.from"],
    ["an instance", { price: new Money(5) }, "/price is an instance of Money: use a plain object"],
    ["an error", new Error("x"), "the value is an instance of Error: use a plain object"],
    ["a Buffer", Buffer.from("x"), "the value is binary data: use a base64 string"],
    ["a promise", { later: Promise.resolve() }, "/later is a promise that nobody awaited"],
    ["a function", { "a/b": () => 1 }, "/a~1b is a function"],
    ["a symbol", Symbol("x"), "the value is a symbol"],
    ["NaN", [Number.NaN], "/0 is the number NaN"],
    ["Infinity", Number.POSITIVE_INFINITY, "the value is the number Infinity"],
    ["a hole", [undefined], "/0 is undefined"],
    ["nested too deep", deep, "the value is nested deeper than 512 levels"],
  ])("when it is %s, then it is refused with its place", (_, value, message) => {
    expect(() => toJson(value)).toThrow(new NotJsonError(message));
  });

  test("when a member is called __proto__, then it stays a member", () => {
    const json = toJson(JSON.parse('{"__proto__":{"polluted":true}}'));
    expect(JSON.stringify(json)).toBe('{"__proto__":{"polluted":true}}');
    expect({}).not.toHaveProperty("polluted");
  });
});
