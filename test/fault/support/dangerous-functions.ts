import { setTimeout as sleep } from "node:timers/promises";
import { defineFunction } from "../../../src/functions/index.ts";

/** A queue of their own, so that only one worker takes them. */
const queue = "danger";

export const deadly = defineFunction({
  name: "deadly",
  queue,
  handler() {
    process.kill(process.pid, "SIGKILL");
  },
});

/** Never gives the thread back. */
export const spinning = defineFunction({
  name: "spinning",
  queue,
  handler() {
    for (;;);
  },
});

export const harmless = defineFunction({
  name: "harmless",
  queue,
  async handler() {
    await sleep(300);
    return { ok: true };
  },
});
