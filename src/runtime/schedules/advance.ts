import type { CatchUp, Overlap } from "../../dsl/schedule.ts";
import type { Firing, ScheduleRecord } from "../../ports/schedules.ts";
import { addDuration } from "../../values/durations.ts";
import type { ExecutionId } from "../../values/ids.ts";
import { type ScheduleTimes, scheduleTimes } from "./times.ts";

/** What a schedule that says nothing else is held to. */
export interface ScheduleSettings {
  readonly timeZone: string;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  /** Milliseconds: a moment that is later than this was missed. */
  readonly missedAfterMs: number;
  /** Milliseconds: what was missed longer ago than this is not made up for. */
  readonly catchUpWithinMs: number;
}

/** What the world says, by the store. */
export interface ScheduleSituation {
  /** Store time, epoch milliseconds. */
  readonly now: number;
  /** Of `record.open`: when those ended that have; an execution that is gone ended some time ago (0). */
  readonly ended: ReadonlyMap<ExecutionId, number>;
  readonly settings: ScheduleSettings;
  /** The firing of a nominal time. */
  readonly firingAt: (at: number) => Firing;
}

/** Why a moment came to nothing. */
export type Skipped = "missed" | "overlap" | "paused" | EventsLost;
/** Of events: the input would have been too large, or too many collections were open. */
export type EventsLost = "too-large" | "given-up";
export interface Advanced {
  readonly record: ScheduleRecord;
  /** One for each decision, by reason. */
  readonly skipped: readonly Skipped[];
  /** Milliseconds between nominal time and decision, of each that fires or is buffered. */
  readonly lateness: readonly number[];
}

/** Firings that may wait to be started: more are skipped. */
export const MOST_PENDING = 100;

/** What follows from a record, now. Pure: takes one step after another until nothing is due. */
export function advanceSchedule(before: ScheduleRecord, situation: ScheduleSituation): Advanced {
  const { schedule } = before;
  const endings = before.open.flatMap((id) => situation.ended.get(id) ?? []);
  const open = before.open.filter((id) => !situation.ended.has(id));
  let record: ScheduleRecord = open.length === before.open.length ? before : { ...before, open };
  if (schedule === null) return { record, skipped: [], lateness: [] };
  const skipped: Skipped[] = [];
  const lateness: number[] = [];
  if (record.buffered !== null && isIdle(record)) {
    record = { ...record, buffered: null, pending: [record.buffered] };
  }
  const { when } = schedule;
  const times = when === null ? null : scheduleTimes(when, record.since, situation.settings.timeZone);
  while (times !== null && record.state === "active" && record.nextAt !== null && record.nextAt <= situation.now) {
    if (record.pending.length >= MOST_PENDING) break;
    const due = dueOf(record, record.nextAt, times, situation);
    const policy = schedule.overlap ?? situation.settings.overlap;
    const taken: Taken = due.at === null ? { record, skipped: null } : take(record, situation.firingAt(due.at), policy);
    if (due.missed) skipped.push("missed");
    if (taken.skipped !== null) skipped.push(taken.skipped);
    if (due.at !== null && taken.isTaken === true) lateness.push(situation.now - due.at);
    record = { ...taken.record, nextAt: due.next };
  }
  if (when?.kind === "after" && record.state === "active" && record.nextAt === null && isIdle(record)) {
    const endedAt = Math.max(0, ...endings);
    record = { ...record, nextAt: addDuration(endedAt === 0 ? situation.now : endedAt, when.interval) };
  }
  const counted = record.skipped + skipped.length;
  return { record: counted === record.skipped ? record : { ...record, skipped: counted }, skipped, lateness };
}

function isIdle({ open, pending }: ScheduleRecord): boolean {
  return open.length === 0 && pending.length === 0;
}

interface Due {
  /** The nominal time that fires; null: none of those up to now. */
  readonly at: number | null;
  readonly next: number | null;
  /** Some were missed for good. */
  readonly missed: boolean;
}

/** Of the nominal times from `first` up to now: the one that fires first, by the policy for those that were missed. */
function dueOf(record: ScheduleRecord, first: number, times: ScheduleTimes, situation: ScheduleSituation): Due {
  const { now, settings } = situation;
  const onTimeFrom = now - settings.missedAfterMs;
  // What comes after an end is never missed: it is late.
  if (record.schedule?.when?.kind === "after") return { at: first, next: null, missed: false };
  if (first >= onTimeFrom) return { at: first, next: times.next(first), missed: false };
  const keptFrom = now - settings.catchUpWithinMs;
  const policy = record.schedule?.catchUp ?? settings.catchUp;
  if (policy === "all") {
    if (first >= keptFrom) return { at: first, next: times.next(first), missed: false };
    return { at: null, next: times.next(keptFrom - 1), missed: true };
  }
  const onTime = times.next(onTimeFrom - 1);
  const isSuperseded = onTime !== null && onTime <= now;
  const last = policy === "none" || isSuperseded ? null : times.last(now, first - 1);
  if (last === null || last < keptFrom) return { at: null, next: onTime, missed: true };
  return { at: last, next: onTime, missed: last > first };
}

export interface Taken {
  readonly record: ScheduleRecord;
  readonly skipped: Skipped | null;
  readonly isTaken?: boolean;
}

/** Takes a firing up, as the policy for overlaps says. */
export function take(record: ScheduleRecord, firing: Firing, policy: Overlap): Taken {
  const startNow = { record: { ...record, pending: [...record.pending, firing] }, skipped: null, isTaken: true };
  if (policy === "allow" || isIdle(record)) return startNow;
  if (policy === "skip") return { record, skipped: "overlap" };
  const { buffered } = record;
  // The first one waits; with cancel-running the latest takes its place.
  if (policy === "buffer-one" && buffered !== null) return { record, skipped: "overlap" };
  return { record: { ...record, buffered: firing }, skipped: buffered === null ? null : "overlap", isTaken: true };
}
