import { expect, test } from "vitest";
import { FAILPOINTS } from "../../../src/values/failpoints.ts";
import type { ServiceProcess } from "../../support/service-process.ts";
import { halt, isHalted } from "./signals.ts";
import { until } from "./until.ts";
import { metricOf, type World } from "./world.ts";

const LIMIT_MS = 150_000;
const HOUR_MS = 3_600_000;
const SHIFTED_CLOCK = new URL("shifted-clock.mjs", import.meta.url).href;

function clockShiftedBy(shiftMs: number): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import ${SHIFTED_CLOCK}`, CLOCK_SHIFT_MS: String(shiftMs) };
}

/** On PostgreSQL, where locks are judged by the workers' clocks, such a worker takes nothing and says so. */
function refusesToWork(worker: ServiceProcess): boolean {
  return worker.log.some(({ msg }) => msg.includes("clock of this machine"));
}

/** Workers that stop, drain, or do not know what time it is. */
export function processFaults(world: () => World): void {
  const commits = (worker: Parameters<typeof metricOf>[0]) => metricOf(worker, "durabull_commits_total");

  test(
    "given a worker that fails or dawdles at every failpoint, when executions run, then nothing is lost or doubled",
    async () => {
      const { load, startWorker, expectSound } = world();
      const points = FAILPOINTS.flatMap((name) => [`${name}:throw:0.1`, `${name}:delay100:0.2`]);
      const failing = await startWorker({ DURABULL_FAILPOINT: points.join(), EVENT_RETRY_ATTEMPTS: "1000" });
      let isEnough = false;
      const loading = load({ executions: 15, isEnough: () => isEnough });
      await until("it has failed", async () => (await metricOf(failing, "durabull_engine_faults_total")) > 5);
      isEnough = true;
      await expectSound(await loading);
      await failing.kill();
    },
    LIMIT_MS,
  );

  test(
    "given a worker halted before its commit for longer than its lock, when it goes on, then its commit is refused",
    async () => {
      const { load, startWorker, expectSound } = world();
      const zombie = await startWorker({ DURABULL_FAILPOINT: "before-commit:stop:1" });
      const runs = await load({ executions: 10, isEnough: () => isHalted(zombie.pid) });
      await until("the zombie's commit is refused", async () => {
        process.kill(zombie.pid, "SIGCONT");
        return (await metricOf(zombie, "durabull_lost_fences_total")) > 0;
      });
      await zombie.kill();
      await expectSound(runs);
    },
    LIMIT_MS,
  );

  test(
    "given a worker with calls in hand, when it is asked to end, then it finishes them, exits with 0 and no call is repeated",
    async () => {
      const { load, startWorker, workers, outside, repeated, total, expectSound } = world();
      const before = await total("durabull_rescues_total");
      const leaving = await startWorker({ TASK_CONCURRENCY: "50" });
      const gate = outside.hold("/");
      // With nothing in hand yet, so that all of the work is the leaving one's until it has some.
      const others = halt(...workers.map(({ pid }) => pid));
      const loading = load({ executions: 20, atOnce: 20 });
      await until("it has work", async () => (await commits(leaving)) > 0).finally(others.resume);
      const left = leaving.stop();
      gate.open();
      expect(await left).toBe(0);
      const runs = await loading;
      await expectSound(runs);
      expect(repeated(runs)).toEqual([]);
      expect(await total("durabull_rescues_total")).toBe(before);
    },
    LIMIT_MS,
  );

  test(
    "given calls that outlast the grace, when their worker is asked to end, then it hands them back and others make them",
    async () => {
      const { load, startWorker, workers, outside, expectSound } = world();
      const leaving = await startWorker({ TASK_CONCURRENCY: "50", SHUTDOWN_GRACE: "100ms" });
      const gate = outside.hold("/");
      // With nothing in hand yet, so that all of the work is the leaving one's until it has some.
      const others = halt(...workers.map(({ pid }) => pid));
      const loading = load({ executions: 20, atOnce: 20 });
      await until("it has work", async () => (await commits(leaving)) > 0).finally(others.resume);
      expect(await leaving.stop()).toBe(0);
      gate.open();
      await expectSound(await loading);
    },
    LIMIT_MS,
  );

  test(
    "given a worker whose clock is an hour ahead, when it puts timers off by that clock and is gone, then they fire in time",
    async () => {
      const { load, startWorker, store, expectSound } = world();
      const ahead = await startWorker(clockShiftedBy(HOUR_MS));
      let isEnough = false;
      const loading = load({ executions: 10, kinds: ["pause"], isEnough: () => isEnough });
      await until("it takes part", async () =>
        store.kind === "postgres" ? refusesToWork(ahead) : (await store.delayedBeyond(Date.now() + HOUR_MS / 2)) > 0,
      );
      await ahead.kill();
      isEnough = true;
      await expectSound(await loading);
    },
    LIMIT_MS,
  );

  test(
    "given a worker whose clock is an hour behind, when executions wait, then no timer is early or late for good",
    async () => {
      const { load, startWorker, store, expectSound } = world();
      const behind = await startWorker(clockShiftedBy(-HOUR_MS));
      let isEnough = false;
      const loading = load({ executions: 10, kinds: ["pause"], isEnough: () => isEnough });
      await until("it takes part", async () =>
        store.kind === "postgres" ? refusesToWork(behind) : (await commits(behind)) > 3,
      );
      isEnough = true;
      await expectSound(await loading);
      await behind.kill();
    },
    LIMIT_MS,
  );

  test(
    "given all workers halted for three times the lock, when they go on, then nothing is lost or doubled",
    async () => {
      const { load, workers, expectSound } = world();
      const loading = load({ executions: 10 });
      const halted = halt(...workers.map(({ pid }) => pid));
      await new Promise((resolve) => setTimeout(resolve, 9_000));
      halted.resume();
      await expectSound(await loading);
    },
    LIMIT_MS,
  );
}
