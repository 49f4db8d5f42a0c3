import { expect, test } from "vitest";
import { JqError } from "../../../../src/expressions/jq/errors.ts";
import { formatValue } from "../../../../src/expressions/jq/library/formats.ts";
import type { Json } from "../../../../src/values/json.ts";
import { jqOutputs, plenty, resultOf } from "./support.ts";

const VALUES: readonly Json[] = [
  ...[null, true, 1.5, "", "a", "a\"b'c<>&", "é😀\u0000\t\n\r\\ x", "\u007f"],
  ...[[], [1, "a\"b'\t\\\n\r\u0000", null, true], [[1]], [{}], { a: 1 }],
  ...["%41%e2%82%ac", "%", "4%", "%zz", "%ff", "%f0%9f%98%80", "%F0%9F", "+x%2B", "~.-_*", "%ed%a0%80", "%00"],
  ...["YWJj", "YWJ", "YW", "Y", "YQ==", "YQ=a", "a-b", "/+/+", "////", "gICA", "4pi6", "=", "a=", "!", "8J+YgPCfmA=="],
];

test.each(["text", "json", "csv", "tsv", "html", "uri", "urid", "sh", "base64", "base64d", "no"])(
  "given values of all types, when @%s is applied, then the text or the complaint is jq's",
  (name) => {
    const ours = VALUES.map((value) => resultOf(() => formatValue(name, value, plenty())));
    expect(ours).toEqual(jqOutputs(`.[] | try format("${name}") catch "!\\(.)"`, VALUES));
  },
);

test("given a text, when it is written in base 32 and read again, then it is the same", () => {
  expect(formatValue("base32", "fooba", plenty())).toBe("MZXW6YTB");
  expect(formatValue("base32", "foob", plenty())).toBe("MZXW6YQ=");
  for (const text of ["", "a", "ab", "abc", "é😀"]) {
    expect(formatValue("base32d", formatValue("base32", text, plenty()), plenty())).toBe(text);
  }
  expect(() => formatValue("base32d", "a1", plenty())).toThrow(JqError);
});
