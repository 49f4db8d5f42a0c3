import type { ScheduleRecord } from "../../src/ports/schedules.ts";
import { EMPTY } from "../../src/runtime/schedules/record.ts";

/** A schedule that has fired nothing yet; tests name only what they are about. */
export function aScheduleRecord(over: Partial<ScheduleRecord> = {}): ScheduleRecord {
  return {
    ...EMPTY,
    definition: { namespace: "n", name: "a", version: "1.0.0", digest: "d" },
    since: 0,
    ...over,
  };
}
