import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonFault, MAX_JSON_DEPTH } from "../../../src/api/json-text.ts";

test("given any JSON value, when its text is looked at, then there is no fault", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 2), (text, indent) => {
      expect(jsonFault(JSON.stringify(JSON.parse(text), null, indent))).toBeUndefined();
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
      expect(jsonFault(text) === undefined).toBe(parses(text));
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
  expect(jsonFault(text)).toEqual({ line, column, message });
});

test("given nesting at the limit and one beyond, when it is looked at, then only the second is a fault", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  expect(jsonFault(nested(MAX_JSON_DEPTH))).toBeUndefined();
  expect(jsonFault(nested(MAX_JSON_DEPTH + 1))?.message).toContain("deeper than");
  expect(jsonFault("[".repeat(1_000_000))?.message).toContain("deeper than");
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
