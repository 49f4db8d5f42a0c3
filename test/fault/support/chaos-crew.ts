import { setTimeout as sleep } from "node:timers/promises";
import type { LogLine, ServiceProcess } from "../../support/service-process.ts";

/** Processes of which one is killed again and again; each is started again at once. */
export interface Crew {
  readonly kills: number;
  /** Log lines of all their lives. */
  lines(): readonly LogLine[];
  /** From now on nobody is killed; resolves once all are up again. */
  calm(): Promise<void>;
  /** Drains all. @returns their exit codes */
  stop(): Promise<readonly (number | null)[]>;
}

const LEAST_PROGRESS = 10;

export interface CrewOptions {
  /** Processes at once. */
  readonly size: number;
  /** From one kill to the next, or longer: see `progress`; and of several, one is left alive until another is up. */
  readonly killEveryMs: number;
  readonly mostKills: number;
  /** What has been done so far, in whatever unit. Between two kills it grows, so that a machine too slow for them still gets on. */
  readonly progress: () => number;
  readonly start: () => Promise<ServiceProcess>;
}

export async function startCrew({ size, killEveryMs, mostKills, progress, start }: CrewOptions): Promise<Crew> {
  const logs: (readonly LogLine[])[] = [];
  const up: ServiceProcess[] = [];
  const starting = new Set<Promise<void>>();
  let [kills, isCalm] = [0, false];
  const enlist = (): void => {
    const joined = start().then((service) => {
      logs.push(service.log);
      up.push(service);
    });
    starting.add(joined);
    joined.then(
      () => starting.delete(joined),
      () => undefined,
    );
  };
  const enoughAreUp = async () => {
    while (up.length < Math.min(size, 2)) await Promise.race(starting);
  };

  async function killOn(): Promise<void> {
    while (!isCalm && kills < mostKills) {
      await enoughAreUp();
      const before = progress();
      await sleep(killEveryMs);
      while (!isCalm && progress() < before + LEAST_PROGRESS) await sleep(20);
      const [victim] = isCalm ? [] : up.splice(Math.floor(Math.random() * up.length), 1);
      if (victim === undefined) continue;
      await victim.kill();
      kills += 1;
      enlist();
    }
  }

  for (let i = 0; i < size; i++) enlist();
  await Promise.all(starting);
  const killing = killOn();
  killing.catch(() => undefined);
  const calm = async () => {
    isCalm = true;
    await killing;
    await Promise.all(starting);
  };
  return {
    get kills() {
      return kills;
    },
    lines: () => logs.flat(),
    calm,
    async stop() {
      await calm();
      return Promise.all(up.map((service) => service.stop()));
    },
  };
}
