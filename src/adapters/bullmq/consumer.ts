import { setTimeout as sleep } from "node:timers/promises";
import { type Job as BullJob, DelayedError, WaitingError, type Worker } from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import type { ConsumeOptions, Consumer, Delivery } from "../../ports/queues.ts";
import type { ReportError } from "./error-log.ts";
import { storable } from "./job-data.ts";
import type { QueueKind } from "./names.ts";
import type { QueueServer } from "./queue-server.ts";

/** One run of a job. Returning completes it, throwing fails it (BullMQ's own control errors excepted). */
export type RunJob = (job: BullJob, delivery: Delivery, token: string) => Promise<void>;

export interface ConsumerDependencies {
  readonly server: QueueServer;
  readonly report: ReportError;
  readonly onRedelivered: (queue: string) => void;
}

/** Takes jobs of one queue until it is closed, whatever happens to the connection. */
export function consume(
  queue: string,
  kind: QueueKind,
  run: RunJob,
  { concurrency, recover }: ConsumeOptions,
  { server, report, onRedelivered }: ConsumerDependencies,
): Consumer {
  const inHand = new Set<Hand>();
  let draining = false;
  let becameIdle = () => {};

  // Three parameters: BullMQ makes a signal only for a processor that has room for it.
  async function process(job: BullJob, token: string | undefined, lockLost: AbortSignal | undefined): Promise<void> {
    const hand = takeInHand(lockLost);
    inHand.add(hand);
    try {
      if (draining) throw new HandBack();
      const redelivered = job.stalledCounter > 0;
      if (redelivered) onRedelivered(queue);
      await Promise.race([run(job, { redelivered, signal: hand.signal }, token ?? ""), hand.leftBehind]);
    } catch (error) {
      // What a handler throws after its process told it to stop is no failure of the job.
      if (!draining || isControl(error)) throw recordable(error);
      await job.moveToWait(token).catch((cause) => report(asError(cause), queue));
      throw new WaitingError();
    } finally {
      inHand.delete(hand);
      if (inHand.size === 0) becameIdle();
    }
  }

  /** Closing waits for this too: without its server a worker never tells that it has closed. */
  function idle(): Promise<void> {
    if (inHand.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      becameIdle = resolve;
    });
  }

  const { worker, disconnect } = server.openWorker(queue, kind, process, recover, concurrency);
  worker.on("lockRenewalFailed", (jobIds) => {
    for (const id of jobIds) worker.cancelJob(id, "its lock is lost");
  });
  keepRunning(worker, (error) => report(error, queue));

  let closing: Promise<void> | undefined;
  async function close(graceMs: number): Promise<void> {
    const { abortPatienceMs, disconnectMs } = bullmqConfig.workers;
    const closed = worker.close();
    await within(graceMs, Promise.race([closed, idle()]));
    draining = true;
    for (const hand of inHand) hand.abort();
    await within(abortPatienceMs, Promise.race([closed, idle()]));
    for (const hand of inHand) hand.leaveBehind();
    await within(disconnectMs, closed);
    disconnect();
  }

  return {
    queue,
    inFlight: () => inHand.size,
    ready: () => untilReady(worker),
    close: (graceMs) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
}

/** Several queues as one: the lanes of wake-ups. */
export function together(queue: string, consumers: readonly Consumer[]): Consumer {
  return {
    queue,
    inFlight: () => consumers.reduce((sum, consumer) => sum + consumer.inFlight(), 0),
    ready: async () => void (await Promise.all(consumers.map((consumer) => consumer.ready()))),
    close: async (graceMs) => void (await Promise.all(consumers.map((consumer) => consumer.close(graceMs)))),
  };
}

/** A job in hand: all of it goes with the job, as a listener on anything that lives as long as the process would pile up. */
interface Hand {
  readonly signal: AbortSignal;
  abort(): void;
  /** Rejects once nobody waits any longer for a handler that does not heed its signal. */
  readonly leftBehind: Promise<never>;
  leaveBehind(): void;
}

function takeInHand(lockLost: AbortSignal | undefined): Hand {
  const controller = new AbortController();
  lockLost?.addEventListener("abort", () => controller.abort(new Error("the lock of this job is lost")), {
    once: true,
  });
  let leaveBehind = () => {};
  const leftBehind = new Promise<never>((_, reject) => {
    leaveBehind = () => reject(new HandBack());
  });
  leftBehind.catch(() => undefined);
  const abort = () => controller.abort(new Error("this process shuts down"));
  return { signal: controller.signal, abort, leftBehind, leaveBehind };
}

/** "Not done, and not failed either: somebody else should run it." */
class HandBack extends Error {}

/** A failure whose text could not be stored would leave its job to stall. */
function recordable(error: unknown): Error {
  const failure = asError(error);
  if (storable(failure.message) === failure.message && storable(failure.stack ?? "") === (failure.stack ?? ""))
    return failure;
  const clean = new Error(storable(failure.message));
  clean.stack = storable(failure.stack ?? clean.message);
  return clean;
}

/** Thrown to BullMQ after the job was moved already. */
function isControl(error: unknown): boolean {
  return error instanceof WaitingError || error instanceof DelayedError;
}

/** BullMQ's loop ends when something unforeseen is thrown in it; then it starts again. */
async function keepRunning(worker: Worker, report: (error: Error) => void): Promise<void> {
  await untilReady(worker);
  while (worker.closing === undefined) {
    await worker.run().catch((error) => report(asError(error)));
    if (worker.closing === undefined) await sleep(bullmqConfig.workers.reconnectMs);
  }
}

async function untilReady(worker: Worker): Promise<void> {
  while (worker.closing === undefined) {
    try {
      return await worker.waitUntilReady();
    } catch {
      await sleep(bullmqConfig.workers.reconnectMs);
    }
  }
}

/** Whether the promise was fulfilled in time; a rejection counts. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const done = promise.then(
    () => true,
    () => true,
  );
  const result = await Promise.race([done, late]);
  timer.abort();
  return result;
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
