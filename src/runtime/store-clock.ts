import type { EventStore } from "../ports/event-store.ts";

/** The store's time as this process knows it, without asking each time. */
export interface StoreClock {
  /** Epoch milliseconds; undefined until the store was asked once. For figures: it may be wrong by half a round trip. */
  now(): number | undefined;
  /** A moment that has come for the store, for decisions: nothing is due before its time by it. */
  passed(): number | undefined;
}

const KNOWN_FOR_MS = 30_000;

/** Measures how far this process's clock is from the store's, at once and every half minute of use, in the background. */
export function createStoreClock(events: Pick<EventStore, "now">): StoreClock {
  /** How far the store is before this process's steady clock: by the middle of the round trip, and by its end. */
  let known: { readonly middle: number; readonly least: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;

  async function measure(): Promise<void> {
    const before = performance.now();
    const there = await events.now();
    const after = performance.now();
    known = { middle: there - (before + after) / 2, least: there - after };
  }
  function ahead(of: "middle" | "least"): number | undefined {
    const here = performance.now();
    if (here - askedAt > KNOWN_FOR_MS) {
      askedAt = here;
      measure().catch(() => undefined);
    }
    return known === undefined ? undefined : here + known[of];
  }
  ahead("middle");
  return {
    now: () => ahead("middle"),
    passed() {
      const moment = ahead("least");
      return moment === undefined ? undefined : Math.floor(moment);
    },
  };
}
