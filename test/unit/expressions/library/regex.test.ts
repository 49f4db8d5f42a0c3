import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JqBudgetError } from "../../../../src/expressions/jq/errors.ts";
import { matchAll, testRegex } from "../../../../src/expressions/jq/library/regex/index.ts";
import { REGEX_CASES } from "./regex-cases.ts";
import { jqOutputs, plenty, resultOf } from "./support.ts";

/** What `match` gives of a text, or the complaint. */
const MATCH = '. as [$text, $pattern, $flags] | try ($text | [match($pattern; $flags)]) catch "!\\(.)"';

test.each(REGEX_CASES)(
  "given %j, when it is matched with %j and the flags %j, then the matches are jq's",
  (...parts) => {
    const [text, pattern, flags] = parts;
    const ours = resultOf(() => matchAll(text, pattern, flags, plenty()));
    expect(JSON.parse(JSON.stringify([ours]))).toEqual(jqOutputs(MATCH, parts));
  },
);

const piece = fc.constantFrom(
  ...["a", "b", "c", ".", "\\w", "\\d", "[ab]", "[^a]", "(a)", "(b|c)", "(?:ab)", "(?<n>a|b)", "^", "$", "\\b", "x"],
  ...["(?=a)", "(?!b)", "(?<=a)", "(?<!b)", "(?>a+)", "(a|ab)", "(|a)", "(a|c)\\1", "(?i:A)", "[[:alpha:]]", "\\s"],
);
const quantifier = fc.constantFrom("", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "*+", "++");
const pattern = fc
  .array(fc.tuple(piece, quantifier), { minLength: 1, maxLength: 5 })
  .map((pieces) => pieces.map((parts) => parts.join("")).join(""));
const text = fc
  .array(fc.constantFrom("a", "b", "c", "A", " ", "1", "x", "ab", "\n"), { maxLength: 8 })
  .map((pieces) => pieces.join(""));
const flags = fc.constantFrom(null, "g", "i", "gi", "n", "gn", "gl", "x", "p");

test("given patterns and texts drawn at random, when they are matched, then the matches are jq's", () => {
  const draws = fc.sample(fc.tuple(text, pattern, flags), { numRuns: 4_000, seed: 7 });
  const ours = draws.map(([one, re, mode]) => resultOf(() => matchAll(one, re, mode, plenty())));
  const theirs = jqOutputs(`.[] | ${MATCH}`, draws);
  const differences = draws.filter((_, i) => JSON.stringify(ours[i]) !== JSON.stringify(theirs[i]));
  expect(differences).toEqual([]);
});

describe("differences from Oniguruma", () => {
  test("given a letter whose other case is two letters, when case is ignored, then it keeps to itself", () => {
    expect(testRegex("ß", "ss", "i", plenty())).toBe(false);
    expect(testRegex("ſ", "S", "i", plenty())).toBe(true);
  });

  test("given an empty match before a character of several bytes, when all are asked for, then it is there once", () => {
    expect(matchAll("é", "", "g", plenty()).map(({ offset }) => offset)).toEqual([0, 1]);
  });

  test("given a call of the whole pattern, when it is matched, then it is", () => {
    expect(matchAll("((a))", "\\((?:a|(?R))\\)", null, plenty())[0]?.string).toBe("((a))");
  });

  test("given what is not there, when a pattern uses it, then that is an error", () => {
    for (const missing of ["(?~a)", "(?{a})", "(*FAIL)", "(?<n>a)\\k<n+1>", "\\p{In_Greek}"]) {
      expect(resultOf(() => testRegex("a", missing, null, plenty()))).toMatch(/^!Regex failure: /);
    }
  });
});

test.each(["^(a+)+$", "^(a|a)*$", "(a*)*b", "(?=(a+))*a*b\\1|(a+)+c"])(
  "given the pattern %s and a text that misleads it, when it is matched, then the budget ends it",
  (bomb) => {
    const budget = { fuel: 100_000, bytes: 1e6 };
    expect(resultOf(() => testRegex(`${"a".repeat(60)}!`, bomb, null, budget))).toMatch(/^!/);
    expect(() => testRegex(`${"a".repeat(60)}!`, "^(a+)+$", null, { fuel: 1e5, bytes: 1e6 })).toThrow(JqBudgetError);
  },
);

test("given a long text, when nothing matches, then the steps grow with its length", () => {
  const spent = (length: number) => {
    const budget = plenty();
    testRegex("x".repeat(length), "[a-c]+\\d", null, budget);
    return 1e9 - budget.fuel;
  };
  expect(spent(100_000)).toBeLessThan(100_000);
  expect(spent(100_000) / spent(10_000)).toBeLessThan(12);
});
