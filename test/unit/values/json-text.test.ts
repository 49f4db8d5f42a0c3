import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonFaults, MAX_JSON_DEPTH } from "../../../src/values/json-text.ts";

test("given any JSON value, when its text is looked at, then there is no fault", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 2), (text, indent) => {
      expect(jsonFaults(JSON.stringify(JSON.parse(text), null, indent))).toEqual([]);
    }),
  );
});

test("given any text, when it is looked at, then there is a fault exactly when JSON.parse refuses it", () => {
  const pieces = fc.array(
    fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"b"',
      '"\\u12"',
      '"\\n"',
      "1",
      "-",
      "01",
      "1.5e3",
      "true",
      "nul",
      " ",
      "\n",
    ),
    { maxLength: 9 },
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join("");
      const broken = jsonFaults(text).filter(({ message }) => !/stands twice|would be kept|larger than/.test(message));
      expect(broken.length === 0).toBe(parses(text));
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  ["", 1, 1, "it ends where a value is expected"],
  ['{"a":\n  tru}', 2, 3, 'a value is expected, not "t"'],
  ['{"a": 1,}', 1, 9, 'a key in double quotes is expected, not "}"'],
  ["[1 2]", 1, 4, '"," or "]" is expected, not "2"'],
  ['{"a" 1}', 1, 6, '":" is expected after a key, not "1"'],
  ['{"a": "x', 1, 9, "a string is not closed"],
  ["{} x", 1, 4, 'unexpected "x" after the end of the document'],
])("given %j, when it is looked at, then the fault is at line %i, column %i", (text, line, column, message) => {
  expect(jsonFaults(text)).toMatchObject([{ line, column, message }]);
});

test("given nesting at the limit and one beyond, when it is looked at, then only the second is a fault", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  expect(jsonFaults(nested(MAX_JSON_DEPTH))).toEqual([]);
  expect(jsonFaults(nested(MAX_JSON_DEPTH + 1))[0]?.message).toContain("deeper than");
  expect(jsonFaults("[".repeat(1_000_000))[0]?.message).toContain("deeper than");
});

test.each([
  ["12345678901234567890", "would be kept as 12345678901234567000"],
  ["9007199254740993", "would be kept as 9007199254740992"],
  ["-9007199254740993", "would be kept as -9007199254740992"],
  ["1e400", "is larger than any number"],
  ["-1E+400", "is larger than any number"],
  [`1${"0".repeat(400)}`, "is larger than any number"],
  ["1e-400", "would be kept as 0"],
])(
  "given the number %s, which a double does not hold, when it is looked at, then that is a fault",
  (literal, message) => {
    expect(jsonFaults(`{"a":\n [true, ${literal}]}`)).toMatchObject([
      { pointer: "/a/1", line: 2, column: 9, message: expect.stringContaining(message) },
    ]);
  },
);

test.each([
  "9007199254740991",
  "9007199254740992",
  "-9007199254740992",
  "1180591620717411303424",
  "12345678901234567000",
  "0.1",
  "3.14159265358979323846264338327950288",
  "1e308",
  "5e-324",
  "0e-999",
  "0",
])("given the number %s, when it is looked at, then nothing is wrong", (literal) => {
  expect(jsonFaults(`[${literal}]`)).toEqual([]);
});

test("given any double, when its text is looked at, then nothing is wrong", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(jsonFaults(JSON.stringify(value))).toEqual([]);
    }),
  );
});

test("given keys that stand twice in their objects, when they are looked at, then each is told, with pointer and line", () => {
  const text = '{"a": 1,\n "b": [{"x": 1, "\\u0078": 2}],\n "c": {"a": 0},\n "a": 2}';
  expect(jsonFaults(text)).toEqual([
    { pointer: "/b/0/x", line: 2, column: 17, message: 'the key "x" stands twice' },
    { pointer: "/a", line: 4, column: 2, message: 'the key "a" stands twice' },
  ]);
});

test("given more faults than anybody reads, when they are looked at, then the first twenty are told", () => {
  expect(jsonFaults(`[${Array(50).fill("1e999").join()}]`)).toHaveLength(20);
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
