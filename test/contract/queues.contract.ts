import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import type { ActivityJob, ConsumeOptions, LetterJob, Queues, TimerJob } from "../../src/ports/queues.ts";
import { type Group, newExecutionId } from "../../src/values/ids.ts";
import { eventually, gate } from "./support/eventually.ts";

/** Queues that see the same jobs; every test has a space of its own. */
export interface QueueSpace {
  /** Another process's view of it, so to say. */
  queues(): Queues;
  /** A real process that took one job; resolves once it holds it. */
  holder(kind: "wake" | "activity"): Promise<{ kill(): Promise<void> }>;
  close(): Promise<void>;
}

/** What every `Queues` promises; each adapter's test calls it with a real server. */
export function queuesContract(openSpace: () => Promise<QueueSpace>): void {
  const spaces: QueueSpace[] = [];
  afterEach(async () => {
    for (const space of spaces.splice(0)) await space.close();
  });
  async function open(): Promise<QueueSpace> {
    const space = await openSpace();
    spaces.push(space);
    return space;
  }

  describe("wake-ups", () => {
    test("given 100 wakes at once from two processes, when two consumers take them, then no runs overlap and the last wake is heard", async () => {
      const space = await open();
      const [one, two] = [space.queues(), space.queues()];
      const group = someGroup();
      let unread = 0;
      let running = 0;
      const overlaps: number[] = [];
      const run = async () => {
        running += 1;
        overlaps.push(running);
        unread = 0;
        await sleep(2);
        running -= 1;
      };
      one.consumeWakes(run, eager);
      two.consumeWakes(run, eager);
      const wakes = Array.from({ length: 100 }, async (_, i) => {
        await sleep(i % 10);
        unread += 1;
        await (i % 2 === 0 ? one : two).wake(group, "io.flunq.execution.signaled");
      });
      await Promise.all(wakes);
      await eventually("all is read and nothing waits", async () => unread === 0 && !(await one.wakeAlive(group)));
      expect(Math.max(...overlaps)).toBe(1);
    });

    test("given a run in progress, when its group is woken 50 times, then exactly one run follows", async () => {
      const queues = (await open()).queues();
      const group = someGroup();
      const first = gate();
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
        if (runs === 1) await first.opened;
      }, eager);
      await queues.wake(group, "io.flunq.execution.started");
      await eventually("the first run starts", () => runs === 1);
      await Promise.all(Array.from({ length: 50 }, () => queues.wake(group, "io.flunq.execution.signaled")));
      expect(runs).toBe(1);
      first.open();
      await eventually("the group rests", async () => runs > 1 && !(await queues.wakeAlive(group)));
      expect(runs).toBe(2);
    });

    test("given two groups of one tenant, when one of them runs, then the other runs meanwhile", async () => {
      const queues = (await open()).queues();
      const [slow, quick] = [someGroup("slow"), someGroup("quick")];
      const held = gate();
      const seen: string[] = [];
      queues.consumeWakes(async ({ workflowId }) => {
        seen.push(workflowId);
        if (workflowId === "slow") await held.opened;
      }, eager);
      await queues.wake(slow, "io.flunq.execution.started");
      await eventually("the slow one runs", () => seen.length === 1);
      await queues.wake(quick, "io.flunq.execution.started");
      await eventually("the quick one runs", () => seen.includes("quick"));
      held.open();
    });

    test("given a handler that throws, when a wake came meanwhile, then it runs all the same, and a later wake too", async () => {
      const queues = (await open()).queues();
      const group = someGroup();
      const first = gate();
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
        if (runs > 1) return;
        await first.opened;
        throw new Error("cannot decide");
      }, eager);
      await queues.wake(group, "io.flunq.execution.started");
      await eventually("the first run starts", () => runs === 1);
      await queues.wake(group, "io.flunq.execution.signaled");
      first.open();
      await eventually("the kept wake runs", () => runs === 2);
      await eventually("the group rests", async () => !(await queues.wakeAlive(group)));
      await queues.wake(group, "io.flunq.execution.signaled");
      await eventually("a later wake runs", () => runs === 3);
    });

    test("given nobody consumes, when a group is woken, then the wake is alive, that of another is not", async () => {
      const queues = (await open()).queues();
      await queues.wake(someGroup("one"), "io.flunq.execution.started");
      expect(await queues.wakeAlive(someGroup("one"))).toBe(true);
      expect(await queues.wakeAlive(someGroup("two"))).toBe(false);
    });

    test("given a wake waiting, when the group is woken by force, then it runs", async () => {
      const queues = (await open()).queues();
      const group = someGroup();
      await queues.wake(group, "io.flunq.execution.started");
      await queues.forceWake(group, "io.flunq.execution.started");
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
      }, eager);
      await eventually("the group ran and rests", async () => runs > 0 && !(await queues.wakeAlive(group)));
      expect(runs).toBe(1);
    });

    test("given a worker killed with a wake-up, when another recovers, then that runs it and is told", async () => {
      const space = await open();
      const queues = space.queues();
      const group = someGroup();
      const holder = await startHolding(space, "wake", () => queues.wake(group, "io.flunq.execution.started"));
      const told: boolean[] = [];
      await holder.kill();
      queues.consumeWakes(async (_, { redelivered }) => void told.push(redelivered), eager);
      await eventually("the wake-up runs again", () => told.length > 0);
      expect(told).toEqual([true]);
    });

    test("given a worker killed with a wake-up, when nobody recovers, then it is dead, and one by force runs", async () => {
      const space = await open();
      const queues = space.queues();
      const group = someGroup();
      const holder = await startHolding(space, "wake", () => queues.wake(group, "io.flunq.execution.started"));
      expect(await queues.wakeAlive(group)).toBe(true);
      await holder.kill();
      let runs = 0;
      queues.consumeWakes(
        async () => {
          runs += 1;
        },
        { ...eager, recover: false },
      );
      await eventually("it counts as dead", async () => !(await queues.wakeAlive(group)));
      expect(runs).toBe(0);
      await queues.forceWake(group, "io.flunq.execution.started");
      await eventually("the new one runs", () => runs === 1);
    });
  });

  describe("timers", () => {
    test("given timers spread over 400 ms, when they fire, then none is early and each fires once", async () => {
      const queues = (await open()).queues();
      const fired = new Map<number, number>();
      let early = 0;
      queues.consumeTimers(async ({ name, fireAt }) => {
        if (Date.now() < fireAt) early += 1;
        fired.set(name, (fired.get(name) ?? 0) + 1);
        return "done";
      }, eager);
      const now = Date.now();
      await queues.dispatch(Array.from({ length: 20 }, (_, i) => timer({ name: i + 1, fireAt: now + i * 20, now })));
      await eventually("all have fired", () => fired.size === 20);
      expect([...fired.values()]).toEqual(Array(20).fill(1));
      expect(early).toBe(0);
    });

    test("given a timer waiting, when it is removed, then it is not alive and never fires", async () => {
      const queues = (await open()).queues();
      const now = Date.now();
      const [gone, kept] = [timer({ name: 1, fireAt: now + 300, now }), timer({ name: 2, fireAt: now + 600, now })];
      await queues.dispatch([gone, kept]);
      expect(await queues.alive(gone)).toBe(true);
      await queues.remove([gone]);
      expect(await queues.alive(gone)).toBe(false);
      const fired: number[] = [];
      queues.consumeTimers(async ({ name }) => {
        fired.push(name);
        return "done";
      }, eager);
      await eventually("the later timer fires", () => fired.length > 0);
      expect(fired).toEqual([2]);
    });

    test.each([
      ["a little", 200],
      ["long", 1_500],
    ])(
      "given a timer %s early by the store's clock, when it ran, then it runs again after the difference, alive in between",
      async (_, earlyMs) => {
        const queues = (await open()).queues();
        const now = Date.now();
        const early = timer({ name: 1, fireAt: now, now });
        const ranAt: number[] = [];
        queues.consumeTimers(async ({ fireAt }) => {
          ranAt.push(performance.now());
          return ranAt.length === 1 ? { again: fireAt, now: fireAt - earlyMs } : "done";
        }, eager);
        await queues.dispatch([early]);
        await eventually("it runs", () => ranAt.length === 1);
        expect(await queues.alive(early)).toBe(true);
        await eventually("it runs again", () => ranAt.length === 2);
        const [first = 0, second = 0] = ranAt;
        expect(second - first).toBeGreaterThanOrEqual(earlyMs - 1);
        await eventually("it is done", async () => !(await queues.alive(early)));
        expect(ranAt).toHaveLength(2);
      },
    );

    test("given a timer that is early three times, when it fires at last, then it is gone", async () => {
      const queues = (await open()).queues();
      const now = Date.now();
      let runs = 0;
      queues.consumeTimers(async ({ fireAt }) => {
        runs += 1;
        return runs < 4 ? { again: fireAt, now: fireAt - 1_100 } : "done";
      }, eager);
      const late = timer({ name: 1, fireAt: now, now });
      await queues.dispatch([late]);
      await eventually("it fires", () => runs === 4);
      await eventually("it is gone", async () => !(await queues.alive(late)));
    });
  });

  describe("activities", () => {
    test("given an activity waiting, when it is dispatched again, then it runs once, and under the next number once more", async () => {
      const queues = (await open()).queues();
      await Promise.all([queues.dispatch([activity()]), queues.dispatch([activity()])]);
      await queues.dispatch([activity()]);
      const ran: number[] = [];
      queues.consumeActivities(async ({ dispatch }) => void ran.push(dispatch), eager);
      await eventually("it ran", async () => ran.length > 0 && !(await queues.alive(activity())));
      await queues.dispatch([activity({ dispatch: 1 })]);
      await eventually("it ran under the next number", () => ran.includes(1));
      expect(ran).toEqual([0, 1]);
    });

    test("given 300 activities and timers in one dispatch, when they are taken, then each ran once with what it was given", async () => {
      const queues = (await open()).queues();
      const now = Date.now();
      const jobs = Array.from({ length: 150 }, (_, i) => i + 1).flatMap((name) => [
        activity({ name }),
        timer({ name, fireAt: now, now }),
      ]);
      const seen: unknown[] = [];
      queues.consumeActivities(async (job) => void seen.push(job), eager);
      queues.consumeTimers(async (job) => {
        seen.push({ ...job, now });
        return "done";
      }, eager);
      await queues.dispatch(jobs);
      await eventually("all ran", () => seen.length >= jobs.length);
      expect(seen).toHaveLength(jobs.length);
      expect(seen).toEqual(expect.arrayContaining(jobs));
    });

    test("given a handler that throws twice, when it is tried again, then the third run ends it", async () => {
      const queues = (await open()).queues();
      const told: boolean[] = [];
      queues.consumeActivities(async (_, { redelivered }) => {
        told.push(redelivered);
        if (told.length < 3) throw new Error("the store is away");
      }, eager);
      await queues.dispatch([activity()]);
      await eventually("it ran", () => told.length >= 1);
      await eventually("it is done", async () => told.length === 3 && !(await queues.alive(activity())));
      expect(told).toEqual([false, false, false]);
    });

    test("given an activity, when it waits, runs, is removed while it runs and is done, then alive says what is so", async () => {
      const queues = (await open()).queues();
      const held = gate();
      let running = false;
      expect(await queues.alive(activity())).toBe(false);
      await queues.dispatch([activity()]);
      expect(await queues.alive(activity())).toBe(true);
      queues.consumeActivities(async () => {
        running = true;
        await held.opened;
      }, eager);
      await eventually("it runs", () => running);
      await queues.remove([activity(), activity({ name: 99 })]);
      expect(await queues.alive(activity())).toBe(true);
      held.open();
      await eventually("it is done", async () => !(await queues.alive(activity())));
    });

    test.each(["gpu", "meta", "1:2", "../x y", "ü"])(
      "given the activity queue %j, when it has a consumer of its own, then only that takes it",
      async (name) => {
        const queues = (await open()).queues();
        const taken: string[] = [];
        queues.consumeActivities(async () => void taken.push("common"), eager);
        queues.consumeActivities(async () => void taken.push("own"), { ...eager, queue: name });
        await queues.dispatch([activity({ queue: name }), activity({ name: 2 })]);
        await eventually("both ran", () => taken.length === 2);
        expect(taken.sort()).toEqual(["common", "own"]);
      },
    );

    test("given a worker killed with an activity, when another recovers, then it stays alive, and that one runs it and is told", async () => {
      const space = await open();
      const queues = space.queues();
      const holder = await startHolding(space, "activity", () => queues.dispatch([activity()]));
      const told: boolean[] = [];
      const held = gate();
      await holder.kill();
      queues.consumeActivities(async (_, { redelivered }) => {
        told.push(redelivered);
        await held.opened;
      }, eager);
      while (told.length === 0) expect(await queues.alive(activity())).toBe(true);
      expect(told).toEqual([true]);
      held.open();
    });

    test("given a worker killed with an activity, when nobody recovers, then it is dead, and its next dispatch runs", async () => {
      const space = await open();
      const queues = space.queues();
      const holder = await startHolding(space, "activity", () => queues.dispatch([activity()]));
      await holder.kill();
      const ran: number[] = [];
      queues.consumeActivities(async ({ dispatch }) => void ran.push(dispatch), { ...eager, recover: false });
      await eventually("it counts as dead", async () => !(await queues.alive(activity())));
      await queues.dispatch([activity({ dispatch: 1 })]);
      await eventually("the next one runs", () => ran.length > 0);
      expect(ran).toEqual([1]);
    });
  });

  describe("draining", () => {
    test("given a job in hand, when its consumer closes in time, then the job ends undisturbed and no other is taken", async () => {
      const queues = (await open()).queues();
      const held = gate();
      const ran: number[] = [];
      const aborted: boolean[] = [];
      const consumer = queues.consumeActivities(
        async ({ name }, { signal }) => {
          ran.push(name);
          await held.opened;
          aborted.push(signal.aborted);
        },
        { concurrency: 1, recover: true },
      );
      await queues.dispatch([activity({ name: 1 }), activity({ name: 2 })]);
      await eventually("the first runs", () => consumer.inFlight() === 1);
      const closed = consumer.close(20_000);
      held.open();
      await closed;
      expect(consumer.inFlight()).toBe(0);
      expect(aborted).toEqual([false]);
      expect(ran).toHaveLength(1);
      expect(await queues.alive(activity({ name: 3 - (ran[0] ?? 0) }))).toBe(true);
    });

    test.each([
      ["heeds its signal", true],
      ["ignores its signal", false],
    ])(
      "given a handler that %s, when the grace is over, then its job runs elsewhere and counts as no death",
      async (_, heeds) => {
        const space = await open();
        const [leaving, staying] = [space.queues(), space.queues()];
        let holding = false;
        let aborted = false;
        const consumer = leaving.consumeActivities(async (_job, { signal }) => {
          holding = true;
          await new Promise<void>((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              aborted = true;
              if (heeds) reject(new Error("stopped"));
            });
          });
        }, eager);
        await leaving.dispatch([activity()]);
        await eventually("it runs", () => holding);
        await consumer.close(50);
        expect(aborted).toBe(true);
        const told: boolean[] = [];
        staying.consumeActivities(async (_job, { redelivered }) => void told.push(redelivered), {
          ...eager,
          recover: false,
        });
        await eventually("it runs elsewhere", () => told.length > 0);
        expect(told).toEqual([false]);
      },
    );

    test("given an idle consumer, when it is ready and closed twice, then both closings end", async () => {
      const queues = (await open()).queues();
      const consumer = queues.consumeWakes(async () => {}, eager);
      await consumer.ready();
      await Promise.all([consumer.close(1_000), consumer.close(0)]);
      expect(consumer.inFlight()).toBe(0);
    });
  });

  describe("dead letters", () => {
    test("given a letter, when its job was taken, then it counts as failed, is alive, and nobody was asked to redrive it", async () => {
      const queues = (await open()).queues();
      let redrives = 0;
      queues.consumeDeadLetters(async () => {
        redrives += 1;
      }, eager);
      await queues.deadLetter(letter());
      await queues.deadLetter(letter());
      await eventually("it is under failed", async () => (await failedLetters(queues)) === 1);
      await queues.deadLetter(letter());
      expect(await failedLetters(queues)).toBe(1);
      expect(await queues.deadLetterAlive("letter-1")).toBe(true);
      expect(redrives).toBe(0);
    });

    test("given a letter, when it is removed, then it is gone, and another removal is harmless", async () => {
      const queues = (await open()).queues();
      await queues.deadLetter(letter());
      await queues.removeDeadLetter("letter-1");
      await queues.removeDeadLetter("letter-1");
      expect(await queues.deadLetterAlive("letter-1")).toBe(false);
    });
  });

  test("given jobs in several states, when they are counted, then every queue says how many", async () => {
    const space = await open();
    const queues = space.queues();
    const now = Date.now();
    await queues.wake(someGroup("one"), "io.flunq.execution.started");
    await queues.wake(someGroup("two"), "io.flunq.execution.started");
    await queues.dispatch([timer({ name: 1, fireAt: now + 60_000, now }), activity(), activity({ queue: "gpu" })]);
    const counts = await space.queues().counts();
    const total = (state: "waiting" | "delayed" | "active" | "failed") =>
      counts.reduce((sum, count) => sum + count[state], 0);
    expect({ waiting: total("waiting"), delayed: total("delayed"), active: total("active") }).toEqual({
      waiting: 4,
      delayed: 1,
      active: 0,
    });
    expect(counts.map(({ queue }) => queue)).toContain("durabull-tasks-gpu");
  });

  describe("what an autoscaler asks", () => {
    test("given waiting, due and later jobs, when the load of each queue is asked for, then what is not due is not counted", async () => {
      const space = await open();
      const [producer, asker] = [space.queues(), space.queues()];
      const now = Date.now();
      await producer.wake(someGroup("one"), "io.flunq.execution.started");
      await producer.dispatch([
        timer({ name: 1, fireAt: now - 5_000, now: now - 9_000 }),
        timer({ name: 2, fireAt: now + 60_000, now }),
        activity(),
        activity({ name: 2 }),
        activity({ name: 3, queue: "gpu" }),
        activity({ name: 4, queue: "big machines" }),
      ]);
      expect(await asker.load("events")).toMatchObject({ waiting: 1, due: 0, active: 0 });
      expect(await asker.load("tasks")).toMatchObject({ waiting: 2, due: 0, active: 0 });
      expect(await asker.load("tasks-gpu")).toMatchObject({ waiting: 1 });
      expect(await asker.load("tasks-big machines")).toMatchObject({ waiting: 1 });
      expect(await asker.load("tasks-nothing")).toBeNull();
      expect(await asker.load("dlq")).toBeNull();
      const names = await asker.loadNames();
      expect(names.slice(0, 3)).toEqual(["events", "timers", "tasks"]);
      expect(names).toContain("tasks-gpu");
      for (const name of names) expect(await asker.load(name)).not.toBeNull();
      const timers = await asker.load("timers");
      expect(timers).toMatchObject({ waiting: 0, due: 1, active: 0 });
      expect(timers?.oldestAgeMs).toBeGreaterThanOrEqual(5_000);
      expect(timers?.oldestAgeMs).toBeLessThan(60_000);
    });

    test("given a job that somebody holds, when the load is asked for, then it is in hand, and its taker is counted", async () => {
      const space = await open();
      const queues = space.queues();
      expect(await queues.takers("tasks")).toBe(0);
      const holder = await startHolding(space, "activity", () => queues.dispatch([activity()]));
      expect(await queues.load("tasks")).toEqual({ waiting: 0, due: 0, active: 1, oldestAgeMs: 0 });
      expect(await queues.takers("tasks")).toBe(1);
      expect(await queues.takers("timers")).toBe(0);
      await holder.kill();
      await eventually("nobody takes any more", async () => (await queues.takers("tasks")) === 0);
    });
  });

  describe("holders that are gone", () => {
    test("given two holders, when one is killed and who starts frees what nobody holds, then its job runs again as redelivered, once, and the other keeps its own", async () => {
      const space = await open();
      const queues = space.queues();
      const killed = await startHolding(space, "activity", () => queues.dispatch([activity({ name: 1 })]));
      await startHolding(space, "activity", () => queues.dispatch([activity({ name: 2 })]));
      expect(await queues.freeAbandoned()).toBe(0);
      await killed.kill();
      await eventually("its connection is gone", async () => (await queues.takers("tasks")) === 1);
      expect(await queues.freeAbandoned()).toBe(1);
      expect(await queues.freeAbandoned()).toBe(1);
      const taken: { readonly name: number; readonly redelivered: boolean }[] = [];
      queues.consumeActivities(async ({ name }, { redelivered }) => void taken.push({ name, redelivered }), eager);
      await eventually("it ran again", () => taken.length > 0);
      expect(await queues.freeAbandoned()).toBe(0);
      expect(taken).toEqual([{ name: 1, redelivered: true }]);
      expect(await queues.load("tasks")).toMatchObject({ waiting: 0, active: 1 });
    });

    test("given a wake-up whose holder was killed, when it is freed, then it runs again as redelivered", async () => {
      const space = await open();
      const queues = space.queues();
      const holder = await startHolding(space, "wake", () => queues.wake(someGroup(), "io.flunq.execution.started"));
      await holder.kill();
      await eventually("its connection is gone", async () => (await queues.takers("events")) === 0);
      expect(await queues.freeAbandoned()).toBe(1);
      let redeliveries = 0;
      queues.consumeWakes(async (_, { redelivered }) => {
        if (redelivered) redeliveries += 1;
      }, eager);
      await eventually("it ran again", () => redeliveries === 1);
      await eventually("it has ended", async () => !(await queues.wakeAlive(someGroup())));
    });

    test("given a worker that drains with a job in hand, when who starts frees what nobody holds, then it keeps its job", async () => {
      const space = await open();
      const [draining, queues] = [space.queues(), space.queues()];
      let end = () => {};
      const held = new Promise<void>((resolve) => {
        end = resolve;
      });
      let runs = 0;
      const consumer = draining.consumeActivities(async () => {
        runs += 1;
        await held;
      }, eager);
      await queues.dispatch([activity()]);
      await eventually("it is held", () => runs === 1);
      const drained = consumer.close(60_000);
      expect(await queues.freeAbandoned()).toBe(0);
      end();
      await drained;
      expect(await queues.load("tasks")).toMatchObject({ waiting: 0, active: 0 });
      expect(runs).toBe(1);
    });
  });
}

const eager: ConsumeOptions = { concurrency: 10, recover: true };
const execution = newExecutionId(0, 0, "contract");

function someGroup(workflowId = "order-1"): Group {
  return { tenant: "acme", workflowId };
}

function activity(more: Partial<ActivityJob> = {}): ActivityJob {
  return {
    kind: "activity",
    executionId: execution,
    tenant: "acme",
    workflowId: "order-1",
    name: 1,
    dispatch: 0,
    ...more,
  };
}

function timer(more: Pick<TimerJob, "name" | "fireAt" | "now">): TimerJob {
  return { kind: "timer", executionId: execution, tenant: "acme", workflowId: "order-1", dispatch: 0, ...more };
}

export function letter(more: Partial<LetterJob> = {}): LetterJob {
  const where = { tenant: "acme", executionId: execution, workflowId: "order-1" };
  return { id: "letter-1", ...where, kind: "event", message: "the engine threw", stack: "Error: at decide", ...more };
}

async function startHolding(space: QueueSpace, kind: "wake" | "activity", add: () => Promise<void>) {
  await add();
  return space.holder(kind);
}

async function failedLetters(queues: Queues): Promise<number> {
  const counts = await queues.counts();
  return counts.find(({ queue }) => queue.endsWith("dlq"))?.failed ?? 0;
}
