import { correlationText } from "../../dsl/event-filter.ts";
import type { EventConsumption } from "../../dsl/workflow.ts";
import { type Consumed, isComplete, isStrategy, isTrue, taken } from "../../engine/index.ts";
import { ExpressionError, type Program } from "../../expressions/index.ts";
import type { PublishedEvent } from "../../ports/event-log.ts";
import type { CollectedEvent, EventCollection } from "../../ports/schedules.ts";
import type { Json, JsonObject } from "../../values/json.ts";

/** What a schedule consumes. */
export interface Collecting {
  readonly consumption: EventConsumption;
  /** For each filter, what its correlations must be. */
  readonly expected: readonly JsonObject[];
}
export interface Collected {
  /** Oldest first. */
  readonly open: readonly EventCollection[];
  /** What the event completed: it leads to a firing. */
  readonly complete?: EventCollection;
}
/** An event, and as what it is read. */
type ReadEvent = PublishedEvent & { readonly value: Json };

/**
 * Puts an event where it belongs: into the oldest collection that has a place for it, else into a new one, unless one that agrees with its
 * correlations is open. Without correlations there is one collection at a time; with them one for each of their values. Pure.
 */
export function collect(open: readonly EventCollection[], event: ReadEvent, collecting: Collecting): Collected {
  const { to, until } = collecting.consumption;
  if (isStrategy(until)) {
    const ended = endedBy(open, event, collecting);
    if (ended !== undefined) return ended;
    // It is one that ends: it neither begins nor belongs to anything.
    if (taken(until, to.filters.length, consumedBy(NOTHING, collecting), heard(event)) !== undefined) return { open };
  }
  for (const collection of open) {
    const hit = taken(to, 0, consumedBy(collection, collecting), heard(event));
    if (hit !== undefined) return replaced(open, collection, withEvent(collection, event, hit), collecting, event.at);
  }
  const first = { ...NOTHING, since: event.at };
  const hit = taken(to, 0, consumedBy(first, collecting), heard(event));
  if (hit === undefined || open.some(({ seen }) => agree(seen, hit.correlation))) return { open };
  return replaced([...open, first], first, withEvent(first, event, hit), collecting, event.at);
}

const NOTHING: EventCollection = { since: 0, filled: [], seen: {}, events: [] };

/** By the strategy of `until`: what it names counts from the first event of a collection on. */
function endedBy(open: readonly EventCollection[], event: ReadEvent, collecting: Collecting): Collected | undefined {
  const { to, until } = collecting.consumption;
  if (!isStrategy(until)) return undefined;
  const offset = to.filters.length;
  for (const collection of open) {
    const end = taken(until, offset, consumedBy(collection, collecting), heard(event));
    if (end === undefined) continue;
    const after = marked(collection, end);
    if (!isComplete(until, offset, collection, end.filter)) {
      return { open: open.map((each) => (each === collection ? after : each)) };
    }
    return { open: open.filter((each) => each !== collection), complete: after };
  }
  return undefined;
}

function replaced(
  open: readonly EventCollection[],
  before: EventCollection,
  after: EventCollection,
  { consumption: { to, until } }: Collecting,
  now: number,
): Collected {
  const last = after.filled.at(-1) ?? -1;
  const isDone =
    until === null ? isComplete(to, 0, before, last) : !isStrategy(until) && holds(until, after.events, now);
  if (isDone) return { open: open.filter((each) => each !== before), complete: after };
  return { open: open.map((each) => (each === before ? after : each)) };
}

/** One that fails does not hold, as in a filter. */
function holds(until: Program, events: readonly CollectedEvent[], now: number): boolean {
  try {
    const values = events.map(({ value }) => value);
    return isTrue(until, values, {}, { now });
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}

interface Hit {
  readonly filter: number;
  readonly correlation: JsonObject;
}

function withEvent(collection: EventCollection, { event, value }: ReadEvent, hit: Hit): EventCollection {
  const { source, id, type } = event;
  return { ...marked(collection, hit), events: [...collection.events, { source, id, type, value }] };
}

/** The first value of a correlation stands. A place is noted once: what is open must not grow with what it need not know. */
function marked(collection: EventCollection, { filter, correlation }: Hit): EventCollection {
  const { filled, seen } = collection;
  const others = filled.filter((place) => place !== filter);
  return { ...collection, filled: filter < 0 ? filled : [...others, filter], seen: { ...correlation, ...seen } };
}

function consumedBy({ filled, seen }: EventCollection, { expected }: Collecting): Consumed {
  return { filled, seen, expected, args: {} };
}

function heard({ event, at }: ReadEvent) {
  return { event, publishedAt: at };
}

/** No value that both know differs. */
function agree(seen: JsonObject, correlation: JsonObject): boolean {
  return Object.entries(correlation).every(([key, value]) => {
    const known = Object.hasOwn(seen, key) ? seen[key] : undefined;
    return known === undefined || correlationText(known) === correlationText(value);
  });
}
