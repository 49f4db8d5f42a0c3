import type { EventStore } from "../ports/event-store.ts";

/** The store's time as this process knows it, without asking each time. */
export interface StoreClock {
  /** Epoch milliseconds; undefined until the store was asked once. For figures: it may be wrong by half a round trip. */
  now(): number | undefined;
  /** A moment that has come for the store, for decisions: nothing is due before its time by it. */
  passed(): number | undefined;
}

/** Measured again after so long, in the background. */
const FRESH_MS = 30_000;
/** And believed no longer than this: clocks drift. */
const KNOWN_FOR_MS = 90_000;
/** A round trip that took longer says little; the next use asks again. */
const QUICK_MS = 50;

/** Measures how far this process's clock is from the store's, at once and every half minute of use, in the background. */
export function createStoreClock(events: Pick<EventStore, "now">): StoreClock {
  /** How far the store is before this process's steady clock: by the middle of the round trip, and by its end. */
  let known: { readonly middle: number; readonly least: number; readonly at: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;

  async function measure(): Promise<void> {
    const before = performance.now();
    const there = await events.now();
    const after = performance.now();
    const isQuick = after - before <= QUICK_MS;
    if (!isQuick) askedAt = Math.min(askedAt, after - FRESH_MS + 1_000);
    if (known !== undefined && !isQuick && after - known.at < KNOWN_FOR_MS) return;
    known = { middle: there - (before + after) / 2, least: there - after, at: after };
  }
  function ahead(of: "middle" | "least"): number | undefined {
    const here = performance.now();
    if (here - askedAt > FRESH_MS) {
      askedAt = here;
      measure().catch(() => undefined);
    }
    return known === undefined || here - known.at > KNOWN_FOR_MS ? undefined : here + known[of];
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
