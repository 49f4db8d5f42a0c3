import { bullmqConfig } from "../../../bullmq.config.ts";
import { StoreUnavailableError } from "../../errors.ts";

/**
 * Runs one operation on the queues' store, waiting at most `producers.deadlineMs`. The operation may still happen after that: all
 * of ours may be repeated.
 * @throws {StoreUnavailableError} when it fails or is late.
 */
export async function ask<T>(operation: () => Promise<T>): Promise<T> {
  const { deadlineMs } = bullmqConfig.producers;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // One more turn of the event loop: after it stood still, the answer may be here and only unread.
    const giveUp = () => setImmediate(() => reject(new Error(`no answer within ${deadlineMs} ms`)));
    timer = setTimeout(giveUp, deadlineMs);
  });
  try {
    return await Promise.race([operation(), late]);
  } catch (cause) {
    throw cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError("the queue store", { cause });
  } finally {
    clearTimeout(timer);
  }
}
