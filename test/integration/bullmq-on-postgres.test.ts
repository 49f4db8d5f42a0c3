/** What the queue adapter relies on when BullMQ keeps its jobs in PostgreSQL; to be run again on every new BullMQ. */
import { setTimeout as sleep } from "node:timers/promises";
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import {
  createPostgresBackend,
  DelayedError,
  type Job,
  type JobsOptions,
  type Processor,
  type Queue,
  withBackend,
} from "bullmq";
import fastify from "fastify";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { freshDatabase, startPostgres, type TestServer } from "../support/servers.ts";

const OnPostgres = withBackend(createPostgresBackend);
type PostgresQueue = InstanceType<typeof OnPostgres.Queue>;
type PostgresWorker = InstanceType<typeof OnPostgres.Worker>;

let server: TestServer;
let url: string;
let names = 0;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startPostgres({ fsync: false });
  url = await freshDatabase(server);
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
afterAll(() => server.stop());

async function newQueue(): Promise<PostgresQueue> {
  const connection = { connectionString: url, max: 2, migrate: true };
  const queue = new OnPostgres.Queue(`queue-${++names}`, { connection });
  queue.on("error", () => undefined);
  open.push(queue);
  await queue.waitUntilReady();
  return queue;
}

interface WorkerSettings {
  readonly concurrency?: number;
  readonly lockDuration?: number;
  readonly lockRenewTime?: number;
  readonly stalledInterval?: number;
  readonly maxStalledCount?: number;
}

async function newWorker(queue: PostgresQueue, run: Processor, settings: WorkerSettings = {}): Promise<PostgresWorker> {
  const connection = { connectionString: url, max: 2 };
  const worker = new OnPostgres.Worker(queue.name, run, { runRetryDelay: 500, ...settings, connection });
  open.push(worker);
  worker.on("error", () => undefined);
  await worker.waitUntilReady();
  return worker;
}

async function until(condition: () => Promise<boolean> | boolean, limitMs = 10_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not so within ${limitMs} ms: ${condition}`);
    await sleep(10);
  }
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const WAKE = { id: "group", keepLastIfActive: true, reschedule: true } as const;

test("given an idle worker, when delayed jobs become due, then each runs once, soon and never early", async () => {
  const queue = await newQueue();
  const lateMs: number[] = [];
  await newWorker(queue, async (job: Job<{ dueAt: number }>) => void lateMs.push(Date.now() - job.data.dueAt), {
    concurrency: 10,
  });
  for (let n = 0; n < 50; n++) {
    const delay = 300 + n * 20;
    await queue.add("timer", { dueAt: Date.now() + delay }, { delay, removeOnComplete: true });
  }
  await until(() => lateMs.length >= 50);
  await sleep(200);
  expect(lateMs).toHaveLength(50);
  expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...lateMs)).toBeLessThan(1_000);
});

test("given a delay and a timestamp, when a job is added, then it is due at their sum", async () => {
  const queue = await newQueue();
  const job = await queue.add("timer", {}, { timestamp: 1_000_000, delay: 500 });
  const rows = await query(
    `SELECT process_at_ms::int FROM bullmq.job WHERE queue = '${queue.name}' AND id = '${job.id}'`,
  );
  expect(rows).toEqual([{ process_at_ms: 1_000_500 }]);
});

test("given a delayed job, when it is removed, then it never runs and removing it again is no error", async () => {
  const queue = await newQueue();
  let runs = 0;
  await newWorker(queue, async () => void runs++);
  const job = await queue.add("timer", {}, { delay: 300, jobId: "t-1" });
  expect(await queue.remove("t-1")).toBe(1);
  expect(await queue.remove("t-1")).toBe(0);
  expect(await queue.getJob("t-1")).toBeUndefined();
  expect(await job.getState()).toBe("unknown");
  await sleep(600);
  expect(runs).toBe(0);
});

test("given a job with its own id, when the id is added again, then it is swallowed as long as the job is kept", async () => {
  const queue = await newQueue();
  const ran: unknown[] = [];
  await newWorker(queue, async (job) => void ran.push(job.data));
  const kept: JobsOptions = { jobId: "a-1" };
  await queue.add("task", 1, kept);
  await until(() => ran.length === 1);
  expect((await queue.add("task", 2, kept)).id).toBe("a-1");
  await sleep(200);
  expect(ran).toEqual([1]);

  const removed: JobsOptions = { jobId: "a-2", removeOnComplete: true };
  await queue.add("task", 3, removed);
  await until(async () => (await queue.getJob("a-2")) === undefined);
  await queue.add("task", 4, removed);
  await until(() => ran.length === 3);
  expect(ran).toEqual([1, 3, 4]);
});

test("given a wake-up, when it waits, runs, is followed and ends, then its key always names the job to ask for", async () => {
  const queue = await newQueue();
  const release: (() => void)[] = [];
  const add = () => queue.add("wake", {}, { deduplication: WAKE, removeOnComplete: true });
  const first = await add();
  expect(await queue.getDeduplicationJobId("group")).toBe(first.id);
  expect((await add()).id).toBe(first.id);
  expect(await first.getState()).toBe("waiting");

  await newWorker(queue, () => new Promise<void>((resolve) => void release.push(resolve)), { concurrency: 5 });
  await until(async () => (await first.getState()) === "active" && release.length === 1);
  await add();
  await add();
  await sleep(200);
  expect(release).toHaveLength(1);

  release.shift()?.();
  await until(() => release.length === 1);
  const second = await queue.getDeduplicationJobId("group");
  expect(second).not.toBe(first.id);
  release.shift()?.();
  await until(async () => (await queue.getDeduplicationJobId("group")) === null);
  expect(await queue.getJobCounts("waiting", "active", "delayed", "completed")).toEqual({
    waiting: 0,
    active: 0,
    delayed: 0,
    completed: 0,
  });
});

test("given a wake-up that failed and waits for its back-off, when another comes, then it runs at once", async () => {
  const queue = await newQueue();
  const startedAt: number[] = [];
  await newWorker(queue, async () => {
    startedAt.push(Date.now());
    if (startedAt.length === 1) throw new Error("first try");
  });
  const options: JobsOptions = { deduplication: WAKE, attempts: 3, backoff: 5_000 };
  const job = await queue.add("wake", {}, options);
  await until(async () => (await job.getState()) === "delayed");
  await queue.add("wake", {}, options);
  await until(() => startedAt.length === 2, 2_000);
});

test("given a failed job, when it is retried, then its attempts are kept and it runs again", async () => {
  const queue = await newQueue();
  const attemptsMade: number[] = [];
  await newWorker(queue, async (job) => {
    attemptsMade.push(job.attemptsMade);
    if (job.attemptsMade === 0) throw new Error("parked");
  });
  const added = await queue.add("letter", {}, { jobId: "l-1" });
  await until(async () => (await added.getState()) === "failed");
  const failed = await queue.getJob("l-1");
  expect(failed?.failedReason).toBe("parked");
  await failed?.retry();
  await until(async () => (await added.getState()) === "completed");
  expect(attemptsMade).toEqual([0, 1]);
});

test("given a worker that renews too late, when another took its job, then it is told, and the second result stands", async () => {
  const queue = await newQueue();
  const settings = { lockDuration: 600, stalledInterval: 200, maxStalledCount: 100 };
  const seen: string[] = [];
  const late = await newWorker(
    queue,
    async (_job, _token, signal) => {
      seen.push("late started");
      await sleep(5_000, undefined, { signal }).catch(() => seen.push("late aborted"));
      return "late";
    },
    { ...settings, lockRenewTime: 4_000 },
  );
  late.on("lockRenewalFailed", (jobIds) => {
    for (const id of jobIds) late.cancelJob(id);
  });
  const job = await queue.add("task", {});
  await until(() => seen.length === 1);
  const second: Processor = async () => {
    seen.push("second started");
    return "second";
  };
  await newWorker(queue, second, settings);
  await until(() => seen.includes("late aborted"));
  expect(seen).toEqual(["late started", "second started", "late aborted"]);
  await sleep(100);
  expect(await queue.getJob(job.id ?? "")).toMatchObject({ returnvalue: "second", stalledCounter: 1, attemptsMade: 1 });
});

test("given a running job, when its worker closes, then close waits for it and takes no other", async () => {
  const queue = await newQueue();
  const ran: number[] = [];
  const worker = await newWorker(queue, async (job) => {
    await sleep(400);
    ran.push(job.data);
  });
  await queue.add("task", 1);
  await until(async () => (await queue.getActiveCount()) === 1);
  await queue.add("task", 2);
  await worker.close();
  expect(ran).toEqual([1]);
  expect(await queue.getJobCounts("completed", "waiting", "active")).toEqual({ completed: 1, waiting: 1, active: 0 });
});

test("given jobs that put themselves off, when two workers share them, then each runs to its end", async () => {
  const queue = await newQueue();
  const visits = new Map<string, number>();
  const ended: string[] = [];
  const run: Processor = async (job, token) => {
    const visit = (visits.get(job.id ?? "") ?? 0) + 1;
    visits.set(job.id ?? "", visit);
    if (visit < 4) {
      await job.moveToDelayed(Date.now() + 50, token);
      throw new DelayedError();
    }
    ended.push(job.id ?? "");
  };
  await newWorker(queue, run, { concurrency: 5 });
  await newWorker(queue, run, { concurrency: 5 });
  await queue.addBulk(Array.from({ length: 100 }, (_, n) => ({ name: "task", data: n })));
  await until(async () => (await queue.getCompletedCount()) === 100);
  expect(new Set(ended).size).toBe(100);
  expect([...visits.values()].every((count) => count === 4)).toBe(true);
});

test("given an idle worker, when PostgreSQL is killed and restarted, then the worker goes on", async () => {
  const queue = await newQueue();
  const ran: unknown[] = [];
  await newWorker(queue, async (job) => void ran.push(job.data));
  await queue.add("task", 1);
  await until(() => ran.length === 1);
  await server.kill();
  await server.restart();
  await queue.add("task", 2);
  await until(() => ran.length === 2, 30_000);
});

test("given a queue on PostgreSQL, when Bull Board reads it, then it shows the jobs, and retries a failed one", async () => {
  const queue = await newQueue();
  let runs = 0;
  await newWorker(queue, async () => {
    if (runs++ === 0) throw new Error("parked");
  });
  const job = await queue.add("letter", { key: "value" }, { jobId: "letter-1" });
  await until(async () => (await job.getState()) === "failed");

  const serverAdapter = new FastifyAdapter();
  createBullBoard({ queues: [new BullMQAdapter(queue as unknown as Queue)], serverAdapter });
  const app = fastify();
  await app.register(serverAdapter.registerPlugin());
  open.push(app);
  const path = `/api/queues?activeQueue=${queue.name}&status=failed&page=1`;
  const page = await app.inject(path);
  expect(page.statusCode).toBe(200);
  expect(page.json()).toMatchObject({ queues: [{ name: queue.name, counts: { failed: 1 } }] });
  expect(page.body).toContain("letter-1");
  const retry = await app.inject({ method: "PUT", url: `/api/queues/${queue.name}/letter-1/retry` });
  expect(retry.statusCode).toBe(204);
  await until(async () => (await job.getState()) === "completed");
});

test("given PostgreSQL is away, when a queue is opened, then it stays broken, and one opened later works", async () => {
  await server.stop();
  const options = { connection: { connectionString: url, max: 1 } };
  const early = new OnPostgres.Queue("early", options);
  early.on("error", () => undefined);
  open.push(early);
  await expect(early.add("task", 1)).rejects.toThrow("ECONNREFUSED");
  await server.restart();
  await expect(early.add("task", 2)).rejects.toThrow("ECONNREFUSED");
  const later = new OnPostgres.Queue("early", options);
  open.push(later);
  expect((await later.add("task", 3)).id).toBeDefined();
});

test("given text that PostgreSQL cannot hold, when it is a job's data or its failure, then adding or failing is refused", async () => {
  const queue = await newQueue();
  await expect(queue.add("task", "a\u0000b")).rejects.toMatchObject({ code: "22P05" });
  await expect(queue.add("task", "\ud800")).rejects.toMatchObject({ code: "22P02" });
  const errors: string[] = [];
  const worker = await newWorker(queue, () => Promise.reject(new Error("a\u0000b")), { lockDuration: 60_000 });
  worker.on("error", (error) => errors.push(error.message));
  const job = await queue.add("task", 1);
  await until(() => errors.length > 0);
  expect(await job.getState()).toBe("active");
});

test("given the settings of a queue, when objects are opened, then a queue holds its pool and a worker one client more", async () => {
  const count = async () => {
    const rows = await query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()");
    return Number(rows[0]?.n) - 1;
  };
  // A connection the test before has closed is gone a moment later.
  await until(async () => (await count()) === 0);
  const queue = await newQueue();
  await Promise.all(Array.from({ length: 20 }, (_, n) => queue.add("task", n)));
  expect(await count()).toBe(2);
  await newWorker(queue, () => sleep(5), { concurrency: 20 });
  await until(async () => (await queue.getCompletedCount()) === 20);
  expect(await count()).toBe(2 + 2 + 1);
});
