import { setTimeout as sleep } from "node:timers/promises";
import type { Job as BullJob, Queue } from "bullmq";
import type { DeadLetterHandler, Queues } from "../../ports/queues.ts";
import type { RunJob } from "./consumer.ts";
import { ask } from "./deadline.ts";
import { type LetterData, letterData, parseLetter } from "./job-data.ts";
import type { Liveness } from "./liveness.ts";
import { letterJobId } from "./names.ts";

const JOB_NAME = "io.flunq.event.dlq";
/** Between tries to remove one that a worker has in hand, for some milliseconds as a rule. */
const WAITS_MS = [10, 20, 40, 80, 160, 320];
const OPTIONS = { attempts: 1, removeOnComplete: true, removeOnFail: false } as const;

/** Each letter is a job that fails at once with the letter's message, so that a dashboard of queues lists it under *failed*. */
export function deadLetters(
  queue: Queue,
  { alive }: Liveness,
): Pick<Queues, "deadLetter" | "deadLetterAlive" | "removeDeadLetter"> {
  return {
    async deadLetter(letter) {
      const jobId = letterJobId(letter.id);
      const add = () => ask(() => queue.add(JOB_NAME, letterData(letter), { ...OPTIONS, jobId }));
      await add();
      // A ghost (its hash without a place in any list) swallows what is added under its id.
      if ((await ask(() => queue.getJobState(jobId))) !== "unknown") return;
      await ask(() => queue.remove(jobId));
      await add();
    },
    async deadLetterAlive(letterId) {
      const jobId = letterJobId(letterId);
      return (await alive(queue, jobId)) || (await ask(() => queue.getJobState(jobId))) === "failed";
    },
    async removeDeadLetter(letterId) {
      const jobId = letterJobId(letterId);
      for (const waitMs of WAITS_MS) {
        if ((await ask(() => queue.remove(jobId))) === 1) return;
        if ((await ask(() => queue.getJobState(jobId))) === "unknown") return;
        // It is being put under *failed* right now: nobody may remove it until then.
        await sleep(waitMs);
      }
    },
  };
}

export function runDeadLetter(handler: DeadLetterHandler): RunJob {
  return async (job) => {
    const letter = parseLetter(job.data);
    if (!isRetry(job, letter)) {
      await job.updateData({ ...letter, shown: true });
      throw failureOf(letter);
    }
    await handler({ id: letter.id, tenant: letter.tenant });
  };
}

/**
 * Only an operator brings back a job that has failed. `job.retry()` keeps `attemptsMade`; retrying the whole queue sets it to 0 on
 * PostgreSQL, and the number of starts too, which tells that from a process that died between marking the letter and failing it.
 */
function isRetry(job: BullJob, letter: LetterData): boolean {
  return job.attemptsMade > 0 || (letter.shown && job.attemptsStarted === 1);
}

function failureOf({ message, stack }: LetterData): Error {
  const failure = new Error(message);
  failure.stack = stack ?? message;
  return failure;
}
