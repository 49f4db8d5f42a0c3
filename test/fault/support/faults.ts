import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processFaults } from "./process-faults.ts";
import { queueFaults } from "./queue-faults.ts";
import { serverFaults } from "./server-faults.ts";
import type { StoreKind } from "./store.ts";
import { superviseKilled } from "./supervisor.ts";
import { fromEnvironment, openWorld, type World } from "./world.ts";

/** For longer runs: KILLS=60 EXECUTIONS=300. By default each failpoint on one store, a few on the other. */
const EXECUTIONS = fromEnvironment("EXECUTIONS", 25);
const killsOn = (kind: StoreKind) => fromEnvironment("KILLS", kind === "redis" ? 9 : 4);

/** What the service survives on every store. */
export function theFaults(kind: StoreKind): void {
  const kills = killsOn(kind);
  describe(`faults on ${kind}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld(kind);
    });
    afterAll(() => world.close());

    test(
      "given no fault, when executions run, then all end, no call is repeated and nothing has to be rescued",
      async () => {
        const runs = await world.load({ executions: EXECUTIONS });
        await world.expectSound(runs);
        expect(world.repeated(runs)).toEqual([]);
        expect(await world.total("durabull_rescues_total")).toBe(0);
        // An answer that is decided on at once and one from the queue, of the same execution elsewhere, may meet.
        if (kind === "postgres") expect(await world.total("durabull_lost_fences_total")).toBe(0);
      },
      60_000 + EXECUTIONS * 500,
    );

    test(
      "given a worker killed at every failpoint and at random instants, when executions run, then nothing is lost or doubled",
      async () => {
        const killed = superviseKilled(world.startWorker, kills);
        const isEnough = () => killed.total() >= kills;
        const runs = await world.load({ executions: EXECUTIONS, isEnough, atOnce: 5, pauseMs: 500 });
        await killed.stop();
        console.log(`${kind}: ${runs.length} executions, killed at ${JSON.stringify(killed.deaths)}`);
        await world.expectSound(runs);
      },
      120_000 + kills * 15_000 + EXECUTIONS * 1_000,
    );

    queueFaults(() => world);
    processFaults(() => world);
    serverFaults(() => world);
  });
}
