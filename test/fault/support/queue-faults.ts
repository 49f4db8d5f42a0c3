import { expect, test } from "vitest";
import { bullmqConfig } from "../../../bullmq.config.ts";
import { duplicate } from "./duplicator.ts";
import { halt } from "./signals.ts";
import { until } from "./until.ts";
import type { World } from "./world.ts";

const { events, timers, tasks } = bullmqConfig.queues;
const LIMIT_MS = 150_000;

/** Losing, doubling or reordering any job changes only time. */
export function queueFaults(world: () => World): void {
  const waiting = async (queue: string) => {
    const counts = await world().store.queues.counts();
    return counts.find((each) => each.queue === queue)?.waiting ?? 0;
  };
  const rescues = () => world().total("durabull_rescues_total");

  test(
    "given every job delivered three times, when executions run, then no event is doubled and repeats keep their key",
    async () => {
      const doubled = duplicate(world().store.queues.boardQueues());
      const runs = await world().load({ executions: 20, isEnough: () => (doubled.copies[events] ?? 0) > 40 });
      await doubled.stop();
      console.log(`copies added: ${JSON.stringify(doubled.copies)}`);
      await world().expectSound(runs);
    },
    LIMIT_MS,
  );

  test(
    "given wake-ups that vanish from their queue, when executions were started, then they are rescued and end",
    async () => {
      const { load, store, workers, expectSound } = world();
      const before = await rescues();
      const halted = halt(...workers.map(({ pid }) => pid));
      const loading = load({ executions: 5, atOnce: 5 });
      await until("five wake-ups wait", async () => (await waiting(events)) >= 5);
      expect(await store.loseJobs(events)).toBeGreaterThanOrEqual(5);
      halted.resume();
      await expectSound(await loading);
      expect(await rescues()).toBeGreaterThan(before);
    },
    LIMIT_MS,
  );

  test(
    "given timers that vanish from their queue, when their time comes, then they fire all the same",
    async () => {
      const { load, store, expectSound, throughQueues } = world();
      const before = await rescues();
      const loading = load({ executions: 5, atOnce: 5, kinds: ["pause"] });
      await until("timers are delayed and lost", async () => (await store.loseJobs(timers)) > 0);
      await expectSound(await loading);
      // Who fires them from memory misses no job.
      if (throughQueues) expect(await rescues()).toBeGreaterThan(before);
    },
    LIMIT_MS,
  );

  test(
    "given activities in hand and waiting, when everything in the queues is wiped, then all executions end",
    async () => {
      const { load, store, outside, expectSound } = world();
      const before = await rescues();
      const gate = outside.hold("/");
      // More than the workers may have in hand, from the queue and by themselves.
      const loading = load({ executions: 40, atOnce: 40 });
      await until("activities wait for a worker", async () => (await waiting(tasks)) >= 10);
      await store.wipeQueues();
      gate.open();
      await expectSound(await loading);
      expect(await rescues()).toBeGreaterThan(before);
    },
    LIMIT_MS,
  );
}
