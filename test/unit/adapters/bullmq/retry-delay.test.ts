import { expect, test } from "vitest";
import { retryDelayMs } from "../../../../src/adapters/bullmq/queue-server.ts";

test.each([
  [1, 0, 200],
  [2, 0, 400],
  [3, 0, 800],
  [7, 0, 10_000],
  [1_000_000, 0, 10_000],
  [1, 1, 100],
])(
  "given %i failed tries and the random number %f, when the next delay is asked, then it is %i ms",
  (made, random, delay) => {
    expect(retryDelayMs(made, { baseMs: 200, maxMs: 10_000 }, random)).toBe(delay);
  },
);
