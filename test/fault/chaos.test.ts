import { describe, expect, test } from "vitest";
import { type ChaosStore, chaos } from "./support/chaos.ts";
import { fromEnvironment } from "./support/world.ts";

const KILLS = fromEnvironment("KILLS", 2);
/** In full: EXECUTIONS=500 STEPS=10 KILLS=0 (a kill each second, to the end). */
const SIZE = {
  executions: fromEnvironment("EXECUTIONS", 20),
  steps: fromEnvironment("STEPS", 10),
  killEveryMs: fromEnvironment("KILL_EVERY_MS", 1_000),
  kills: KILLS === 0 ? undefined : KILLS,
};
/** What a busy machine may take for it. */
const LIMIT_MS = 120_000 + SIZE.executions * SIZE.steps * 400 + KILLS * 15_000;

const STORES: readonly (readonly [ChaosStore, string])[] = [
  ["redis", "a worker is killed"],
  ["postgres", "a worker is killed"],
  ["embedded", "the whole process is killed and started again"],
];

describe.each(STORES)("chaos on %s", (store, what) => {
  test(
    `given executions of many steps, when ${what} again and again, then nothing is lost, and no result is recorded twice`,
    async () => {
      const { violations, ...figures } = await chaos(store, SIZE);
      console.log(`chaos on ${store}: ${JSON.stringify(figures)}`);
      expect(violations).toEqual([]);
      expect(figures).toMatchObject({ lost: 0, doubled: 0 });
    },
    LIMIT_MS,
  );
});
