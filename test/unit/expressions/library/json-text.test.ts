import { expect, test } from "vitest";
import { JqBudgetError } from "../../../../src/expressions/jq/errors.ts";
import { fromJson } from "../../../../src/expressions/jq/library/json-parser.ts";
import { shortText, toJson, utf8Length } from "../../../../src/expressions/jq/library/json-text.ts";
import type { Json } from "../../../../src/values/json.ts";
import { jqOutputs, plenty, resultOf } from "./support.ts";

const BOM = "\ufeff";
const TEXTS: readonly string[] = [
  ...[
    "",
    " ",
    "1",
    "1 2",
    "1,2",
    "01",
    "[01]",
    "+1",
    "-",
    "[-]",
    "NaN",
    "nan",
    "[nan,1]",
    "nan1",
    "nanx",
    "NaN10",
    "n",
    "nu",
  ],
  ...[
    "tru",
    "truex",
    "nul",
    "null",
    "[true false]",
    "1 tru",
    "{a",
    "'a'",
    "[1,]",
    "[1,,2]",
    "[1 2]",
    "[1 2",
    "[1,2",
    "[}",
    "{]",
  ],
  ...[
    ":",
    "[:",
    ",",
    "[,",
    "{,",
    "{{",
    "[{",
    "{[",
    "[[]",
    "[1]]",
    "1[",
    "1]",
    "]",
    "}",
    '["a":1]',
    '{"a"}',
    '{"a","b"}',
  ],
  ...['{"a":1,}', '{"a":1 "b":2}', '{"a" "b"}', '{"a":"b" "c"}', '{"a"::1}', '{"a":', '{"a":1', '{"a":[}', '{"a":1}}'],
  ...['{"a":nan,}', "{1:2}", '{"a":{"b":1}}', '{"a":1,"a":2}', '{"__proto__":1}', '"abc', '"a" x', '"a""b"', '1 "'],
  ...[
    '"\\',
    '"\\"',
    '"\\q"',
    '"\\u12"',
    '["a\\u00zz"]',
    '"\\ud800"',
    '"\\udc00x"',
    '"\\ud83d\\ude00"',
    '"a\nb"',
    '"\u007f"',
  ],
  ...["[1\n,\n x]", '"é" y', "[é]", '{"é":}', `${BOM}1`, `${BOM}[1`, "tr\nue", "\u00a01", "a\u0000b"],
];

test.each(TEXTS)("given the text %j, when it is read, then it gives what jq gives, or its complaint", (text) => {
  const ours = resultOf(() => toJson(fromJson(text, plenty()), plenty()));
  expect([ours]).toEqual(jqOutputs('try (fromjson | tojson) catch "!\\(.)"', text));
});

const VALUES: readonly Json[] = [
  null,
  "abcdefghijklmnopqrstuvwxyz",
  "abcdefghijklmnopqrstuvwxyza",
  "abcdefghijklmnopqrstuvwxyzab",
  "éééééééééééééééééééé",
  "日本語日本語日本語日本語",
  "😀😀😀😀😀😀😀😀",
  "\u0001\u0001\u0001\u0001\u0001\u0001\u0001",
  'a\u0000\u007f\n"\\',
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]],
  { a: "éééééééééééééééééééé" },
  { b: 1, a: [true, null, 1.5] },
  {},
];

test("given values, when they are written, then the text is jq's", () => {
  expect(VALUES.map((value) => toJson(value, plenty()))).toEqual(jqOutputs(".[] | tojson", VALUES));
});

test("given values in an error message, when they are long, then they are cut as jq cuts them", () => {
  const ours = VALUES.map((value) => shortText(value));
  const messages = jqOutputs(".[] | try tonumber catch .", VALUES).map(String);
  expect(messages.map((message, i) => message.includes(`(${ours[i]}) cannot be parsed`))).toEqual(
    VALUES.map(() => true),
  );
});

test("given a value that nests 10,000 levels, when it is written and read, then it is the same; deeper it is left out", () => {
  let value: Json = [];
  for (let i = 0; i < 9_999; i++) value = [value];
  expect(toJson(fromJson(toJson(value, plenty()), plenty()), plenty())).toHaveLength(20_000);
  expect(toJson([[value]], plenty())).toContain("<skipped: too deep>");
});

test("given a text that would be too large, when it is written, then the budget ends it", () => {
  let value: Json = [];
  for (let i = 0; i < 64; i++) value = [value, value];
  expect(() => toJson(value, { fuel: 1e7, bytes: 1e6 })).toThrow(JqBudgetError);
});

test("given a text, when its bytes are counted, then they are those of UTF-8", () => {
  for (const text of ["", "a", "é", "日本", "😀", "a😀é", "\ud800"])
    expect(utf8Length(text)).toBe(Buffer.byteLength(text));
});
