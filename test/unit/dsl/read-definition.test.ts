import { describe, expect, test } from "vitest";
import { readDefinition } from "../../../src/dsl/index.ts";
import { InvalidDefinitionError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/values/json.ts";

function refusalOf(source: string | JsonObject, maxBytes?: number) {
  try {
    readDefinition(source, maxBytes);
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return error.issues[0];
    throw error;
  }
  return undefined;
}

describe("given a text, when it is read, then it becomes plain JSON", () => {
  const cases: readonly (readonly [text: string, document: JsonObject])[] = [
    ["a: 1\nb: [x, {c: null}]", { a: 1, b: ["x", { c: null }] }],
    ['{"a": {"b": [true, 1.5e3, "\\u00e9"]}}', { a: { b: [true, 1500, "é"] } }],
    ["a: yes\nb: 2020-01-01\nc: 0o7\nd: 0x10", { a: "yes", b: "2020-01-01", c: 7, d: 16 }],
    ["1: x\ntrue: y", { "1": "x", true: "y" }],
    ["a: &x [1]\nb: *x", { a: [1], b: [1] }],
    ['"<<": x', { "<<": "x" }],
    ["a: |\n  ${ .x }\n  more\n", { a: "${ .x }\nmore\n" }],
    ["__proto__: 1\nconstructor: 2", JSON.parse('{"__proto__": 1, "constructor": 2}')],
    ["a: -0", { a: 0 }],
  ];
  test.each(cases)("%j", (text, document) => {
    expect(JSON.stringify(readDefinition(text).document)).toBe(JSON.stringify(document));
  });
});

const laughs = ["a: &a [x, x, x, x, x, x, x, x, x]"]
  .concat(
    ["b", "c", "d", "e", "f", "g", "h", "i"].map((name, i) => `${name}: &${name} [${`*${"abcdefgh"[i]},`.repeat(9)}]`),
  )
  .join("\n");

describe("given a text that is no definition, when it is read, then its line and fault are named", () => {
  const cases: readonly (readonly [text: string, line: number | undefined, message: string | RegExp])[] = [
    ["", 1, "a definition is an object with `document` and `do`"],
    ["[1]", 1, "a definition is an object with `document` and `do`"],
    ["a:\n  b: 1\n c: 2", 3, "the keys of an object must begin at the same column"],
    ["a: [1", 1, "a ] is missing: close the list, and indent its lines more than its key"],
    ["a: 1\nb: 2\na: 3", 3, 'the key "a" stands twice'],
    ["x:\n  __proto__: 1\n  __proto__: 2", 3, 'the key "__proto__" stands twice'],
    ["a:\n  <<: {b: 1}", 2, "merge keys (<<) are not allowed"],
    ["a: 1\nb: !foo x", 2, "tags such as !foo are not allowed"],
    ["a: !!binary aGk=", 1, "tags such as tag:yaml.org,2002:binary are not allowed"],
    ["? [a]\n: b", 1, "a key must be text: put it in quotes"],
    ["a: *nowhere", 1, "this alias names no anchor before it"],
    ["a: .inf", 1, "the number .inf cannot be kept exactly: write it as text, in quotes"],
    ["a: .nan", 1, "the number .nan cannot be kept exactly: write it as text, in quotes"],
    [
      "a: 12345678901234567890",
      1,
      "the number 12345678901234567890 cannot be kept exactly: write it as text, in quotes",
    ],
    ["a: 1\n---\nb: 2", 2, /^a second document begins here/],
    ["a: 1e-400", 1, "the number 1e-400 cannot be kept exactly: write it as text, in quotes"],
    ["a: b: c", 1, /^a key or a list begins in the middle of this line/],
    ["a: @x", 1, "a text may not begin with @: put it in quotes"],
    ["a:\n\tb: 1", 2, "a tab indents this line: indent with spaces"],
    ['a: "\\q"', 1, /^\\q is no escape/],
    ["a: 'x", 1, "a ' is missing: a text in single quotes is not closed"],
    ["a: *", 1, /^after \* or & a name is expected/],
    ["%FOO\na", 2, /^a line that begins with % is a directive/],
    ["a: 'it's'", 1, /^something follows here that is not part of it/],
    ["a: &a [*a]", 1, /^(this alias names no anchor before it|a definition has at most 64 levels)$/],
    [`a: ${"[".repeat(64)}${"]".repeat(64)}`, 1, "a definition has at most 64 levels"],
    [`a: ${"[".repeat(100)}${"]".repeat(100)}`, undefined, "a definition has at most 64 levels"],
    ["[".repeat(500_000), undefined, "a definition has at most 64 levels"],
    ["- ".repeat(400_000), undefined, "a definition has at most 64 levels"],
    ["? ".repeat(400_000), undefined, "a definition has at most 64 levels"],
    ["{a: ".repeat(200_000), undefined, "a definition has at most 64 levels"],
    [
      Array.from({ length: 1_300 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
      undefined,
      "a definition has at most 64 levels",
    ],
    [laughs, 3, "a definition has at most 100 aliases"],
  ];
  test.each(cases)("%.40j", (text, line, message) => {
    const issue = refusalOf(text);
    expect(issue?.message).toMatch(message);
    expect(issue?.line).toBe(line);
  });
});

test("given a text beyond the limit, when it is read, then it is refused by its bytes", () => {
  expect(refusalOf(`a: ${"é".repeat(60)}`, 100)?.message).toBe("a definition has at most 100 bytes, not 123");
});

test("given aliases that repeat a long text, when they are expanded, then the limit counts them all", () => {
  const text = `a: &a ${"x".repeat(500)}\nb: [${"*a,".repeat(90)}]`;
  expect(refusalOf(text, 10_000)?.message).toBe(
    "with its aliases expanded, the definition has more than 10000 characters",
  );
});

describe("given an object, when it is read, then the same limits hold", () => {
  const nested = (levels: number): JsonObject => (levels === 0 ? {} : { a: nested(levels - 1) });
  test("depth", () => {
    expect(refusalOf(nested(63))).toBeUndefined();
    expect(refusalOf(nested(64))?.message).toBe("a definition has at most 64 levels");
  });
  test("size", () => {
    expect(refusalOf({ a: "x".repeat(100) }, 50)?.message).toBe("a definition has at most 50 bytes, not 108");
  });
  test("no lines", () => {
    expect(readDefinition({ a: 1 }).line("/a")).toBeUndefined();
  });
});

test("given a text with 20,000 keys in one object, when it is read, then all are there", () => {
  const text = Array.from({ length: 20_000 }, (_, index) => `k${index}: ${index}`).join("\n");
  expect(Object.keys(readDefinition(text).document)).toHaveLength(20_000);
});

test("given pointers, when their lines are asked, then they are those of the key, or of what is nearest around it", () => {
  const { line } = readDefinition(
    "do:\n  - first:\n      set:\n        a/b: 1\n  - second:\n      wait: PT1S\nx: &x\n  y: 1\nz: *x\n",
  );
  const pointers = [
    "",
    "/do",
    "/do/0",
    "/do/0/first",
    "/do/0/first/set/a~1b",
    "/do/1/second/wait",
    "/do/1/second/nothing",
    "/none",
    "/z/y",
  ];
  expect(pointers.map(line)).toEqual([1, 1, 2, 2, 4, 6, 5, 1, 8]);
});

test("given a wide definition on one line, when it is read, then its width is no depth", () => {
  const tasks = Array.from({ length: 200 }, (_, i) => ({ [`t${i}`]: { set: { n: i, more: { a: [1, 2], b: {} } } } }));
  const document = { document: { dsl: "1.0.3", namespace: "n", name: "n", version: "1.0.0" }, do: tasks };
  expect(readDefinition(JSON.stringify(document)).document).toEqual(document);
});

test("given indicators without a comma between them in brackets, when they are read, then they count as depth", () => {
  expect(() => readDefinition(`a: [${"? ".repeat(100_000)}]`)).toThrow("at most 64 levels");
  expect(() => readDefinition(`a: {${"x: ".repeat(100_000)}}`)).toThrow("at most 64 levels");
});

test("given a text that breaks off inside, when it is read, then the mistake points to the member it is in", () => {
  const issue = refusalOf("document: {}\ndo:\n  - greet:\n      set: {a: 1\n  - next: 1");
  expect(issue).toMatchObject({ pointer: "/do/0/greet/set/a", line: 5 });
});
