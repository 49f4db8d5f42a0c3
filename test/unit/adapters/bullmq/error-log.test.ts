import { expect, test } from "vitest";
import { bullmqConfig } from "../../../../bullmq.config.ts";
import { errorLog } from "../../../../src/adapters/bullmq/error-log.ts";

test("given a storm of errors, when time passes, then a few lines a window are written, and the rest is counted on the next", () => {
  const { lines, windowMs } = bullmqConfig.errorLog;
  const written: { heldBack: number }[] = [];
  let now = 0;
  const report = errorLog({ warn: (fields) => void written.push(fields as { heldBack: number }) }, () => now);
  for (let i = 0; i < 10_000; i += 1) report(new Error("out of memory"), "durabull-events");
  expect(written).toHaveLength(lines);
  now = windowMs;
  report(new Error("out of memory"), "durabull-events");
  expect(written).toHaveLength(lines + 1);
  expect(written.at(-1)?.heldBack).toBe(10_000 - lines);
});
