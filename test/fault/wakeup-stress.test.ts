import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { freshDatabase, startPostgres, startRedis, type TestServer } from "../support/servers.ts";
import { createPostgresMailbox } from "./support/mailbox.ts";
import { type StressFigures, wakeupStress } from "./support/wakeup-stress.ts";

/** The full size: FACTS=20000 GROUPS=100 KILLS=40. */
const SIZE = { facts: fromEnvironment("FACTS", 1_500), groups: fromEnvironment("GROUPS", 30), kills: 0 };
const KILLS = fromEnvironment("KILLS", 4);
const LIMIT_MS = 10_000 + SIZE.facts * 20 + KILLS * 2_000;

describe("wake-ups on Redis", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  theScheme(async () => {
    await server.stop();
    server = await startRedis();
    return server.url;
  });
});

describe("wake-ups on PostgreSQL", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  theScheme(async () => {
    const url = await freshDatabase(server);
    await createPostgresMailbox(url);
    return url;
  });
});

function theScheme(freshStore: () => Promise<string>): void {
  test(
    "given groups that receive facts, when each fact wakes its group, then all are taken once, in order, one run at a time",
    async () => {
      // Nobody dies here: a lock that a busy machine cannot outlast, so that an overlap is the scheme's fault.
      vi.stubEnv("STRESS_LOCK_MS", "30000");
      onTestFinished(() => void vi.unstubAllEnvs());
      const figures = report(await wakeupStress(await freshStore(), SIZE));
      expect(figures).toMatchObject({ lost: 0, duplicated: 0, groupsOutOfOrder: 0, overlaps: 0, refusedCommits: 0 });
    },
    LIMIT_MS,
  );

  test(
    "given groups that receive facts, when workers are killed all the time, then still all are taken once and in order",
    async () => {
      const figures = report(await wakeupStress(await freshStore(), { ...SIZE, kills: KILLS }));
      expect(figures).toMatchObject({ lost: 0, duplicated: 0, groupsOutOfOrder: 0, kills: KILLS });
    },
    LIMIT_MS,
  );
}

function report(figures: StressFigures): StressFigures {
  console.log(`${expect.getState().currentTestName}\n${JSON.stringify(figures)}`);
  return figures;
}

function fromEnvironment(name: string, otherwise: number): number {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is not a whole number: ${process.env[name]}`);
  return value;
}
