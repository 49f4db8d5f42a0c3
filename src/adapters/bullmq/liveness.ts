import { setTimeout as sleep } from "node:timers/promises";
import type { Queue } from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import { ask } from "./deadline.ts";
import type { QueueServer } from "./queue-server.ts";

/** Answers whether a job will be run, or is being run, without anybody adding it again. */
export interface Liveness {
  alive(queue: Queue, jobId: string): Promise<boolean>;
}

const WILL_RUN = new Set(["waiting", "delayed", "prioritized", "waiting-children"]);
const POLL_MS = 100;
/** Far more than put any job back: what is still there is nothing that checks know. */
const MOST_CHECKS = 30;

/**
 * An active job whose lock has lapsed is alive while some process looks for stalled jobs, as its next two checks put it back. Whether one
 * does is seen by the trace that each check leaves, which comes late on a busy machine and is gone before long: so the job is watched for
 * a while from the last trace on. A queue found without is believed for as long again, for many jobs at once.
 */
export function liveness(server: QueueServer): Liveness {
  const { stalledCheckMs } = bullmqConfig.locks;
  const watchMs = 6 * stalledCheckMs;
  const uncheckedUntil = new Map<string, number>();

  async function recovers(queue: Queue, jobId: string): Promise<boolean> {
    if (Date.now() < (uncheckedUntil.get(queue.name) ?? 0)) return false;
    const limit = Date.now() + MOST_CHECKS * stalledCheckMs;
    let deadline = Date.now() + watchMs;
    let trace = await ask(() => server.stalledCheck(queue));
    while (Date.now() < Math.min(deadline, limit)) {
      await sleep(POLL_MS);
      const state = await ask(() => queue.getJobState(jobId));
      if (state !== "active") return WILL_RUN.has(state);
      if (await ask(() => server.holdsLock(queue, jobId))) return true;
      const latest = await ask(() => server.stalledCheck(queue));
      if (latest !== null && latest !== trace) deadline = Date.now() + watchMs;
      trace = latest;
    }
    uncheckedUntil.set(queue.name, Date.now() + watchMs);
    return false;
  }

  return {
    async alive(queue, jobId) {
      const state = await ask(() => queue.getJobState(jobId));
      if (state !== "active") return WILL_RUN.has(state);
      return (await ask(() => server.holdsLock(queue, jobId))) || recovers(queue, jobId);
    },
  };
}
