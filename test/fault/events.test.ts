import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EVENT_FAILPOINTS } from "../../src/values/failpoints.ts";
import { startService } from "../support/service-process.ts";
import { send } from "./support/load.ts";
import type { StoreKind } from "./support/store.ts";
import { superviseKilled } from "./support/supervisor.ts";
import { until } from "./support/until.ts";
import { fromEnvironment, openWorld, type World } from "./support/world.ts";

/** For longer runs. By default each failpoint on one store, a few on the other: what stands between them is the same code. */
const killsOn = (kind: StoreKind) => fromEnvironment("EVENT_KILLS", kind === "redis" ? EVENT_FAILPOINTS.length : 2);
const LIMIT_MS = 300_000;
const KINDS: readonly StoreKind[] = ["redis", "postgres"];

const LISTENER = {
  document: { dsl: "1.0.3", namespace: "faults", name: "listener", version: "1.0.0" },
  do: [
    {
      hear: {
        listen: {
          to: {
            any: [{ with: { type: "faults.told" }, correlate: { to: { from: ".to", expect: "${ .me }" } } }],
            until: "${ length == 3 }",
          },
        },
      },
    },
  ],
};

describe.each(KINDS)("events on %s", (kind) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld(kind);
  }, LIMIT_MS);
  afterAll(() => world?.close());

  test(
    "given a worker killed between a listen, an emit and the inbox, when workflows talk, then each word is heard once, in order",
    async () => {
      const kills = killsOn(kind);
      const killed = superviseKilled(world.startWorker, kills, EVENT_FAILPOINTS);
      const isEnough = () => killed.total() >= kills;
      const runs = await world.load({ executions: 10, kinds: ["talk"], isEnough, atOnce: 5, pauseMs: 200 });
      await killed.stop();
      await world.expectSound(runs);
    },
    LIMIT_MS,
  );

  test(
    "given an API killed between keeping an event and delivering it, when others look, then the event is heard all the same, once",
    async () => {
      const started = await send(`${world.api.url}/api/v1/executions`, "POST", {
        document: LISTENER,
        input: { me: kind },
      });
      const at = `${world.api.url}/api/v1/executions/${String(started.body.executionId)}`;
      await until("it listens", async () => (await send(at, "GET")).body.status === "WAITING");
      for (let n = 0; n < 3; n++) {
        const env = { ...world.store.env, DURABULL_FAILPOINT: "before-deliver:kill:1" };
        const api = await startService({ entry: ["src/main.ts", "api"], env });
        const event = { specversion: "1.0", id: `e${n}`, source: "/faults", type: "faults.told", to: kind, data: n };
        const answer = await send(`${api.url}/api/v1/events`, "POST", event).catch(() => undefined);
        expect(answer?.status ?? 202).toBe(202);
        // Killed, or somebody else was faster.
        await Promise.race([api.exited, until("it is heard", async () => (await heard(at)) > n)]);
        // As a client that saw no answer would.
        if (answer === undefined) await send(`${world.api.url}/api/v1/events`, "POST", event);
        await until("it is heard", async () => (await heard(at)) > n);
        await api.kill();
      }
      expect((await send(`${at}?wait=30s`, "GET")).body).toMatchObject({ status: "COMPLETED", output: [0, 1, 2] });
    },
    LIMIT_MS,
  );
});

async function heard(execution: string): Promise<number> {
  const { body } = await send(`${execution}/history?limit=500`, "GET");
  return (body.items as readonly { type: string }[]).filter(({ type }) => type === "io.flunq.event.received").length;
}
