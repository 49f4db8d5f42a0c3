import { createHash } from "node:crypto";
import { createPostgresBackend, type Processor, Queue, Worker, withBackend } from "bullmq";

/** Wake-ups of groups, as the service sends them: deduplicated, never with a job id of their own. */
export interface Wakeups {
  wake(group: string): Promise<void>;
  /** Jobs that still have to run, or run now. */
  pending(): Promise<number>;
  close(): Promise<void>;
}

export interface WakeupWorker {
  close(): Promise<void>;
}

const QUEUE_NAME = "wakeups";
const LOCK_MS = Number(process.env.STRESS_LOCK_MS ?? 1_500);
const CONCURRENCY = 25;

const OnPostgres = withBackend(createPostgresBackend);

const WORKER_OPTIONS = {
  concurrency: CONCURRENCY,
  lockDuration: LOCK_MS,
  stalledInterval: 500,
  maxStalledCount: 1_000_000,
};

export async function openWakeups(url: string): Promise<Wakeups> {
  const queue = isRedis(url)
    ? new Queue(QUEUE_NAME, { connection: { url } })
    : new OnPostgres.Queue(QUEUE_NAME, { connection: { connectionString: url, max: 10, migrate: true } });
  queue.on("error", () => undefined);
  await queue.waitUntilReady();
  return {
    async wake(group) {
      const id = createHash("sha256").update(group).digest("hex");
      const deduplication = { id, keepLastIfActive: true, reschedule: true };
      await queue.add("wake", { group }, { deduplication, removeOnComplete: true, removeOnFail: true });
    },
    async pending() {
      const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    close: () => queue.close(),
  };
}

export async function startWakeupWorker(
  url: string,
  run: (group: string) => Promise<void>,
  onError: (error: Error) => void,
): Promise<WakeupWorker> {
  const process: Processor<{ group: string }> = (job) => run(job.data.group);
  const worker = isRedis(url)
    ? new Worker(QUEUE_NAME, process, { ...WORKER_OPTIONS, connection: { url, maxRetriesPerRequest: null } })
    : new OnPostgres.Worker(QUEUE_NAME, process, { ...WORKER_OPTIONS, connection: { connectionString: url, max: 5 } });
  worker.on("error", onError);
  await worker.waitUntilReady();
  return { close: () => worker.close() };
}

function isRedis(url: string): boolean {
  return url.startsWith("redis:");
}
