import { createPostgresBackend, Queue, Worker, withBackend } from "bullmq";
import { meter, now, percentile } from "./meter.ts";

/** What BullMQ alone does on the same store at the same time: no history, no fence, no API. */
export interface Raw {
  /** No-op jobs of a full queue, concurrency 32. */
  readonly jobsPerSecond: number;
  readonly cpuMsPerJob: number;
  /** From adding one job to an idle queue until it is completed, median. */
  readonly hopMs: number;
  /** 200 jobs added at once, until all are completed, median of 5. */
  readonly fanMs: number;
}

const JOBS = Number(process.env.REF_JOBS ?? 3_000);
const HOPS = 100;
const FAN = 200;

/** @param url of Redis or PostgreSQL. @param store pid of its server. */
export async function rawBullmq(url: string, store: number): Promise<Raw> {
  const open = url.startsWith("redis") ? onRedis(url) : onPostgres(url);
  const { queue, worker } = open;
  await queue.waitUntilReady();
  let completed = () => {};
  queue.on("error", (error) => console.error(error.message));
  worker.on("error", (error) => console.error(error.message));
  worker.on("completed", () => completed());
  const until = (count: number) =>
    new Promise<void>((resolve) => {
      let left = count;
      completed = () => {
        left -= 1;
        if (left === 0) resolve();
      };
    });
  const jobs = (count: number) => Array.from({ length: count }, () => ({ name: "j", data: { order: 42 } }));

  await queue.addBulk(jobs(200)); // warm up
  let done = until(200);
  void worker.run();
  await done;
  await worker.pause();
  for (let left = JOBS; left > 0; left -= 500) await queue.addBulk(jobs(Math.min(500, left)));
  done = until(JOBS);
  const end = meter({ store: [store] });
  worker.resume();
  await done;
  const { seconds, cpuSeconds } = end();

  const hops: number[] = [];
  for (let i = 0; i < HOPS; i++) {
    done = until(1);
    const begun = now();
    await queue.add("j", {});
    await done;
    hops.push(now() - begun);
  }
  const fans: number[] = [];
  for (let i = 0; i < 5; i++) {
    done = until(FAN);
    const begun = now();
    await queue.addBulk(jobs(FAN));
    await done;
    fans.push(now() - begun);
  }
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  return {
    jobsPerSecond: JOBS / seconds,
    cpuMsPerJob: (cpuSeconds * 1000) / JOBS,
    hopMs: percentile(hops, 50),
    fanMs: percentile(fans, 50),
  };
}

const NO_OP = async () => null;
const KEEP_NONE = { defaultJobOptions: { removeOnComplete: true } } as const;
const WORKER = { concurrency: 32, autorun: false } as const;
const queueName = () => `raw-${process.pid}-${Math.round(now())}`;

function onRedis(url: string) {
  const { hostname, port } = new URL(url);
  const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
  const name = queueName();
  return {
    queue: new Queue(name, { connection, ...KEEP_NONE }),
    worker: new Worker(name, NO_OP, { connection, ...WORKER }),
  };
}

function onPostgres(url: string) {
  const connection = { connectionString: url, schema: "raw_bullmq", migrate: true, max: 20 };
  const { Queue: PostgresQueue, Worker: PostgresWorker } = withBackend(createPostgresBackend);
  const name = queueName();
  return {
    queue: new PostgresQueue(name, { connection, ...KEEP_NONE }),
    worker: new PostgresWorker(name, NO_OP, { connection, ...WORKER }),
  } as unknown as ReturnType<typeof onRedis>;
}
