import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again; an error counts as "not yet". @throws {Error} with the last answer when it takes too long. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, limitMs = 60_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  let last: unknown = false;
  while (Date.now() < deadline) {
    try {
      last = await isSo();
      if (last === true) return;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`not within ${limitMs} ms: ${what}`, { cause: last });
}
