import { setTimeout as sleep } from "node:timers/promises";
import { type FailpointName, WORK_FAILPOINTS } from "../../../src/values/failpoints.ts";
import type { ServiceProcess } from "../../support/service-process.ts";

/** Keeps a worker running that is killed all the time. */
export interface Supervisor {
  /** Deaths so far, by the moment at which the worker died. */
  readonly deaths: Readonly<Record<string, number>>;
  total(): number;
  /** Resolves once no worker of it runs any more. */
  stop(): Promise<void>;
}

const ANY_INSTANT = "any instant";
const PROBABILITY = 0.3;
/** How long a worker may live that does not pass its failpoint. */
const LIFE_MS = 2_000;

/** True when it was gone before its time; else it is killed. */
async function diesByItself(starting: Promise<ServiceProcess>, lifeMs: number): Promise<boolean> {
  let worker: ServiceProcess;
  try {
    worker = await starting;
  } catch (error) {
    // It takes jobs before it says that it has started, so its failpoint may come first: `null` is the exit code of a killed process.
    if (error instanceof Error && error.message.includes("ended with null")) return true;
    throw error;
  }
  const died = await Promise.race([worker.exited.then(() => true), sleep(lifeMs, false)]);
  if (!died) await worker.kill();
  return died;
}

/**
 * Each life of the worker ends by SIGKILL: at one of the failpoints in turn, or at a random instant.
 *
 * @param start starts a worker with this `DURABULL_FAILPOINT`, or none.
 */
export function superviseKilled(
  start: (env: Readonly<Record<string, string>>) => Promise<ServiceProcess>,
  kills: number,
  points: readonly FailpointName[] = WORK_FAILPOINTS,
): Supervisor {
  const deaths: Record<string, number> = {};
  const total = () => Object.values(deaths).reduce((sum, count) => sum + count, 0);
  let stopping = false;
  const endings = [...points, ANY_INSTANT];
  async function live(ending: string): Promise<void> {
    const byFailpoint = ending !== ANY_INSTANT;
    const env = byFailpoint ? { DURABULL_FAILPOINT: `${ending}:kill:${PROBABILITY}` } : {};
    const lifeMs = byFailpoint ? LIFE_MS : Math.random() * LIFE_MS;
    const moment = (await diesByItself(start(env), lifeMs)) ? ending : ANY_INSTANT;
    deaths[moment] = (deaths[moment] ?? 0) + 1;
  }
  const living = (async () => {
    for (let life = 0; !stopping && total() < kills; life++) await live(endings[life % endings.length] ?? ANY_INSTANT);
  })();
  let failure: unknown;
  living.catch((error: unknown) => {
    failure = error;
  });
  return {
    deaths,
    total() {
      if (failure !== undefined) throw failure;
      return total();
    },
    async stop() {
      stopping = true;
      await living;
    },
  };
}
