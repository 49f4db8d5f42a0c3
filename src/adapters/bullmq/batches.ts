/** Adds things to a queue, many in one command. */
export interface Batches<Entry> {
  /** Resolves when the command that carried the entry is acknowledged; rejects with its error. */
  add(entry: Entry): Promise<void>;
}

interface Waiting<Entry> {
  readonly entry: Entry;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what is added while a command is under way into the next one: alone, an entry goes at once; in a crowd it shares the round
 * trip (and, on PostgreSQL, the transaction) with the others. Commands leave one after another, entries in the order of their keys, so that
 * two processes never lock the same two keys in different orders.
 *
 * @param keyOf entries with the same key are one: the one that waits stands for both.
 * @param size most entries of one command.
 */
export function batches<Entry>(
  send: (entries: readonly Entry[]) => Promise<void>,
  keyOf: (entry: Entry) => string,
  size: number,
): Batches<Entry> {
  const waiting = new Map<string, Waiting<Entry>>();
  let sending = false;

  async function sendAll(): Promise<void> {
    sending = true;
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, size).sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [key] of batch) waiting.delete(key);
      try {
        await send(batch.map(([, { entry }]) => entry));
        for (const [, { resolve }] of batch) resolve();
      } catch (error) {
        // Whoever waits behind would only wait as long for the same answer.
        for (const { reject } of [...batch.map(([, each]) => each), ...waiting.values()]) reject(error);
        waiting.clear();
      }
    }
    sending = false;
  }

  return {
    add(entry) {
      const key = keyOf(entry);
      const known = waiting.get(key);
      if (known !== undefined) return known.done;
      const { promise, resolve, reject } = withResolvers();
      waiting.set(key, { entry, done: promise, resolve, reject });
      if (!sending) void sendAll();
      return promise;
    },
  };
}

function withResolvers(): Omit<Waiting<never>, "entry" | "done"> & { readonly promise: Promise<void> } {
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
