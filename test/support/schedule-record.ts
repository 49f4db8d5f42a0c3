import type { ScheduleRecord } from "../../src/ports/schedules.ts";

/** A schedule that has fired nothing yet; tests name only what they are about. */
export function aScheduleRecord(over: Partial<ScheduleRecord> = {}): ScheduleRecord {
  return {
    definition: { namespace: "n", name: "a", version: "1.0.0", digest: "d" },
    schedule: null,
    state: "active",
    pausedReason: null,
    since: 0,
    nextAt: null,
    heldAt: null,
    pending: [],
    buffered: null,
    open: [],
    last: null,
    fired: 0,
    skipped: 0,
    ...over,
  };
}
