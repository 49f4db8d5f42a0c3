import type { Overlap } from "../../dsl/schedule.ts";
import { renderTemplate } from "../../dsl/template.ts";
import type { EventConsumption, ListenFilter } from "../../dsl/workflow.ts";
import { filtersOf, hearsAll } from "../../engine/index.ts";
import { ExpressionError } from "../../expressions/index.ts";
import type { Database, StoredDefinition } from "../../ports/database.ts";
import type { PublishedEvent } from "../../ports/event-log.ts";
import type { Log } from "../../ports/executor.ts";
import type { Hearing, ScheduleKey, ScheduleRecord, StoredSchedule } from "../../ports/schedules.ts";
import { isUnheardType } from "../../values/cloud-event.ts";
import { hashOf } from "../../values/ids.ts";
import type { JsonObject } from "../../values/json.ts";
import { placesOf } from "../event-index.ts";
import type { Definitions } from "../ports.ts";
import type { Advanced } from "./advance.ts";
import { firingOfEvents, pathOf } from "./firing.ts";
import { type HearingSituation, hearDelivered, hearLogged, isBehind, isFull } from "./hear-events.ts";

/** Events of the log that are looked at at once. */
const PAGE = 200;

export interface ListeningPorts {
  readonly database: Pick<Database, "eventsEnd" | "publishedEvents" | "subscribe" | "unsubscribe" | "reserveKey">;
  readonly definitions: Definitions;
  readonly log: Log;
  readonly settings: ListeningSettings;
}
export interface ListeningSettings {
  readonly partitions: number;
  readonly overlap: Overlap;
  /** Largest input, in bytes as JSON. */
  readonly payloadBytes: number;
  /** How long an event is known to have been heard, in milliseconds. */
  readonly repeatsKnownMs: number;
}

/** What a schedule does about events; reads and enters, and leaves the writing of records to the scheduler. */
export interface Listening {
  /** The hearing of a version: that of the record where it says the same, else one that begins now. Null without `on`. */
  hearingOf(definition: StoredDefinition, before: ScheduleRecord | undefined, now: number): Promise<Hearing | null>;
  /** Enters it into the index; repeatable. */
  join(stored: StoredSchedule, hearing: Hearing): Promise<Hearing>;
  leave(key: ScheduleKey, subscription: string): Promise<void>;
  /** Follows from events that were delivered. @param record that of the schedule, advanced. */
  hear(key: ScheduleKey, record: ScheduleRecord, events: readonly PublishedEvent[], now: number): Promise<Advanced>;
  /** Follows from the next page of the log, of a schedule that is behind and has room. */
  catchUp(key: ScheduleKey, record: ScheduleRecord, now: number): Promise<Advanced>;
}

export function createListening({ database, definitions, log, settings }: ListeningPorts): Listening {
  async function consumptionOf(key: ScheduleKey, digest: string): Promise<EventConsumption> {
    const { startsOn } = await definitions.get(key.tenant, digest);
    if (startsOn === null) throw new Error(`the definition of schedule ${pathOf(key)} starts on no events`);
    return startsOn;
  }

  /** Of these events, those that were heard at another place of the log before. */
  async function repeatsAmong(key: ScheduleKey, events: readonly PublishedEvent[]): Promise<ReadonlySet<number>> {
    const first = new Map<string, number>();
    const repeats = new Set<number>();
    for (const { event, position } of events) {
      const name = hashOf(event.source, event.id);
      if (first.has(name)) repeats.add(position);
      else first.set(name, position);
    }
    await Promise.all(
      [...first].map(async ([name, position]) => {
        const use = { tenant: key.tenant, route: `schedule ${pathOf(key)}`, key: name, body: "", id: `p${position}` };
        const { id } = await database.reserveKey(use, settings.repeatsKnownMs);
        if (id !== use.id) repeats.add(position);
      }),
    );
    return repeats;
  }

  async function situationOf(
    key: ScheduleKey,
    { definition, schedule }: ScheduleRecord,
    now: number,
  ): Promise<Omit<HearingSituation, "isRepeat">> {
    return {
      now,
      overlap: schedule?.overlap ?? settings.overlap,
      consumption: await consumptionOf(key, definition?.digest ?? ""),
      read: schedule?.on?.read ?? "envelope",
      payloadBytes: settings.payloadBytes,
      firingOf: (events, at) => firingOfEvents(key, at, events, settings.partitions),
    };
  }

  return {
    async hearingOf({ tenant, namespace, name, digest }, before, now) {
      const { schedule, startsOn } = await definitions.get(tenant, digest);
      if (startsOn === null || schedule?.on == null) return null;
      if (before?.hearing != null && JSON.stringify(before.schedule?.on) === JSON.stringify(schedule.on)) {
        return before.hearing;
      }
      const position = await database.eventsEnd(tenant, "event");
      const id = hashOf(namespace, name, digest, String(now), String(position)).slice(0, 32);
      return {
        ...{ subscription: `schedule-${id}`, joined: false, position, behindTo: position },
        expected: filtersOf(startsOn).map((filter) => expectedBy(filter, now)),
        collections: [],
      };
    },

    async join({ tenant, namespace, name, record }, hearing) {
      const consumption = await consumptionOf({ tenant, namespace, name }, record.definition?.digest ?? "");
      const { joined } = await database.subscribe({
        ...{ id: hearing.subscription, tenant, schedule: { namespace, name }, from: hearing.position, args: {} },
        places: placesOf(filtersOf(consumption), hearing.expected, hearsAll(consumption)),
      });
      return { ...hearing, joined: true, behindTo: Math.max(hearing.behindTo, joined) };
    },

    leave: ({ tenant }, subscription) => database.unsubscribe(tenant, [subscription]),

    async hear(key, record, events, now) {
      const repeats = await repeatsAmong(key, events);
      const situation = await situationOf(key, record, now);
      return hearDelivered(record, events, { ...situation, isRepeat: ({ position }) => repeats.has(position) });
    },

    async catchUp(key, record, now) {
      const { hearing } = record;
      if (hearing == null || !isBehind(record) || isFull(record)) return { ...NOTHING, record };
      const { events: page, isGone, end } = await database.publishedEvents(key.tenant, "event", hearing.position, PAGE);
      if (isGone) {
        log.warn({ ...key }, "events that a schedule missed are not kept any more (EVENT_RETENTION)");
        return { ...NOTHING, record: { ...record, hearing: { ...hearing, position: hearing.behindTo } } };
      }
      const situation = await situationOf(key, record, now);
      const wanted = page.filter((event) => wants(situation.consumption, event));
      const repeats = await repeatsAmong(key, wanted);
      const upTo = page.length < PAGE ? end : (page.at(-1)?.position ?? end);
      return hearLogged(record, wanted, upTo, { ...situation, isRepeat: ({ position }) => repeats.has(position) });
    },
  };
}

const NOTHING = { skipped: [], lateness: [] };

/** Judges as the index does. */
function wants(consumption: EventConsumption, { event, at }: PublishedEvent): boolean {
  if (isUnheardType(event.type)) return false;
  return hearsAll(consumption) || filtersOf(consumption).some(({ filter }) => filter.matches(event, {}, at));
}

/** What cannot be said is expected by nothing: null is no value of a correlation. */
function expectedBy({ expect }: ListenFilter, now: number): JsonObject {
  return Object.fromEntries(
    Object.entries(expect).map(([key, wanted]) => {
      try {
        return [key, renderTemplate(wanted, null, {}, { now })] as const;
      } catch (error) {
        if (error instanceof ExpressionError) return [key, null] as const;
        throw error;
      }
    }),
  );
}
