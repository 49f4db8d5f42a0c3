import type { IQueueBackend, Processor, Queue, Worker } from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import type { QueueLoad } from "../../ports/queues.ts";
import type { ReportError } from "./error-log.ts";
import type { Abandoned, LockTimes } from "./holders.ts";
import type { QueueKind } from "./names.ts";

/** Where the queues live: the little in which Redis and PostgreSQL differ. */
export interface QueueServer {
  /** For adding and asking; all of them share their connections. */
  openQueue(name: string): Queue;
  /** Not yet running. Each has connections of its own. */
  openWorker(name: string, kind: QueueKind, processor: Processor, recover: boolean, concurrency: number): OpenWorker;
  /** One command, by the server's clock; its cost does not grow with what is delayed. */
  load(queue: Queue): Promise<QueueLoad>;
  /** The job is active and its lock has not lapsed. */
  holdsLock(queue: Queue, jobId: string): Promise<boolean>;
  /** Lets go of active jobs whose holders are gone, so that the next check for stalled jobs puts them back. Of none where it is not told who is there. */
  freeAbandoned(queue: Queue, times: LockTimes): Promise<Abandoned>;
  /** The trace of the latest check for stalled jobs: differs for each check, and may be gone soon after it. */
  stalledCheck(queue: Queue): Promise<string | null>;
  /** A running job can go back to *delayed*. */
  readonly delaysRunningJobs: boolean;
  /** How many jobs make a command for many worth its price. */
  readonly bulkFrom: number;
  /** Names of the task queues that any process ever used. */
  rememberTaskQueue(name: string): Promise<void>;
  taskQueues(): Promise<readonly string[]>;
  /** PostgreSQL connections open at most; 0 on Redis. */
  connections(): number;
  close(): Promise<void>;
}

export interface OpenWorker {
  readonly worker: Worker;
  /** After `worker.close()`, or instead of waiting for it any longer. */
  disconnect(): void;
}

/** Options every worker of a kind has, wherever it lives. */
export function workerOptions(kind: QueueKind, recover: boolean, concurrency: number) {
  const { locks, workers, retries } = bullmqConfig;
  return {
    autorun: false,
    concurrency,
    lockDuration: locks[kind].lockMs,
    lockRenewTime: locks[kind].renewMs,
    stalledInterval: locks.stalledCheckMs,
    maxStalledCount: locks.maxStalledCount,
    skipStalledCheck: !recover,
    runRetryDelay: workers.reconnectMs,
    drainDelay: workers.idlePollSeconds,
    settings: { backoffStrategy: (attemptsMade: number) => retryDelayMs(attemptsMade, retries, Math.random()) },
  };
}

/** Delay before the next try after `attemptsMade` failed ones, in milliseconds; `random` from 0 to 1 takes away up to half of it. */
export function retryDelayMs(attemptsMade: number, limits: { baseMs: number; maxMs: number }, random: number): number {
  const full = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attemptsMade - 1, 30));
  return Math.round(full * (1 - random / 2));
}

/** BullMQ asks again at once when a fetch fails for any reason but a refused connection; this makes it wait. */
export function unhurried<B extends IQueueBackend>(backend: B): B {
  const take = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...args) => {
    try {
      return await take(...args);
    } catch (error) {
      if (!backend.closing) await new Promise((resolve) => setTimeout(resolve, bullmqConfig.workers.fetchBackoffMs));
      throw error;
    }
  };
  return backend;
}

export type ServerDependencies = { readonly prefix: string; readonly report: ReportError };
