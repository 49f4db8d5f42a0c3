import { expect, test } from "vitest";
import { compile } from "../../../../src/expressions/jq/index.ts";
import type { Json } from "../../../../src/values/json.ts";

/** A program, its input, and all of its outputs; an Error as the last of them: it ends with that message. */
export type Case = readonly [source: string, input: Json, ...outputs: (Json | Error)[]];

/** One test a case. */
export function testCases(cases: readonly Case[]): void {
  test.each(cases.map((each) => ({ source: each[0], each })))("$source", ({ each }) => {
    const [source, input, ...expected] = each;
    const last = expected.at(-1);
    const before = JSON.stringify(input);
    if (last instanceof Error) {
      expect(() => compile(source).all(input)).toThrow(
        expect.objectContaining({ name: expect.stringMatching(/^Jq/), message: last.message }),
      );
    } else {
      expect(compile(source).all(input)).toEqual(expected);
    }
    expect(JSON.stringify(input)).toBe(before);
  });
}
