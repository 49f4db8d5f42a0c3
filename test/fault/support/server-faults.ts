import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { send } from "./load.ts";
import { childrenOf, halt } from "./signals.ts";
import { until } from "./until.ts";
import { fromEnvironment, type World } from "./world.ts";

const RESTARTS = fromEnvironment("RESTARTS", 2);
const LIMIT_MS = 120_000 + RESTARTS * 20_000;
/** Three times the longest lock. */
const OUTAGE_MS = 9_000;
/** The API's promise is two seconds; a machine that is busy with a restart gets some more. */
const ANSWERS_WITHIN_MS = 4_000;

/** A server that dies, restarts or hangs. */
export function serverFaults(world: () => World): void {
  const startSomething = () =>
    send(`${world().api.url}/api/v1/executions`, "POST", { definition: { namespace: "faults", name: "pause" } });

  async function expectRefusedInTime(): Promise<void> {
    const begun = performance.now();
    const { status } = await startSomething();
    const ms = Math.round(performance.now() - begun);
    console.log(`the API answered ${status} after ${ms} ms`);
    expect(status).toBe(503);
    expect(ms).toBeLessThan(ANSWERS_WITHIN_MS);
  }

  test(
    "given a server killed and started again under load, when executions run, then the API refuses in time and nothing is lost",
    async () => {
      const { load, store, expectSound } = world();
      let restarts = 0;
      const loading = load({ executions: 15, isEnough: () => restarts >= RESTARTS, pauseMs: 200 });
      for (; restarts < RESTARTS; restarts++) {
        await sleep(1_000 + Math.random() * 1_000);
        if (store.kind === "redis") await store.server.kill();
        else await store.server.stop();
        await expectRefusedInTime();
        await store.server.restart();
      }
      await expectSound(await loading);
    },
    LIMIT_MS,
  );

  test(
    "given a server that hangs for three times the lock, when it goes on, then the API accepts again and nothing is lost",
    async () => {
      const { load, store, expectSound } = world();
      const loading = load({ executions: 15 });
      await sleep(500);
      // Each connection to PostgreSQL has a process of its own.
      const halted = halt(store.server.pid, ...childrenOf(store.server.pid));
      const over = sleep(OUTAGE_MS);
      if (store.kind === "redis") await expectRefusedInTime();
      await over;
      halted.resume();
      await until("the API accepts again", async () => (await startSomething()).status === 201);
      await expectSound(await loading);
    },
    LIMIT_MS,
  );
}
