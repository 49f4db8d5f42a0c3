import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Queue } from "bullmq";
import { Redis } from "ioredis";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { bullmqConfig } from "../../bullmq.config.ts";
import { type BullmqQueues, type BullmqQueuesOptions, createBullmqQueues } from "../../src/adapters/bullmq/queues.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import { startPostgres, startRedis, type TestServer } from "../support/servers.ts";
import { letter, type QueueSpace, queuesContract } from "./queues.contract.ts";
import { eventually } from "./support/eventually.ts";

type Connection = BullmqQueuesOptions["connection"];

const HOLDER = fileURLToPath(new URL("support/holder.ts", import.meta.url));
const LEAVER = fileURLToPath(new URL("support/leaver.ts", import.meta.url));
const GROUP = { tenant: "acme", workflowId: "order-1" };
const TYPE = "io.flunq.execution.started";
const EAGER = { concurrency: 10, recover: true };

describe.each([
  ["Redis", () => startRedis(), (url: string): Connection => ({ kind: "redis", url })],
  [
    "PostgreSQL",
    () => startPostgres({ fsync: false }),
    (connectionString: string): Connection => ({ kind: "postgres", connectionString }),
  ],
])("BullMQ on %s", (backend, start, connectionTo) => {
  let server: TestServer;
  let spaces = 0;
  const warnings: string[] = [];
  const opened: BullmqQueues[] = [];
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const queues of opened.splice(0)) await queues.close();
    warnings.length = 0;
  });

  function space(): { prefix: string; connection: Connection } {
    spaces += 1;
    return { prefix: `space${spaces}`, connection: connectionTo(server.url) };
  }
  function open(more: Partial<BullmqQueuesOptions> = {}): BullmqQueues {
    const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
    const queues = createBullmqQueues({ ...space(), lanes: 1, log, ...more });
    opened.push(queues);
    return queues;
  }

  queuesContract(async () => {
    const { connection, prefix } = space();
    return openSpace(connection, prefix);
  });

  describe("Bull Board's Retry of a dead letter", () => {
    async function failedLetter(queues: BullmqQueues): Promise<Queue> {
      const queue = queueOf(queues, bullmqConfig.queues.letters);
      await queues.deadLetter(letter());
      await eventually("it is under failed", async () => (await queue.getFailedCount()) === 1);
      return queue;
    }

    test.each([
      ["one letter", async (queue: Queue) => (await queue.getFailed())[0]?.retry("failed")],
      ["the whole queue", (queue: Queue) => queue.retryJobs({ state: "failed" })],
    ])(
      "given a failed letter, when an operator retries %s, then it is redriven, back with the reason while that throws, and gone once it worked",
      async (_, retry) => {
        const queues = open();
        const asked: unknown[] = [];
        queues.consumeDeadLetters(async (which) => {
          asked.push(which);
          if (asked.length === 1) throw new Error("another execution is open");
        }, EAGER);
        const queue = await failedLetter(queues);
        const [shown] = await queue.getFailed();
        expect(shown).toMatchObject({ name: "io.flunq.event.dlq", failedReason: "the engine threw" });
        expect(shown?.stacktrace).toEqual(["Error: at decide"]);
        expect(asked).toEqual([]);

        await retry(queue);
        await eventually(
          "it is back under failed",
          async () => asked.length === 1 && (await queue.getFailedCount()) === 1,
        );
        expect((await queue.getFailed())[0]?.failedReason).toBe("another execution is open");
        await retry(queue);
        await eventually("it is gone", async () => !(await queues.deadLetterAlive("letter-1")));
        expect(asked).toEqual([
          { id: "letter-1", tenant: "acme" },
          { id: "letter-1", tenant: "acme" },
        ]);
      },
    );
  });

  describe("jobs that are not ours", () => {
    test("given junk added by hand to every queue, when consumers take it, then it fails with a clear reason and they work on", async () => {
      const queues = open();
      const handled: string[] = [];
      queues.consumeWakes(async () => void handled.push("wake"), EAGER);
      queues.consumeTimers(async () => {
        handled.push("timer");
        return "done";
      }, EAGER);
      queues.consumeActivities(async () => void handled.push("activity"), EAGER);
      queues.consumeDeadLetters(async () => void handled.push("letter"), EAGER);
      const junk = [null, "text", 7, [], {}, { v: 2, ...GROUP }, { v: 1 }, { v: 1, tenant: "../", workflowId: "" }];
      for (const queue of queues.boardQueues()) for (const data of junk) await queue.add("junk", data);
      for (const queue of queues.boardQueues()) {
        await eventually(
          `all junk of ${queue.name} failed`,
          async () => (await queue.getFailedCount()) === junk.length,
        );
        for (const job of await queue.getFailed()) expect(job.failedReason).toMatch(/^not a job of Durabull's/);
      }
      expect(handled).toEqual([]);
      await queues.wake(GROUP, TYPE);
      await eventually("our own runs", () => handled.length > 0);
      expect(handled).toEqual(["wake"]);
    });

    test("given a job of a later build, when it is taken, then it is refused by its schema number", async () => {
      const queues = open();
      const queue = queueOf(queues, bullmqConfig.queues.events);
      queues.consumeWakes(async () => {}, EAGER);
      await queue.add("later", { v: 2, ...GROUP });
      await eventually("it failed", async () => (await queue.getFailedCount()) === 1);
      expect((await queue.getFailed())[0]?.failedReason).toContain("it is of schema 2, this build knows 1");
    });
  });

  test("given lanes, when tenants are woken, then each tenant keeps its lane and all lanes are consumed", async () => {
    const queues = open({ lanes: 3 });
    const tenants = Array.from({ length: 30 }, (_, i) => `tenant-${i}`);
    await Promise.all(tenants.map((tenant) => queues.wake({ tenant, workflowId: "w" }, TYPE)));
    const waiting = (await queues.counts()).filter(({ queue }) => queue.startsWith("durabull-events-"));
    expect(waiting.map(({ queue }) => queue)).toEqual(["durabull-events-0", "durabull-events-1", "durabull-events-2"]);
    expect(waiting.every((lane) => lane.waiting > 0)).toBe(true);
    const woken = new Set<string>();
    const consumer = queues.consumeWakes(async ({ tenant }) => void woken.add(tenant), {
      concurrency: 2,
      recover: true,
    });
    await consumer.ready();
    await eventually("every tenant ran", () => woken.size === tenants.length);
  });

  test("given the work of a wake-up, when its process is told of a redelivery, then the queue's name is counted", async () => {
    const where = space();
    const told: string[] = [];
    const queues = open({ ...where, onRedelivered: (queue) => told.push(queue) });
    await queues.wake(GROUP, TYPE);
    const killed = openSpace(where.connection, where.prefix);
    await (await killed.holder("wake")).kill();
    queues.consumeWakes(async () => {}, EAGER);
    await eventually("it is redelivered", () => told.length > 0);
    expect(told).toEqual(["durabull-events"]);
  });

  test("given a finished wake-up, when one looks at its queue, then the last few are kept, and no trace of an activity", async () => {
    const queues = open();
    queues.consumeWakes(async () => {}, EAGER);
    await queues.wake(GROUP, TYPE);
    const queue = queueOf(queues, bullmqConfig.queues.events);
    await eventually("it is kept", async () => (await queue.getCompletedCount()) === 1);
    const [job] = await queue.getCompleted();
    expect(job).toMatchObject({ name: TYPE, data: { v: 1, ...GROUP } });
  });

  describe("a server that goes away", () => {
    test("given a server that stops, when the group is woken, then the caller is told at once, and all works again after its restart", {
      timeout: 90_000,
    }, async () => {
      const queues = open();
      let runs = 0;
      const consumer = queues.consumeWakes(async () => {
        runs += 1;
      }, EAGER);
      await queues.wake(GROUP, TYPE);
      await eventually("the first wake runs", () => runs === 1);
      await server.stop();
      await expect(queues.wake(GROUP, TYPE)).rejects.toThrow(StoreUnavailableError);
      await expect(queues.wakeAlive(GROUP)).rejects.toThrow(StoreUnavailableError);
      await expect(queues.counts()).rejects.toThrow(StoreUnavailableError);
      await sleep(1_000);
      expect(warnings.length).toBeLessThanOrEqual(2 * bullmqConfig.errorLog.lines);
      await server.restart();
      await eventually("a wake is taken again", () =>
        queues.wake(GROUP, TYPE).then(
          () => true,
          () => false,
        ),
      );
      await eventually("it runs", () => runs >= 2);
      await consumer.close(5_000);
    });

    test("given a server that is away from the start, when it comes, then consumers begin and calls succeed", {
      timeout: 90_000,
    }, async () => {
      await server.stop();
      const queues = open();
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
      }, EAGER);
      await expect(queues.wake(GROUP, TYPE)).rejects.toThrow(StoreUnavailableError);
      await sleep(500);
      await server.restart();
      await eventually("a wake is taken", () =>
        queues.wake(GROUP, TYPE).then(
          () => true,
          () => false,
        ),
      );
      await eventually("it runs", () => runs >= 1);
    });

    test.each([
      ["there", false],
      ["away", true],
    ])(
      "given a process with idle consumers, when it closes them while the server is %s, then it ends by itself",
      { timeout: 90_000 },
      async (_, away) => {
        const { connection, prefix } = space();
        const child = fork(LEAVER, [JSON.stringify(connection), prefix], { execArgv: ["--import", "tsx"] });
        await once(child, "message");
        if (away) await server.stop();
        const exit = once(child, "exit");
        child.send("leave");
        expect(await exit).toEqual([0, null]);
        if (away) await server.restart();
      },
    );

    test("given a server that is away, when all is closed with a job in hand, then closing ends", {
      timeout: 90_000,
    }, async () => {
      const queues = open();
      let holding = false;
      const consumer = queues.consumeWakes(() => {
        holding = true;
        return new Promise<void>(() => {});
      }, EAGER);
      await queues.wake(GROUP, TYPE);
      await eventually("it is held", () => holding);
      await server.stop();
      await consumer.close(100);
      await queues.close();
      await server.restart();
      expect(consumer.inFlight()).toBeLessThanOrEqual(1);
    });
  });

  test("given a job whose lock was taken from its holder, when the renewal fails, then its signal is aborted", async () => {
    const where = space();
    const queues = open(where);
    let holding = false;
    let reason: unknown;
    queues.consumeWakes(async (_, { signal }) => {
      if (holding) return;
      holding = true;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      reason = signal.reason;
    }, EAGER);
    await queues.wake(GROUP, TYPE);
    await eventually("it is held", () => holding);
    await takeLock(where.connection, where.prefix, queueOf(queues, bullmqConfig.queues.events));
    await eventually("it is told", () => reason !== undefined);
    expect(reason).toEqual(new Error("the lock of this job is lost"));
  });

  test("given text that not every store takes, when a handler throws it or a letter carries it, then it is tried again, or shown", async () => {
    const queues = open();
    let runs = 0;
    queues.consumeActivities(async (_, { redelivered }) => {
      runs += redelivered ? 100 : 1;
      if (runs === 1) throw new Error("\0 and \ud800");
    }, EAGER);
    queues.consumeDeadLetters(async () => {}, EAGER);
    const where = { tenant: "acme", workflowId: "order-1", executionId: letter().executionId };
    await queues.dispatch([{ kind: "activity", ...where, name: 1, dispatch: 0 }]);
    await queues.deadLetter(letter({ message: "\0", stack: "\udfff" }));
    await eventually("it ran again", () => runs > 1);
    const queue = queueOf(queues, bullmqConfig.queues.letters);
    await eventually("it is shown", async () => (await queue.getFailed())[0]?.failedReason === "\ufffd");
    expect(runs).toBe(2);
  });

  if (backend === "PostgreSQL") {
    test("given a server that ends every connection again and again, when consumers come, work and go, then nobody is left deaf to it, and all works afterwards", {
      timeout: 90_000,
    }, async () => {
      const where = space();
      const ending = endConnections(server.url);
      for (let round = 0; round < 15; round++) {
        const queues = createBullmqQueues({ ...where, lanes: 1, log: { warn: () => {} } });
        const consumers = [queues.consumeWakes(async () => {}, EAGER), queues.consumeActivities(async () => {}, EAGER)];
        for (let i = 0; i < 10; i++) await queues.wake(GROUP, TYPE).catch(() => undefined);
        await Promise.all(consumers.map((consumer) => consumer.close(1_000)));
        await queues.close();
      }
      expect(await ending.stop()).toBeGreaterThan(0);
      const queues = open(where);
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
      }, EAGER);
      await eventually("a wake is taken", () =>
        queues.wake(GROUP, TYPE).then(
          () => true,
          () => false,
        ),
      );
      await eventually("it runs", () => runs > 0);
    });

    test("given a worker whose clock is two minutes ahead, when a job waits, then it takes none and says why, until its clock is right", async () => {
      const queues = open();
      await queues.wake(GROUP, TYPE);
      const clock = vi
        .spyOn(Date, "now")
        .mockImplementation(() => performance.timeOrigin + performance.now() + 120_000);
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
      }, EAGER);
      await eventually("it says why", () =>
        warnings.some((warning) => /clock of this machine is 1[12]\d\.\d s ahead/.test(warning)),
      );
      expect(runs).toBe(0);
      clock.mockRestore();
      await eventually("it takes the job", () => runs === 1);
    });

    test("given a check for stalled jobs dated in the future, when a worker died, then its job is recovered all the same", async () => {
      const where = space();
      const queues = open(where);
      await queues.wake(GROUP, TYPE);
      await (await openSpace(where.connection, where.prefix).holder("wake")).kill();
      const client = new Client({ connectionString: server.url });
      await client.connect();
      await client.query(
        `INSERT INTO ${where.prefix}_queues.meta (queue, field, value) VALUES ('durabull-events', 'stalled-check', $1)`,
        [String(Date.now() + 3_600_000)],
      );
      await client.end();
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
      }, EAGER);
      await eventually("it runs again", () => runs === 1);
    });

    test("given a lost wake-up's key, when the group is woken, then the new one runs", async () => {
      const where = space();
      const queues = open(where);
      await queues.wake(GROUP, TYPE);
      const client = new Client({ connectionString: server.url });
      await client.connect();
      await client.query(`DELETE FROM ${where.prefix}_queues.job`);
      await client.end();
      expect(await queues.wakeAlive(GROUP)).toBe(false);
      await queues.forceWake(GROUP, TYPE);
      expect(await queues.wakeAlive(GROUP)).toBe(true);
    });

    test("given queues and consumers, when connections are counted, then no more are open", async () => {
      const where = space();
      const queues = open(where);
      const alone = queues.connections();
      const consumers = [queues.consumeWakes(async () => {}, EAGER), queues.consumeActivities(async () => {}, EAGER)];
      for (const consumer of consumers) await consumer.ready();
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => queues.wake({ tenant: "acme", workflowId: `w${i}` }, TYPE)),
      );
      const client = new Client({ connectionString: server.url });
      await client.connect();
      const { rows } = await client.query(
        "SELECT count(*)::int AS open FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      );
      await client.end();
      expect(alone).toBe(bullmqConfig.postgresPools.producers);
      expect(queues.connections()).toBeGreaterThan(alone);
      expect(rows[0].open).toBeLessThanOrEqual(queues.connections());
      for (const consumer of consumers) await consumer.close(1_000);
      expect(queues.connections()).toBe(alone);
    });
  }

  if (backend === "Redis") {
    test("given a wake-up whose id is in no list, when asked, then it is dead, and one by force runs", async () => {
      const queues = open();
      const queue = queueOf(queues, bullmqConfig.queues.events);
      await queues.wake(GROUP, TYPE);
      const redis = new Redis(server.url);
      await redis.del(queue.toKey("wait"));
      await redis.quit();
      await queues.wake(GROUP, TYPE);
      expect(await queues.wakeAlive(GROUP)).toBe(false);
      await queues.forceWake(GROUP, TYPE);
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
      }, EAGER);
      await eventually("it runs", () => runs === 1);
    });

    test("given a dead letter whose id is in no list, when it is added again, then it is shown", async () => {
      const queues = open();
      const queue = queueOf(queues, bullmqConfig.queues.letters);
      await queues.deadLetter(letter());
      const redis = new Redis(server.url);
      await redis.del(queue.toKey("wait"));
      await redis.quit();
      expect(await queues.deadLetterAlive("letter-1")).toBe(false);
      await queues.deadLetter(letter());
      queues.consumeDeadLetters(async () => {}, EAGER);
      await eventually("it is under failed", async () => (await queue.getFailedCount()) === 1);
    });

    test("given Redis out of memory, when work is added and taken, then callers are told, the log stays short, and it recovers", async () => {
      const queues = open();
      let runs = 0;
      queues.consumeWakes(async () => {
        runs += 1;
      }, EAGER);
      await queues.wake(GROUP, TYPE);
      await eventually("the first wake runs", () => runs === 1);
      const redis = new Redis(server.url);
      await redis.config("SET", "maxmemory", "1");
      await expect(queues.wake(GROUP, TYPE)).rejects.toThrow(StoreUnavailableError);
      await sleep(2_000);
      await redis.config("SET", "maxmemory", "0");
      await redis.quit();
      expect(warnings.length).toBeLessThanOrEqual(2 * bullmqConfig.errorLog.lines);
      await queues.wake(GROUP, TYPE);
      await eventually("a wake runs again", () => runs === 2);
    });
  }
});

function openSpace(connection: Connection, prefix: string): QueueSpace {
  const opened: BullmqQueues[] = [];
  const children: ChildProcess[] = [];
  return {
    queues() {
      const queues = createBullmqQueues({ connection, prefix, lanes: 1, log: { warn: () => {} } });
      opened.push(queues);
      return queues;
    },
    async holder(kind) {
      const child = fork(HOLDER, [JSON.stringify(connection), prefix, kind], { execArgv: ["--import", "tsx"] });
      children.push(child);
      await once(child, "message");
      return { kill: () => kill(child) };
    },
    async close() {
      await Promise.all(children.map(kill));
      await Promise.all(opened.map((queues) => queues.close()));
    },
  };
}

/** All connections but its own, at moments that hit each part of their lives. */
function endConnections(connectionString: string): { stop(): Promise<number> } {
  let ends = 0;
  let isOver = false;
  const running = (async () => {
    const client = new Client({ connectionString });
    client.on("error", () => undefined);
    await client.connect();
    while (!isOver) {
      const { rowCount } = await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      );
      ends += rowCount ?? 0;
      await sleep(Math.random() * 40);
    }
    await client.end();
  })();
  return {
    async stop() {
      isOver = true;
      await running;
      return ends;
    },
  };
}

function queueOf(queues: BullmqQueues, name: string): Queue {
  const queue = queues.boardQueues().find((candidate) => candidate.name === name);
  if (queue === undefined) throw new Error(`no queue ${name}`);
  return queue;
}

/** As a stalled check that judges it dead does. */
async function takeLock(connection: Connection, prefix: string, queue: Queue): Promise<void> {
  const [job] = await queue.getActive();
  if (connection.kind === "redis") {
    const redis = new Redis(connection.url);
    await redis.del(`${queue.toKey(job?.id ?? "")}:lock`);
    await redis.quit();
  } else {
    const client = new Client({ connectionString: connection.connectionString });
    await client.connect();
    await client.query(`UPDATE ${prefix}_queues.job SET lock_token = 'another' WHERE id = $1`, [job?.id]);
    await client.end();
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
