import fc from "fast-check";
import { expect, test } from "vitest";
import { DATE_FUNCTIONS } from "../../../../src/expressions/jq/library/dates.ts";
import type { Json } from "../../../../src/values/json.ts";
import { call, resultOf } from "./support.ts";

const at = 1425599621; // 2015-03-05T23:53:41Z

test("given any seconds, when they are taken apart and put together, then they are the same and the parts are right", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }), (seconds) => {
      fc.pre(seconds !== -1);
      const parts = call(DATE_FUNCTIONS["gmtime/0"], seconds) as readonly number[];
      const date = new Date(seconds * 1_000);
      const expected = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours()];
      expect(parts.slice(0, 7)).toEqual([...expected, date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCDay()]);
      expect(call(DATE_FUNCTIONS["mktime/0"], parts)).toBe(seconds);
    }),
  );
});

test.each<[number, Json]>([
  [1425599621.678, [2015, 2, 5, 23, 53, 41.67799997329712, 4, 63]],
  [-1.5, [1969, 11, 31, 23, 59, 59.5, 3, 364]],
  [-0.25, [1970, 0, 1, 0, 0, 0.75, 4, 0]],
  [1e12, [33658, 8, 27, 1, 46, 40, 5, 269]],
  [-1e12, [-29719, 3, 5, 22, 13, 20, 2, 94]],
  [1e18, "!error converting number of seconds since epoch to datetime"],
  [Number.NaN, "!error converting number of seconds since epoch to datetime"],
])("given %d seconds, when they are taken apart, then fractions stay with the seconds", (seconds, expected) => {
  expect(resultOf(() => call(DATE_FUNCTIONS["gmtime/0"], seconds))).toEqual(expected);
});

test.each<[Json, Json]>([
  [[2024, 1, 30, 25, 61, 61.9], 1709344921],
  [[2024], 1703980800],
  [[2024.9, 0, 1], 1704067200],
  [[-1000, 0, 1], -93724128000],
  [[], -2209075200],
  [[1969, 11, 31, 23, 59, 59], "!invalid gmtime representation"],
  [[2024, null], "!mktime requires parsed datetime inputs"],
  [["a"], "!mktime requires parsed datetime inputs"],
  [1, "!mktime requires array inputs"],
])("given the parts %j, when they are put together, then it gives %j", (parts, expected) => {
  expect(resultOf(() => call(DATE_FUNCTIONS["mktime/0"], parts))).toEqual(expected);
});

test.each([
  ["%a %A %b %B %h", "Thu Thursday Mar March Mar"],
  ["%C %d %D %e %F", "20 05 03/05/15  5 2015-03-05"],
  ["%g %G %V %U %W %u %w %j", "15 2015 10 09 09 4 4 064"],
  ["%H %I %k %l %M %p %P", "23 11 23 11 53 PM pm"],
  ["%r|%R|%T|%s|%S", "11:53:41 PM|23:53|23:53:41|1425599621|41"],
  ["%c|%x|%X", "Thu Mar  5 23:53:41 2015|03/05/15|23:53:41"],
  ["%y %Y %z %Z %% %n%t", "15 2015 +0000 UTC % \n\t"],
  ["%_d %-d %0e %^a %#a %5d %_5H %010Y %^B %-j", " 5 5 05 THU THU 00005    23 0000002015 MARCH 64"],
  ["%Ey %Od %Q %", "15 05 %Q %"],
  ["", ""],
])("given the format %j, when a time is written, then the text is C's", (format, expected) => {
  expect(call(DATE_FUNCTIONS["strftime/1"], at, format)).toBe(expected);
  expect(call(DATE_FUNCTIONS["strflocaltime/1"], at, format)).toBe(expected);
});

test.each<[string, string, Json]>([
  ["2015-03-05T23:51:47Z", "%Y-%m-%dT%H:%M:%SZ", [2015, 2, 5, 23, 51, 47, 4, 63]],
  ["Thursday, March 05, 2015", "%A, %B %d, %Y", [2015, 2, 5, 0, 0, 0, 4, 63]],
  ["Thu Mar  5 23:51:47 2015", "%c", [2015, 2, 5, 23, 51, 47, 4, 63]],
  ["thu MAR 5 15", "%a %b %d %y", [2015, 2, 5, 0, 0, 0, 4, 63]],
  ["10:20", "%H:%M", [1900, 0, 0, 10, 20, 0, 8, 367]],
  ["2024 064", "%Y %j", [2024, 2, 4, 0, 0, 0, 1, 63]],
  ["9 4 2015", "%U %w %Y", [2015, 2, 5, 0, 0, 0, 4, 63]],
  ["20 15", "%C %y", [2015, 0, 0, 0, 0, 0, 3, -1]],
  ["12 AM", "%I %p", [1900, 0, 0, 0, 0, 0, 8, 367]],
  ["PM 3", "%p %I", [1900, 0, 0, 15, 0, 0, 8, 367]],
  ["1425599621", "%s", [2015, 2, 5, 23, 53, 41, 4, 63]],
  ["2015-03-05 +02:00", "%F %z", [2015, 2, 5, 0, 0, 0, 4, 63]],
  ["2024010203", "%Y%m%d%H", [2024, 0, 2, 3, 0, 0, 2, 1]],
  ["2015-03-05 rest", "%F", [2015, 2, 5, 0, 0, 0, 4, 63, " rest"]],
  ["2015-03-05x", "%F", '!date "2015-03-05x" does not match format "%F"'],
  ["13", "%m", '!date "13" does not match format "%m"'],
  ["A5", "a%d", '!date "A5" does not match format "a%d"'],
])("given %j, when it is read as %j, then it gives %j", (text, format, expected) => {
  expect(resultOf(() => call(DATE_FUNCTIONS["strptime/1"], text, format))).toEqual(expected);
});

test("given what is no time, when it is written or read, then the complaint is jq's", () => {
  const { "strftime/1": strftime, "strflocaltime/1": strflocaltime, "strptime/1": strptime } = DATE_FUNCTIONS;
  expect(resultOf(() => call(strftime, "a", "%Y"))).toBe("!strftime/1 requires parsed datetime inputs");
  expect(resultOf(() => call(strftime, 0, []))).toBe("!strftime/1 requires a string format");
  expect(resultOf(() => call(strflocaltime, ["a"], "%Y"))).toBe("!strflocaltime/1 requires parsed datetime inputs");
  expect(resultOf(() => call(strftime, 0, "%500d"))).toBe("!strftime/1: unknown system failure");
  expect(resultOf(() => call(strptime, 1, "%Y"))).toBe("!strptime/1 requires string inputs and arguments");
  expect(resultOf(() => call(DATE_FUNCTIONS["gmtime/0"], "a"))).toBe("!gmtime() requires numeric inputs");
});

test("given the short forms, when they are applied, then they mean the long ones", () => {
  const text = "2015-03-05T23:53:41Z";
  for (const name of ["todate/0", "todateiso8601/0", "date/0"]) expect(call(DATE_FUNCTIONS[name], at + 0.9)).toBe(text);
  for (const name of ["fromdate/0", "fromdateiso8601/0"]) expect(call(DATE_FUNCTIONS[name], text)).toBe(at);
  expect(call(DATE_FUNCTIONS["dateadd/2"], at, "seconds", 10)).toBe(at + 10);
  expect(call(DATE_FUNCTIONS["datesub/2"], at, "seconds", 10)).toBe(at - 10);
});
