import type { Log } from "../ports/executor.ts";
import type { Queues, TimerJob } from "../ports/queues.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { StoreClock } from "./store-clock.ts";
import { within } from "./within.ts";

/** Timers that this process decided, by which it needs not wait for their jobs. */
export interface TimersHere {
  /** After the commit that asks for them. What finds no room is left to its job. */
  arm(jobs: readonly TimerJob[]): void;
  /** They are no longer owed. */
  disarm(executionId: ExecutionId, names: readonly number[]): void;
  /** It is armed, or being fired. */
  holds(executionId: ExecutionId, name: number): boolean;
  /** Resolves when nothing that has come due waits to be decided, or has done so for a second: what is not urgent lets that go first. */
  calm(): Promise<void>;
  /** How much later than their time jobs may come where this process lives, milliseconds. */
  readonly laterMs: number;
}

/** Every timer waits for its job. */
export const NO_TIMERS_HERE: TimersHere = {
  arm: () => {},
  disarm: () => {},
  holds: () => false,
  calm: async () => {},
  laterMs: 0,
};

/**
 * Decides on what has come due. False when that was not possible from memory, or nothing came of it.
 * @param committed told as soon as that is written: what follows may take a while.
 */
export type Fire = (executionId: ExecutionId, fireAt: number, committed?: () => void) => Promise<boolean>;

export interface FiringTimers extends TimersHere {
  /** The workflow worker of this process is ready. */
  serve(fire: Fire): void;
  /** For its job, which comes while it is held: true once it has been fired here. False when that is for the job to do. */
  fired(executionId: ExecutionId, name: number): Promise<boolean>;
  /** Lets go of all that is armed, which its jobs see to, and waits up to `graceMs` for what is being fired. */
  drain(graceMs: number): Promise<void>;
}

export interface TimersHereOptions {
  readonly clock: Pick<StoreClock, "passed">;
  readonly laterMs: number;
  /** Timers held. */
  readonly most: number;
  /** Decisions under way at once: a timer is late by what stands before it, so more of them would only hide that. */
  readonly atOnce: number;
}

/** Further away than this it is for its job: a process rarely lives so long, and Node's own timers end at 24 days. */
const HORIZON_MS = 3_600_000;
/** The moment is not yet past by what is known of the store's clock. */
const AGAIN_MS = 2;
/** Nothing is known of it. */
const NO_CLOCK_MS = 250;
/** When more comes due than can be decided for longer than this, nobody lets it go first any more: what follows must not pile up. */
const CALM_WITHIN_MS = 1_000;

interface Armed {
  readonly job: TimerJob;
  timer: NodeJS.Timeout | undefined;
  /** Those of its job that wait for it. */
  readonly waiting: ((isFired: boolean) => void)[];
}

/**
 * The short way of a timer: the process that decided it fires it from memory when its time has come by the store's clock. Its job is in
 * the queue as ever, a little later, and is taken out once it was fired; so it fires in whatever process lives.
 */
export function createTimersHere(
  queues: Pick<Queues, "wake">,
  log: Log,
  { clock, laterMs, most, atOnce }: TimersHereOptions,
): FiringTimers {
  const held = new Map<string, Armed>();
  const ready: Armed[] = [];
  /** By execution that is being fired: those of it that came due behind. */
  const firing = new Map<ExecutionId, Armed[]>();
  const patient = new Set<() => void>();
  /** Since when something has always been ready. */
  let busySince = 0;
  let deciding = 0;
  let underWay = 0;
  let fire: Fire | undefined;
  let becameIdle = () => {};

  function letGo(key: string, armed: Armed, isFired: boolean): void {
    clearTimeout(armed.timer);
    if (held.get(key) === armed) held.delete(key);
    for (const tell of armed.waiting.splice(0)) tell(isFired);
  }

  function expect(armed: Armed, now: number | undefined): void {
    const wait = now === undefined ? NO_CLOCK_MS : Math.max(AGAIN_MS / 2, armed.job.fireAt - now);
    armed.timer = setTimeout(come, wait, armed).unref();
  }

  function come(armed: Armed): void {
    const now = clock.passed();
    if (now === undefined || now < armed.job.fireAt) expect(armed, now);
    else {
      if (ready.length === 0) busySince = performance.now();
      ready.push(armed);
      next();
    }
  }

  function next(): void {
    while (deciding < atOnce) {
      const armed = ready.shift();
      if (armed === undefined) {
        for (const goOn of patient) goOn();
        patient.clear();
        return;
      }
      if (held.get(keyOf(armed.job)) !== armed || fire === undefined) continue;
      const behind = firing.get(armed.job.executionId);
      if (behind !== undefined) {
        // Most likely decided with the one before it; a place is for one that can begin.
        behind.push(armed);
        continue;
      }
      firing.set(armed.job.executionId, []);
      deciding += 1;
      underWay += 1;
      let isDecided = false;
      const decided = () => {
        if (isDecided) return;
        isDecided = true;
        deciding -= 1;
        next();
      };
      void fireOne(armed.job, fire, decided).then((isFired) => {
        decided();
        underWay -= 1;
        letGo(keyOf(armed.job), armed, isFired);
        ready.push(...(firing.get(armed.job.executionId) ?? []));
        firing.delete(armed.job.executionId);
        next();
        if (underWay === 0) becameIdle();
      });
    }
  }

  async function fireOne(job: TimerJob, mine: Fire, decided: () => void): Promise<boolean> {
    try {
      if (await mine(job.executionId, job.fireAt, decided)) return true;
      // Through the store: this process may have forgotten it, or somebody has said something since.
      await queues.wake(job, "timer.fired");
    } catch (error) {
      log.warn({ executionId: job.executionId, name: job.name, err: error }, "a timer is left to its job");
    }
    return false;
  }

  return {
    laterMs,
    arm(jobs) {
      if (fire === undefined) return;
      for (const job of jobs) {
        if (job.fireAt - job.now > HORIZON_MS || held.size >= most) continue;
        const key = keyOf(job);
        const before = held.get(key);
        if (before !== undefined) letGo(key, before, false);
        const armed: Armed = { job, timer: undefined, waiting: [] };
        held.set(key, armed);
        expect(armed, clock.passed());
      }
    },
    disarm(executionId, names) {
      for (const name of names) {
        const key = keyOf({ executionId, name });
        const armed = held.get(key);
        // Whoever waits asks again, and finds that nothing is due.
        if (armed !== undefined) letGo(key, armed, false);
      }
    },
    holds: (executionId, name) => held.has(keyOf({ executionId, name })),
    serve(given) {
      fire = given;
    },
    async calm() {
      const left = busySince + CALM_WITHIN_MS - performance.now();
      if (ready.length === 0 || left <= 0) return;
      let goOn = () => {};
      const calm = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      patient.add(goOn);
      await within(left, calm);
      patient.delete(goOn);
    },
    fired(executionId, name) {
      const armed = held.get(keyOf({ executionId, name }));
      if (armed === undefined) return Promise.resolve(false);
      return new Promise((resolve) => armed.waiting.push(resolve));
    },
    async drain(graceMs) {
      fire = undefined;
      ready.length = 0;
      for (const [key, armed] of held) letGo(key, armed, false);
      if (underWay === 0) return;
      const idle = new Promise<void>((resolve) => {
        becameIdle = resolve;
      });
      await within(graceMs, idle);
    },
  };
}

function keyOf({ executionId, name }: Pick<TimerJob, "executionId" | "name">): string {
  return `${executionId}.${name}`;
}
