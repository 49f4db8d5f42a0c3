import { correlationText } from "../dsl/event-filter.ts";
import type { EventConsumption, EventStrategy, ListenFilter } from "../dsl/workflow.ts";
import type { ExpressionArguments, Program } from "../expressions/index.ts";
import type { JsonObject } from "../values/json.ts";
import type { EventMessage } from "./facts.ts";

/** What a consumption knows when an event comes. */
export interface Consumed {
  /** For each filter, what its correlations must be. */
  readonly expected: readonly JsonObject[];
  /** Variables that its filters read. */
  readonly args: ExpressionArguments;
  /** First value of each correlation. */
  readonly seen: JsonObject;
  /** Filters that an event has filled. */
  readonly filled: readonly number[];
}

/** All filters of a listen task or a schedule, those of `until` last. */
export function filtersOf({ to, until }: EventConsumption): readonly ListenFilter[] {
  return [...to.filters, ...(isStrategy(until) ? until.filters : [])];
}

/** True when a filter of it, or of its `until`, is `any: []`: every event. */
export function hearsAll({ to, until }: EventConsumption): boolean {
  return [to, isStrategy(until) ? until : to].some((each) => each.kind === "any" && each.filters.length === 0);
}

export function isStrategy(until: Program | EventStrategy | null): until is EventStrategy {
  return until !== null && "filters" in until;
}

/** The first filter that an event fills, in declared order; each of `all` is filled once. */
export function taken(
  { kind, filters }: EventStrategy,
  offset: number,
  consumed: Consumed,
  { event, publishedAt }: Pick<EventMessage, "event" | "publishedAt">,
): { readonly filter: number; readonly correlation: JsonObject } | undefined {
  if (kind === "any" && filters.length === 0) return { filter: -1, correlation: {} };
  for (const [index, { filter }] of filters.entries()) {
    const place = offset + index;
    if (kind === "all" && consumed.filled.includes(place)) continue;
    if (!filter.matches(event, consumed.args, publishedAt)) continue;
    const correlation = filter.correlate(event, consumed.args, publishedAt);
    if (correlation !== undefined && isExpected(correlation, consumed, place)) return { filter: place, correlation };
  }
  return undefined;
}

/** As `expect` says; without it, as the first value of that key was. */
function isExpected(correlation: JsonObject, { expected, seen }: Consumed, place: number): boolean {
  const wanted = { ...seen, ...expected[place] };
  return Object.entries(correlation).every(([key, value]) => {
    const one = Object.hasOwn(wanted, key) ? wanted[key] : undefined;
    return one === undefined || correlationText(one) === correlationText(value);
  });
}

export function isComplete(
  { kind, filters }: EventStrategy,
  offset: number,
  { filled }: Pick<Consumed, "filled">,
  filter: number,
): boolean {
  if (kind !== "all") return true;
  const places = new Set([...filled, filter].filter((place) => place >= offset && place < offset + filters.length));
  return places.size === filters.length;
}
