import type { Overlap } from "../../dsl/schedule.ts";
import type { EventConsumption } from "../../dsl/workflow.ts";
import type { PublishedEvent } from "../../ports/event-log.ts";
import type { CollectedEvent, EventCollection, Firing, Hearing, ScheduleRecord } from "../../ports/schedules.ts";
import { type ReadAs, readEvent } from "../../values/cloud-event.ts";
import { bytesBeyond, jsonBytes } from "../../values/json-size.ts";
import { traceContextOf } from "../../values/trace-context.ts";
import { type Advanced, MOST_PENDING, type Skipped, take } from "./advance.ts";
import { type Collecting, collect } from "./collect.ts";

/** Bytes of inputs that may wait to be started, before more events are left in the log. */
const MOST_PENDING_BYTES = 1 << 20;
/** Collections that may be open at once. */
const MOST_COLLECTIONS = 100;
/** One that has been open for so long is given up for another; of younger ones, the newest is. */
const OPEN_FOR_MS = 3_600_000;

/** What the world says when events come. */
export interface HearingSituation {
  /** Store time, epoch milliseconds. */
  readonly now: number;
  readonly overlap: Overlap;
  readonly consumption: EventConsumption;
  readonly read: ReadAs;
  /** Largest input, and most that may be collected in all, in bytes as JSON. */
  readonly payloadBytes: number;
  /** The same event, source and id, was heard before. */
  readonly isRepeat: (event: PublishedEvent) => boolean;
  readonly firingOf: (events: readonly CollectedEvent[], at: number) => Firing;
}

/**
 * What follows from events that were delivered, in the order of the log; pure. One that the record is not ready for (there are some before
 * it, or too much waits to be started) is noted as one to look at later.
 */
export function hearDelivered(
  before: ScheduleRecord,
  events: readonly PublishedEvent[],
  situation: HearingSituation,
): Advanced {
  const heard = hearingOf(before, situation);
  for (const event of events) {
    const { joined, position, behindTo } = heard.hearing();
    if (event.position <= behindTo) continue;
    if (!joined || position < behindTo || heard.isFull()) heard.move({ behindTo: event.position });
    else heard.hear(event, { position: event.position, behindTo: event.position });
  }
  return heard.result();
}

/** Events that cannot be heard now: to be looked at later. */
export function hearLater(before: ScheduleRecord, events: readonly PublishedEvent[]): ScheduleRecord {
  const { hearing } = before;
  if (hearing == null) return before;
  const behindTo = Math.max(hearing.behindTo, ...events.map(({ position }) => position));
  return { ...before, hearing: { ...hearing, behindTo } };
}

/**
 * What follows from a page of the log after `position`, pure: of the events up to `behindTo`, as many as there is room for.
 *
 * @param upTo all events up to here are in the page.
 */
export function hearLogged(
  before: ScheduleRecord,
  page: readonly PublishedEvent[],
  upTo: number,
  situation: HearingSituation,
): Advanced {
  const heard = hearingOf(before, situation);
  const { behindTo } = heard.hearing();
  for (const event of page) {
    if (event.position > behindTo) break;
    if (heard.isFull()) return heard.result();
    heard.hear(event, { position: event.position });
  }
  heard.move({ position: Math.min(upTo, behindTo) });
  return heard.result();
}

/** True when there are events that a schedule must look at by itself, and it may. */
export function isBehind({ hearing, state }: Pick<ScheduleRecord, "hearing" | "state">): boolean {
  if (hearing == null || !hearing.joined) return false;
  return state === "active" && hearing.position < hearing.behindTo;
}

/** True when more firings wait than may. */
export function isFull({ pending }: Pick<ScheduleRecord, "pending">, bytes = pendingBytes(pending)): boolean {
  return pending.length >= MOST_PENDING || bytes >= MOST_PENDING_BYTES;
}

function pendingBytes(pending: readonly Firing[]): number {
  return pending.reduce((sum, { input }) => sum + (input === undefined ? 0 : jsonBytes(input)), 0);
}

/** Takes one event after another; the one place here that remembers. */
function hearingOf(before: ScheduleRecord, situation: HearingSituation) {
  const { consumption, read, payloadBytes, overlap, now } = situation;
  let record = before;
  let bytes = pendingBytes(before.pending);
  const skipped: Skipped[] = [];
  const lateness: number[] = [];
  const hearing = (): Hearing => {
    if (record.hearing == null) throw new Error("a schedule without `on` hears nothing");
    return record.hearing;
  };
  const move = (change: Partial<Hearing>): void => {
    record = { ...record, hearing: { ...hearing(), ...change } };
  };

  function fire(collection: EventCollection, { event, at }: PublishedEvent): void {
    const trace = traceContextOf(event.traceparent, event.tracestate);
    const firing = { ...situation.firingOf(collection.events, at), ...(trace === undefined ? {} : { trace }) };
    if (bytesBeyond(firing.input, payloadBytes) !== undefined) {
      skipped.push("too-large");
      return;
    }
    const taken = take(record, firing, overlap);
    if (taken.skipped !== null) skipped.push(taken.skipped);
    if (taken.isTaken === true) {
      lateness.push(now - at);
      bytes += jsonBytes(firing.input);
    }
    record = taken.record;
  }

  function hear(event: PublishedEvent, change: Partial<Hearing>): void {
    if (!situation.isRepeat(event)) {
      const { expected, collections } = hearing();
      const collecting: Collecting = { consumption, expected };
      const value = readEvent(event.event, read, event.raw);
      const { open, complete } = collect(collections, { ...event, value }, collecting);
      const kept = withinLimits(open, payloadBytes, now);
      for (let gone = open.length - kept.length; gone > 0; gone--) skipped.push("given-up");
      move({ collections: kept });
      if (complete !== undefined) fire(complete, event);
    }
    move(change);
  }

  return {
    ...{ hearing, move, hear },
    isFull: () => isFull(record, bytes),
    result: (): Advanced => {
      const counted = record.skipped + skipped.length;
      return {
        record: counted === record.skipped ? record : { ...record, skipped: counted },
        ...{ skipped, lateness },
      };
    },
  };
}

/**
 * Without what is beyond the limits: the oldest, where it has waited for long; else the newest, or each event that no longer finds its
 * collection would open another, for which one more is given up.
 */
function withinLimits(
  collections: readonly EventCollection[],
  payloadBytes: number,
  now: number,
): readonly EventCollection[] {
  if (collections.length <= MOST_COLLECTIONS && bytesBeyond(collections, payloadBytes) === undefined)
    return collections;
  const isOld = now - (collections[0]?.since ?? now) > OPEN_FOR_MS;
  const rest = isOld || collections.length === 1 ? collections.slice(1) : collections.slice(0, -1);
  return withinLimits(rest, payloadBytes, now);
}
