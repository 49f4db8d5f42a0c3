import { NotFoundError } from "../errors.ts";
import type { QueueLoad, Queues } from "../ports/queues.ts";

/** What an autoscaler reads of one queue. */
export interface ScalerView {
  readonly queue: string;
  /** Jobs that could be taken now: waiting ones, and delayed ones whose time has come. */
  readonly backlog: number;
  /** Those of the backlog that are delayed jobs whose time has come: timers, and repeats after a back-off. */
  readonly dueTimers: number;
  /** Since the oldest job of the backlog could have been taken, in milliseconds. */
  readonly oldestAgeMs: number;
  /** Jobs that workers have in hand, and activities that this process does by local dispatch instead of making jobs of them. */
  readonly inFlight: number;
  readonly desiredWorkers: number;
}

export interface Scaler {
  /** @throws {NotFoundError} for a queue that was never used, with those that were. */
  view(queue: string): Promise<ScalerView>;
}

/**
 * @param jobsPerWorker `SCALER_JOBS_PER_WORKER`, from 1.
 * @param local how many activities this process does itself that would else be jobs of the queue.
 */
export function createScaler(
  queues: Pick<Queues, "load" | "loadNames">,
  jobsPerWorker: number,
  local: (queue: string) => number = () => 0,
): Scaler {
  return {
    async view(queue) {
      const jobs = await queues.load(queue);
      if (jobs === null) throw new NotFoundError("queue", queue, await queues.loadNames());
      const load = { ...jobs, active: jobs.active + local(queue) };
      return {
        queue,
        backlog: load.waiting + load.due,
        dueTimers: load.due,
        oldestAgeMs: load.oldestAgeMs,
        inFlight: load.active,
        desiredWorkers: desiredWorkers(load, jobsPerWorker),
      };
    },
  };
}

/**
 * Enough workers for all that could be worked on now: `ceil((backlog + inFlight) / jobsPerWorker)`. What is in hand counts, so that no
 * worker is stopped over a long call; what only waits for its time does not, so that an idle night costs no worker. The autoscaler's own
 * maximum is the limit.
 */
export function desiredWorkers(load: Pick<QueueLoad, "waiting" | "due" | "active">, jobsPerWorker: number): number {
  return Math.ceil((load.waiting + load.due + load.active) / jobsPerWorker);
}
