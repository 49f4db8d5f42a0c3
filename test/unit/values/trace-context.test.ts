import { expect, test } from "vitest";
import { traceContextOf } from "../../../src/values/trace-context.ts";

const GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test.each([
  [GOOD, GOOD],
  [`cc${GOOD.slice(2)}-what-the-future-will-bring`, GOOD],
  [`${GOOD}-more`, undefined],
  [`ff${GOOD.slice(2)}`, undefined],
  [GOOD.toUpperCase(), undefined],
  ["00-00000000000000000000000000000000-00f067aa0ba902b7-01", undefined],
  ["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", undefined],
  ["", undefined],
  [undefined, undefined],
  [["a", "b"], undefined],
])("given the traceparent %o, when it is read, then it is %o", (given, expected) => {
  expect(traceContextOf(given, undefined)?.traceparent).toBe(expected);
});

test("given a tracestate, when it can be a header again, then it goes along", () => {
  expect(traceContextOf(GOOD, "a=1,b=2")).toEqual({ traceparent: GOOD, tracestate: "a=1,b=2" });
  expect(traceContextOf(GOOD, "a=\n")).toEqual({ traceparent: GOOD });
  expect(traceContextOf(undefined, "a=1")).toBeUndefined();
});
