import type { EventStore } from "../ports/event-store.ts";

/** The store's time as this process knows it, without asking each time. For figures only: nothing is decided by it. */
export interface StoreClock {
  /** Epoch milliseconds; undefined until the store was asked once. */
  now(): number | undefined;
}

const KNOWN_FOR_MS = 30_000;

/** Measures how far this process's clock is from the store's, at once and every half minute of use, in the background. */
export function createStoreClock(events: Pick<EventStore, "now">): StoreClock {
  let aheadMs: number | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;

  async function measure(): Promise<void> {
    const before = Date.now();
    const there = await events.now();
    aheadMs = there - (before + Date.now()) / 2;
  }
  function now(): number | undefined {
    const here = Date.now();
    if (Math.abs(here - askedAt) > KNOWN_FOR_MS) {
      askedAt = here;
      measure().catch(() => undefined);
    }
    return aheadMs === undefined ? undefined : here + aheadMs;
  }
  now();
  return { now };
}
