import type { Schedule } from "../../dsl/schedule.ts";
import type { StoredDefinition } from "../../ports/database.ts";
import type { Firing, Hearing, PastFiring, ScheduleRecord } from "../../ports/schedules.ts";
import { addDuration } from "../../values/durations.ts";
import type { ExecutionId } from "../../values/ids.ts";
import type { ScheduleSettings } from "./advance.ts";
import { isBehind } from "./hear-events.ts";
import { scheduleTimes } from "./times.ts";

/** What was begun and not ended is looked after so much later, milliseconds. */
export const UNFINISHED_MS = 5_000;
/** An end is told; this is for one whose word was lost. */
const LOOK_FOR_END_MS = 60_000;
/** Of those that may run side by side, so many are remembered. */
const OPEN_KEPT = 50;
/** Firings that are shown. */
const RECENT_KEPT = 10;

export const EMPTY: Omit<ScheduleRecord, "since"> = {
  definition: null,
  schedule: null,
  state: "active",
  pausedReason: null,
  nextAt: null,
  heldAt: null,
  pending: [],
  buffered: null,
  open: [],
  last: null,
  recent: [],
  hearing: null,
  fired: 0,
  skipped: 0,
};

/** The record of a version's schedule. One that says the same as the version before goes on where that was. @param hearing that of the version. */
export function recordOf(
  definition: StoredDefinition,
  schedule: Schedule,
  before: ScheduleRecord | undefined,
  hearing: Hearing | null,
  now: number,
  { timeZone }: ScheduleSettings,
): ScheduleRecord {
  const { namespace, name, version, digest } = definition;
  const known = before ?? { ...EMPTY, since: now };
  const next = { ...known, definition: { namespace, name, version, digest }, schedule, hearing };
  if (JSON.stringify(known.schedule?.when) === JSON.stringify(schedule.when)) return next;
  const first = firstTime(schedule, now, timeZone);
  return { ...next, since: now, ...(known.state === "paused" ? { nextAt: null, heldAt: first } : { nextAt: first }) };
}

/** The first time of a schedule that begins now. */
function firstTime({ when }: Schedule, now: number, timeZone: string): number | null {
  if (when === null) return null;
  return when.kind === "after" ? addDuration(now, when.interval) : scheduleTimes(when, now, timeZone).next(now);
}

/** When somebody must look at a record at the latest; null when nothing is owed. */
export function lookAtOf(
  record: ScheduleRecord,
  now: number,
  { timerHorizonMs, timerPrecisionMs }: { readonly timerHorizonMs: number; readonly timerPrecisionMs: number },
): number | null {
  const { pending, buffered, open, nextAt, schedule, state, hearing } = record;
  const isUnfinished = pending.length > 0 || isBehind(record) || hearing?.joined === false;
  const waitsForEnd = buffered !== null || (schedule?.when?.kind === "after" && open.length > 0 && state === "active");
  const moments = [
    ...(isUnfinished ? [now + UNFINISHED_MS] : []),
    ...(waitsForEnd ? [now + LOOK_FOR_END_MS] : []),
    ...(nextAt === null ? [] : [armLookAt(nextAt, now, timerHorizonMs, timerPrecisionMs)]),
  ];
  return moments.length === 0 ? null : Math.min(...moments);
}

function armLookAt(nextAt: number, now: number, horizonMs: number, precisionMs: number): number {
  return nextAt - now > horizonMs ? nextAt - horizonMs : Math.max(nextAt, now) + precisionMs;
}

/** After the first of what is pending: some were started, some came to nothing. @param started of `done`, those that are open now. */
export function afterFirings(
  record: ScheduleRecord,
  done: readonly Firing[],
  started: readonly ExecutionId[],
): ScheduleRecord {
  const past = done.map(pastFiring).reverse();
  return {
    ...record,
    pending: record.pending.slice(done.length),
    open: [...record.open, ...started].slice(-OPEN_KEPT),
    last: past[0] ?? record.last,
    recent: [...past, ...(record.recent ?? [])].slice(0, RECENT_KEPT),
    fired: record.fired + done.length,
  };
}

function pastFiring({ kind, at, workflowId, executionId, events }: Firing): PastFiring {
  return { kind, at, workflowId, executionId, ...(events === undefined ? {} : { events }) };
}
