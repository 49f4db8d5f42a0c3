import type { Queue } from "bullmq";

export interface Duplicator {
  /** Copies added so far, by queue. */
  readonly copies: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

const COPIES = 2;

/** Adds every job it sees again, under other ids and without deduplication: each wake-up, activity and timer is delivered more than once. */
export function duplicate(queues: readonly Queue[]): Duplicator {
  const copies: Record<string, number> = {};
  const seen = new Set<string>();
  let stopping = false;
  async function round(queue: Queue): Promise<void> {
    for (const job of await queue.getJobs(["waiting", "active", "delayed"])) {
      if (job?.id === undefined || seen.has(`${queue.name} ${job.id}`)) continue;
      seen.add(`${queue.name} ${job.id}`);
      for (let copy = 0; copy < COPIES; copy++) {
        const { id } = await queue.add(job.name, job.data, { removeOnComplete: true, removeOnFail: true });
        seen.add(`${queue.name} ${id}`);
        copies[queue.name] = (copies[queue.name] ?? 0) + 1;
      }
    }
  }
  const running = Promise.all(
    queues.map(async (queue) => {
      while (!stopping) await round(queue);
    }),
  );
  return {
    copies,
    async stop() {
      stopping = true;
      await running;
    },
  };
}
