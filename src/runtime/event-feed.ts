import type { EventLog, PublishedEvent, PublishedEvents } from "../ports/event-log.ts";
import type { Notices } from "../ports/notices.ts";
import type { EventEnvelope } from "../values/cloud-event.ts";
import type { TenantId } from "../values/ids.ts";
import { createHints } from "./hints.ts";

/** Events read at once, of each channel. */
const PAGE = 200;
/** Places in both channels: `<events>-<lifecycle events>`. */
export type EventPosition = `${number}-${number}`;
const POSITION = /^\d{1,15}-\d{1,15}$/;

export function isEventPosition(text: string): text is EventPosition {
  return POSITION.test(text);
}

export interface EventFilterOfFeed {
  /** Types; one that ends with `*` stands for all that begin so. Absent: all. */
  readonly types?: readonly string[];
}

export type EventFeedItem =
  /** What is published from here on is told. */
  | { readonly kind: "ready"; readonly position: EventPosition }
  /** Some of what was published before this is not kept any more. */
  | { readonly kind: "reset"; readonly position: EventPosition }
  | { readonly kind: "event"; readonly position: EventPosition; readonly event: EventEnvelope };

/** Published events of a tenant as they come, ingested, emitted and of the lifecycle. */
export interface EventFeed {
  follow(
    tenant: TenantId,
    filter: EventFilterOfFeed,
    after: EventPosition | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<EventFeedItem, void, undefined>;
  close(): void;
}

export function createEventFeed(
  database: Pick<EventLog, "publishedEvents" | "eventsEnd">,
  notices?: Pick<Notices, "listen" | "connected">,
): EventFeed {
  const hints = createHints("events", notices);
  const closing = new AbortController();

  async function endOf(tenant: TenantId): Promise<EventPosition> {
    const [event, lifecycle] = await Promise.all([
      database.eventsEnd(tenant, "event"),
      database.eventsEnd(tenant, "lifecycle"),
    ]);
    return `${event}-${lifecycle}`;
  }

  async function read(tenant: TenantId, at: EventPosition) {
    const [event = 0, lifecycle = 0] = at.split("-").map(Number);
    const [events, cycle] = await Promise.all([
      database.publishedEvents(tenant, "event", event, PAGE),
      database.publishedEvents(tenant, "lifecycle", lifecycle, PAGE),
    ]);
    return { event, lifecycle, events, cycle };
  }

  async function* follow(
    tenant: TenantId,
    filter: EventFilterOfFeed,
    after: EventPosition | undefined,
    given: AbortSignal,
  ): AsyncGenerator<EventFeedItem, void, undefined> {
    const signal = AbortSignal.any([given, closing.signal]);
    let position = after ?? (await endOf(tenant));
    yield { kind: "ready", position };
    while (!signal.aborted) {
      const hint = hints.next(tenant, signal);
      try {
        const { event, lifecycle, events, cycle } = await read(tenant, position);
        if (events.isGone || cycle.isGone) {
          position = `${events.isGone ? events.end : event}-${cycle.isGone ? cycle.end : lifecycle}`;
          yield { kind: "reset", position };
          continue;
        }
        for (const { at, found } of merged(event, lifecycle, events, cycle)) {
          position = at;
          if (wants(filter, found.event)) yield { kind: "event", position, event: found.event };
        }
        if (events.events.length === PAGE || cycle.events.length === PAGE) continue;
        await hint.come();
      } finally {
        hint.forget();
      }
    }
  }

  return {
    follow,
    close() {
      hints.stop();
      closing.abort();
    },
  };
}

/** Both channels by time, each in its order, with the place after each event. A full page of one holds back what is later in the other. */
function* merged(
  event: number,
  lifecycle: number,
  { events }: PublishedEvents,
  { events: cycle }: PublishedEvents,
): Generator<{ readonly at: EventPosition; readonly found: PublishedEvent }, void, undefined> {
  const places = [event, lifecycle] as [number, number];
  const rest: readonly [PublishedEvent[], PublishedEvent[]] = [[...events], [...cycle]];
  const isFull = rest.map(({ length }) => length === PAGE);
  for (;;) {
    const [one, other] = [rest[0][0], rest[1][0]];
    if (one === undefined && (other === undefined || isFull[0])) return;
    if (other === undefined && isFull[1]) return;
    const channel = other === undefined || (one !== undefined && one.at <= other.at) ? 0 : 1;
    const found = rest[channel].shift();
    if (found === undefined) return;
    places[channel] = found.position;
    yield { at: `${places[0]}-${places[1]}`, found };
  }
}

function wants({ types }: EventFilterOfFeed, { type }: EventEnvelope): boolean {
  if (types === undefined || types.length === 0) return true;
  return types.some((each) => (each.endsWith("*") ? type.startsWith(each.slice(0, -1)) : type === each));
}
