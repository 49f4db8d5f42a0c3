import { describe, expect, test } from "vitest";
import { addDuration, fixedDurationMs, parseDuration } from "../../../src/values/durations.ts";
import type { Json } from "../../../src/values/json.ts";

const parsed = (value: Json) => {
  const duration = parseDuration(value);
  if (duration === undefined) throw new Error(`${JSON.stringify(value)} is not a duration`);
  return duration;
};

describe("given a duration of fixed length, when it is read, then its milliseconds are exact", () => {
  const cases: readonly (readonly [Json, number])[] = [
    ["PT0S", 0],
    ["PT1.5S", 1_500],
    ["PT1.001S", 1_001],
    ["PT0.5H", 1_800_000],
    ["P1W2DT3H4M5S", 788_645_000],
    [{ milliseconds: 0 }, 0],
    [{ days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 90_061_001],
  ];
  test.each(cases)("%j", (value, expected) => {
    expect(fixedDurationMs(parsed(value))).toBe(expected);
  });
});

describe("given something that is no duration, when it is read, then it is refused", () => {
  const cases: readonly Json[] = [
    ...[
      "",
      "P",
      "PT",
      "P1DT",
      "1h",
      "pt1s",
      "-PT1S",
      "PT-1S",
      "+PT1S",
      " PT1S",
      "P0.5Y",
      "P0.5M",
      "PT0.0001S",
      "P10001Y",
    ],
    ...[{}, { seconds: -1 }, { seconds: 1.5 }, { seconds: "1" }, { weeks: 1 }, { fortnights: 1 }, { days: 1e14 }],
    ...[null, 5, true, [], [1]],
  ];
  test.each(cases.map((value) => [value]))("%j", (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });
});

describe("given years and months, when they are added, then the UTC calendar decides", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["2024-01-31T05:00:00.000Z", "P1M", "2024-02-29T05:00:00.000Z"],
    ["2023-01-31T05:00:00.000Z", "P1M", "2023-02-28T05:00:00.000Z"],
    ["2024-02-29T00:00:00.000Z", "P1Y", "2025-02-28T00:00:00.000Z"],
    ["2023-12-31T00:00:00.000Z", "P2MT1H", "2024-02-29T01:00:00.000Z"],
    ["2024-03-30T12:00:00.000Z", "P1Y1M1W1D", "2025-05-08T12:00:00.000Z"],
    ["2024-03-30T12:00:00.000Z", "PT36H", "2024-04-01T00:00:00.000Z"],
  ];
  test.each(cases)("%s + %s", (from, duration, expected) => {
    expect(new Date(addDuration(Date.parse(from), parsed(duration))).toISOString()).toBe(expected);
  });
});

test("given years or months, when the fixed length is asked, then there is none", () => {
  expect(fixedDurationMs(parsed("P1M"))).toBeUndefined();
});
