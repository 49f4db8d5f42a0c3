import { setTimeout as sleep } from "node:timers/promises";
import { type BulkJobOptions, type Job as BullJob, DelayedError, type Queue } from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import type { ActivityHandler, Job, Queues, TimerHandler } from "../../ports/queues.ts";
import { type Batches, batches } from "./batches.ts";
import type { RunJob } from "./consumer.ts";
import { ask } from "./deadline.ts";
import { activityData, parseActivity, parseTimer, timerData } from "./job-data.ts";
import type { Liveness } from "./liveness.ts";
import { jobId, queueOfJob, twinOf } from "./names.ts";
import type { QueueServer } from "./queue-server.ts";

export interface WorkDependencies {
  readonly server: QueueServer;
  readonly liveness: Liveness;
  readonly queue: (name: string) => Queue;
}

/** Activities and timers: jobs named by what they owe. */
export function work({ server, liveness, queue }: WorkDependencies): Pick<Queues, "dispatch" | "alive" | "remove"> {
  /** A timer that came early where a running job cannot be delayed again waits under its second id. */
  const idsOf = (job: Job): readonly string[] => {
    const id = jobId(job);
    return job.kind === "timer" && !server.delaysRunningJobs ? [id, twinOf(id)] : [id];
  };

  const adding = new Map<string, Batches<Job>>();
  const addingTo = (name: string): Batches<Job> => {
    const known = adding.get(name);
    if (known !== undefined) return known;
    const send = (jobs: readonly Job[]) => add(server, queue(name), jobs);
    const added = batches<Job>(send, jobId, bullmqConfig.producers.bulkSize);
    adding.set(name, added);
    return added;
  };

  return {
    async dispatch(jobs) {
      await Promise.all(jobs.map((job) => addingTo(queueOfJob(job)).add(job)));
    },

    async alive(job) {
      for (const id of idsOf(job)) if (await liveness.alive(queue(queueOfJob(job)), id)) return true;
      return false;
    },

    async remove(jobs) {
      for (const some of chunks(jobs, bullmqConfig.producers.bulkSize)) {
        const ids = some.flatMap((job) => idsOf(job).map((id) => ({ id, queue: queue(queueOfJob(job)) })));
        await ask(() => Promise.all(ids.map((entry) => entry.queue.remove(entry.id))));
      }
    },
  };
}

export function runActivity(handler: ActivityHandler): RunJob {
  return async (job, delivery) => handler(parseActivity(job.data), delivery);
}

export function runTimer(handler: TimerHandler, server: QueueServer, queue: Queue): RunJob {
  const { waitInPlaceMs, minAgainMs } = bullmqConfig.timers;
  return async (job, delivery, token) => {
    const timer = parseTimer(job.data);
    for (;;) {
      const outcome = await handler(timer, delivery);
      if (outcome === "done") return;
      // By the difference, not to the moment: it is this process's clock that disagrees with the store's.
      const againMs = Math.max(minAgainMs, Math.ceil(outcome.again - outcome.now));
      if (server.delaysRunningJobs) await delayAgain(job, againMs, token);
      else if (againMs > waitInPlaceMs) return addTwin(queue, job, againMs);
      else await sleep(againMs, undefined, { signal: delivery.signal });
    }
  };
}

async function delayAgain(job: BullJob, delayMs: number, token: string): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

/** Added before this one completes: a crash in between leaves two, never none. */
async function addTwin(queue: Queue, job: BullJob, delayMs: number): Promise<void> {
  const options = { ...keptUntilDone, jobId: twinOf(job.id ?? ""), delay: delayMs };
  await ask(() => queue.add(job.name, job.data, options));
}

async function add(server: QueueServer, queue: Queue, jobs: readonly Job[]): Promise<void> {
  const entries = jobs.map(entryOf);
  if (entries.length >= server.bulkFrom) await ask(() => queue.addBulk(entries));
  else await ask(() => Promise.all(entries.map(({ name, data, opts }) => queue.add(name, data, opts))));
}

function entryOf(job: Job): { name: string; data: object; opts: BulkJobOptions } {
  const opts = { ...keptUntilDone, jobId: jobId(job) };
  if (job.kind === "activity") return { name: "activity", data: activityData(job), opts };
  const delay = Math.max(0, Math.ceil(job.fireAt - job.now)) + (job.laterMs ?? 0);
  return { name: "timer", data: timerData(job), opts: { ...opts, delay, timestamp: job.now } };
}

/** Tried again for as long as it throws; leaves nothing behind that could swallow a later job of the same id. */
const keptUntilDone = {
  attempts: bullmqConfig.retries.attempts,
  backoff: { type: "capped-exponential" },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
