import { correlationText, type EventFilter, eventKeys, type FilterDefinition, filterKey } from "../dsl/event-filter.ts";
import type { ListenFilter } from "../dsl/workflow.ts";
import type { SubscriptionPlace } from "../ports/event-log.ts";
import { isUnheardType } from "../values/cloud-event.ts";
import { hashOf } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";

/** Hashes of all places at which filters for an event may stand; none for what nobody may hear. */
export function indexKeys(event: JsonObject & { readonly type: string }): readonly string[] {
  return isUnheardType(event.type) ? [] : eventKeys(event).map(short);
}

/** What stands for `any: []`. */
const EVERY_EVENT: FilterDefinition = { with: {}, from: {}, expects: [], variables: [] };

/** Where a subscription stands in the index, for each of its filters. @param expected for each filter, by key. */
export function placesOf(
  filters: readonly ListenFilter[],
  expected: readonly JsonObject[],
  hearsAll: boolean,
): readonly SubscriptionPlace[] {
  const places = filters.map(({ filter }, i) => placeOf(filter.definition, filter.isIndexable, expected[i] ?? {}));
  return hearsAll ? [...places, placeOf(EVERY_EVENT, true, {})] : places;
}

function placeOf(definition: FilterDefinition, isIndexable: boolean, expected: JsonObject): SubscriptionPlace {
  const id = classOf(definition);
  return {
    class: id,
    key: short(filterKey(definition)),
    definition: { ...definition, from: { ...definition.from } },
    bucket: bucketOf(id, definition, isIndexable ? expected : {}),
  };
}

function classOf({ with: attributes, from, expects, variables }: FilterDefinition): string {
  return short(JSON.stringify([attributes, from, expects, [...variables].sort()]));
}

/**
 * The bucket of those who expect what an event gives; undefined when the event is none for this class, whoever subscribed. A filter
 * that reads variables is judged for each subscriber.
 */
export function bucketFor(id: string, filter: EventFilter, event: JsonObject, at: number): string | undefined {
  if (filter.reads.length === 0 && !filter.matches(event, {}, at)) return undefined;
  if (!filter.isIndexable) return bucketOf(id, filter.definition, {});
  const values = filter.correlate(event, {}, at);
  return values === undefined ? undefined : bucketOf(id, filter.definition, values);
}

/** Of a value that is not known nothing is said: all who expect some then share one bucket. */
function bucketOf(id: string, { expects }: FilterDefinition, values: JsonObject): string {
  const texts = expects.map((key) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    return value === undefined ? "" : `=${correlationText(value)}`;
  });
  return short(JSON.stringify([id, ...texts]));
}

function short(text: string): string {
  return hashOf(text).slice(0, 24);
}
