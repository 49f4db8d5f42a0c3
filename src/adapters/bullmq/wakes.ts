import type { Queue } from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import type { Queues, WakeHandler } from "../../ports/queues.ts";
import type { Group } from "../../values/ids.ts";
import { batches } from "./batches.ts";
import type { RunJob } from "./consumer.ts";
import { ask } from "./deadline.ts";
import { parseWake, wakeData } from "./job-data.ts";
import type { Liveness } from "./liveness.ts";
import { deduplicationId, laneOf } from "./names.ts";

/** The wake-ups: one waiting and one running job of a group at most, which deduplication sees to. */
export function wakes(
  queues: readonly Queue[],
  { alive }: Liveness,
  bulkFrom: number,
): Pick<Queues, "wake" | "wakeAlive" | "forceWake"> {
  const { bulkSize } = bullmqConfig.producers;
  const lanes = queues.map((queue) => ({
    queue,
    adding: batches<Entry>((entries) => add(queue, entries, bulkFrom), deduplicationIdOf, bulkSize),
  }));
  const lane = ({ tenant }: Group) => {
    const found = lanes[laneOf(tenant, lanes.length)];
    if (found === undefined) throw new RangeError("there is no lane");
    return found;
  };
  const queueOf = (group: Group): Queue => lane(group).queue;

  async function wake(group: Group, type: string): Promise<void> {
    const { tenant, workflowId } = group;
    await lane(group).adding.add({ group: { tenant, workflowId }, type });
  }

  return {
    wake,

    async wakeAlive(group) {
      const queue = queueOf(group);
      const id = deduplicationId(group);
      let jobId = await ask(() => queue.getDeduplicationJobId(id));
      while (jobId !== null) {
        if (await alive(queue, jobId)) return true;
        // It may have ended between the two questions, and left the key to the wake-up that was kept for after it.
        const next = await ask(() => queue.getDeduplicationJobId(id));
        if (next === jobId) return false;
        jobId = next;
      }
      return false;
    },

    async forceWake(group, type) {
      const queue = queueOf(group);
      const id = deduplicationId(group);
      const jobId = await ask(() => queue.getDeduplicationJobId(id));
      // A job that holds its lock stays, with its key: the wake-up added below is then kept until after it.
      if (jobId !== null && (await removed(queue, jobId))) {
        await ask(() => queue.getBackend().removeDeduplicationKey(id, jobId));
      }
      await wake(group, type);
    },
  };
}

interface Entry {
  readonly group: Group;
  readonly type: string;
}

function deduplicationIdOf({ group }: Entry): string {
  return deduplicationId(group);
}

async function add(queue: Queue, entries: readonly Entry[], bulkFrom: number): Promise<void> {
  const jobs = entries.map(({ group, type }) => ({ name: type, data: wakeData(group), opts: wakeOptions(group) }));
  if (jobs.length >= bulkFrom) await ask(() => queue.addBulk(jobs));
  else await ask(() => Promise.all(jobs.map(({ name, data, opts }) => queue.add(name, data, opts))));
}

export function runWake(handler: WakeHandler): RunJob {
  return async (job, delivery) => handler(parseWake(job.data), delivery);
}

async function removed(queue: Queue, jobId: string): Promise<boolean> {
  if ((await ask(() => queue.remove(jobId))) > 0) return true;
  return (await ask(() => queue.getJobState(jobId))) === "unknown";
}

/**
 * No job id of its own: it would be checked first, and lose the wake-up that comes while the group's job runs. One attempt: a retry in
 * back-off would hold the key, and the runtime wakes again when its own count of faults says so.
 */
function wakeOptions(group: Group) {
  const { completedWakes, failedWakes } = bullmqConfig.retention;
  return {
    deduplication: { id: deduplicationId(group), keepLastIfActive: true, reschedule: true },
    attempts: 1,
    removeOnComplete: { count: completedWakes },
    removeOnFail: { count: failedWakes },
  };
}
