import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { misfitOf } from "../../../src/executors/grpc/misfit.ts";
import type { Json } from "../../../src/values/json.ts";

const { root } = protobuf.parse(
  `syntax = "proto3";
   enum Color { RED = 0; BLUE = 1; }
   message In { int32 a = 1; }
   message M {
     int64 big = 1; int32 i = 2; uint32 u = 3; bool b = 4; Color color = 5; double d = 6; In in = 7; map<string, int32> m = 8;
     repeated string rs = 9; oneof xy { string x = 10; string y = 11; } string s = 12; bytes raw = 13; map<bool, In> bm = 14;
     uint64 ub = 15; optional string maybe = 16; map<int32, string> im = 17;
   }`,
  { keepCase: true },
);
root.resolveAll();
const type = root.lookupType("M");

test.each<readonly [Json, string, RegExp]>([
  [{ b: "false" }, "/b", /boolean/],
  [{ color: "PINK" }, "/color", /RED, BLUE/],
  [{ color: 1.5 }, "/color", /whole number/],
  [{ big: 1.5 }, "/big", /whole number/],
  [{ big: "abc" }, "/big", /whole number/],
  [{ big: "99999999999999999999" }, "/big", /9223372036854775807/],
  [{ big: 2 ** 60 }, "/big", /as a text/],
  [{ ub: -1 }, "/ub", /from 0/],
  [{ i: 4294967297 }, "/i", /2147483647/],
  [{ u: -1 }, "/u", /from 0/],
  [{ d: "abc" }, "/d", /number/],
  [{ s: { a: 1 } }, "/s", /text/],
  [{ raw: 7 }, "/raw", /base64/],
  [{ rs: [1] }, "/rs/0", /text/],
  [{ rs: ["a", null] }, "/rs/1", /text/],
  [{ rs: "a" }, "/rs", /list/],
  [{ in: { zz: 1 } }, "/in/zz", /no such field/],
  [{ in: [] }, "/in", /object/],
  [{ m: [1] }, "/m", /map/],
  [{ m: { k: "x" } }, "/m/k", /whole number/],
  [{ bm: { perhaps: {} } }, "/bm/perhaps", /true/],
  [{ im: { one: "x" } }, "/im/one", /whole number/],
  [{ x: "a", y: "b" }, "", /only one of x, y/],
  [{ constructor: 1 }, "/constructor", /no such field/],
])("given %j, when it is judged, then %s does not fit", (message, pointer, why) => {
  expect(misfitOf(type, message)).toEqual({ pointer, message: expect.stringMatching(why) });
});

test("given what fits, when it is judged, then nothing is wrong", () => {
  const message = {
    ...{ big: "9223372036854775807", i: -5, u: 4294967295, b: true, color: "BLUE", d: 1.5, in: { a: 1 }, m: { k: 1 } },
    ...{
      rs: ["a"],
      x: "a",
      y: null,
      s: "",
      raw: "YQ==",
      bm: { true: {} },
      ub: "18446744073709551615",
      maybe: "m",
      im: { "-1": "x" },
    },
  };
  expect(misfitOf(type, message)).toBeUndefined();
  expect(misfitOf(type, { color: 1, d: "NaN", big: 9007199254740991 })).toBeUndefined();
});
