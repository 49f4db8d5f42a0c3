// The steps of the workloads. Plain JavaScript on the build, so that starting the service compiles nothing.
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const { defineFunction } = await import(new URL("../../dist/src/functions/index.js", import.meta.url).href);

/** Does nothing; says when (CLOCK_MONOTONIC, milliseconds), for the latency up to the last step. */
export const nothing = defineFunction({
  name: "nothing",
  handler: async () => Number(process.hrtime.bigint()) / 1e6,
});

/** Takes `ms`, and notes each of its runs in a file that survives the process. */
export const slow = defineFunction({
  name: "slow",
  async handler({ log, step, ms }, { workflowId }) {
    appendFileSync(log, `${workflowId}:${step}\n`);
    await sleep(ms);
    return null;
  },
});
