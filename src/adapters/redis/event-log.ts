import type { Redis } from "ioredis";
import type { EventLog, NewSubscription, PublishedEvent, StoredSubscription } from "../../ports/event-log.ts";
import type { TenantId } from "../../values/ids.ts";
import type { JsonObject } from "../../values/json.ts";
import { answered, pipelined } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { demandSchema, list, moment, texts } from "./records.ts";
import { run, type Script, scriptOf } from "./scripts.ts";

const reads = (name: string): Script => scriptOf(["lists/lib", `events/${name}`], { writes: false });
const writes = (name: string): Script => scriptOf(["lists/lib", `events/${name}`], { writes: true });
const SCRIPTS = {
  ...{ publish: writes("publish"), delivered: writes("delivered"), heard: writes("heard") },
  ...{ subscribe: writes("subscribe"), unsubscribe: writes("unsubscribe") },
  ...{ read: reads("read"), undelivered: reads("undelivered"), subscribers: reads("subscribers") },
};

/** The part of the database that keeps published events, a stream for each tenant and channel, and the index of who waits for them. */
export function createEventLog(connection: Redis, keys: Keys): EventLog {
  const on = (tenant: TenantId, script: Script, ...args: readonly (string | number)[]) =>
    run(connection, script, keys.lists(tenant), args);
  return {
    async publishEvents(tenant, channel, events, { ms, count }) {
      const each = events.flatMap(({ record, keys: at, once = "" }) => [JSON.stringify(record), at.join(" "), once]);
      const keepMs = Number.isFinite(ms) ? moment(ms) : 0;
      const keepCount = channel === "lifecycle" && Number.isFinite(count) ? count : 0;
      return Number(await on(tenant, SCRIPTS.publish, channel, keepMs, keepCount, events.length, ...each));
    },

    async eventsEnd(tenant, channel) {
      return Number((await answered(connection.hget(keys.events(tenant), channel))) ?? 0);
    },

    async publishedEvents(tenant, channel, after, limit) {
      const [last, floor, entries] = list(await on(tenant, SCRIPTS.read, channel, after, limit));
      const end = Number(last);
      const isGone = after > end || after < Number(floor);
      return { events: isGone ? [] : list(entries).map(eventOf), isGone, end };
    },

    async undeliveredEvents(tenant, limit) {
      const [upTo, last, found, classes] = list(await on(tenant, SCRIPTS.undelivered, limit));
      const flat = list(classes);
      const definitions = new Map<string, JsonObject>();
      for (let i = 0; i < flat.length; i += 2) {
        const definition = flat[i + 1];
        if (typeof definition === "string") definitions.set(String(flat[i]), JSON.parse(definition));
      }
      const events = list(found).map((each) => {
        const [entry, of] = list(each);
        return { ...eventOf(entry), classes: texts(of) };
      });
      return { events, classes: definitions, upTo: Number(upTo), more: Number(upTo) < Number(last) };
    },

    async eventsDelivered(tenant, position) {
      await on(tenant, SCRIPTS.delivered, position);
    },

    async tenantsToDeliver(tenants) {
      const commands = tenants.map((tenant) => ["hmget", keys.events(tenant), "event", "delivered"] as const);
      const found = await pipelined(connection, commands);
      return tenants.filter((_, i) => {
        const [last, delivered] = list(found[i]);
        return Number(last ?? 0) > Number(delivered ?? 0);
      });
    },

    async subscribe(subscription) {
      const { id, tenant, from, places } = subscription;
      const each = places.flatMap(({ class: of, key, bucket, definition }) => [
        of,
        key,
        bucket,
        JSON.stringify(definition),
      ]);
      return subscriptionOf(await on(tenant, SCRIPTS.subscribe, id, from, bodyText(subscription), ...each));
    },

    async subscribersOf(tenant, bucket, after, limit) {
      return list(await on(tenant, SCRIPTS.subscribers, bucket, after, limit)).map(subscriptionOf);
    },

    async subscription(tenant, id) {
      const [found] = list(await on(tenant, SCRIPTS.subscribers, "", id, 1));
      return found === undefined ? null : subscriptionOf(found);
    },

    async subscriptionHeard(tenant, id, from, joined) {
      await on(tenant, SCRIPTS.heard, id, from, joined);
    },

    async unsubscribe(tenant, ids) {
      if (ids.length > 0) await on(tenant, SCRIPTS.unsubscribe, "ids", ...ids);
    },

    async dropSubscriptions(tenant, executionId) {
      await on(tenant, SCRIPTS.unsubscribe, "execution", executionId);
    },

    async countSubscriptions(tenant) {
      return answered(connection.zcard(`${keys.events(tenant)}:subs`));
    },

    async eventLoad(tenants) {
      const heads = tenants.map((tenant) => ["hmget", keys.events(tenant), "event", "delivered"] as const);
      const counts = tenants.map((tenant) => ["zcard", `${keys.events(tenant)}:subs`] as const);
      const answers = await pipelined(connection, [...heads, ...counts]);
      const behind = tenants.flatMap((tenant, i) => {
        const [last, delivered] = list(answers[i]).map((each) => Number(each ?? 0));
        return last === undefined || delivered === undefined || last <= delivered
          ? []
          : [{ tenant, delivered, count: last - delivered }];
      });
      const oldest = behind.map(({ tenant, delivered }) => {
        const from = `(${delivered}-0`;
        return ["xrange", `${keys.events(tenant)}:event`, from, "+", "COUNT", "1"] as const;
      });
      const found = await pipelined(connection, behind.length === 0 ? [] : [...oldest, ["time"] as const]);
      const [seconds = 0, micros = 0] = list(found.at(-1) ?? []).map(Number);
      const now = seconds * 1_000 + micros / 1_000;
      const ages = found.slice(0, -1).flatMap((entries) => list(entries).map((entry) => now - eventOf(entry).at));
      return {
        undelivered: behind.reduce((sum, { count }) => sum + count, 0),
        oldestAgeMs: Math.max(0, ...ages),
        subscriptions: answers.slice(tenants.length).reduce<number>((sum, count) => sum + Number(count), 0),
      };
    },
  };
}

/** An entry of a stream: its id, then v, at, k and e with their values. */
function eventOf(entry: unknown): PublishedEvent {
  const [id, fields] = list(entry);
  const [, schema, , at, , , , text = ""] = texts(fields);
  demandSchema(schema, `published event ${id}`);
  return { ...JSON.parse(text), position: Number.parseInt(String(id), 10), at: Number(at) };
}

/** All of it that says whose it is and what it knows. */
function bodyText({ tenant: _, from: __, places: ___, ...body }: NewSubscription): string {
  return JSON.stringify(body);
}

function subscriptionOf(reply: unknown): StoredSubscription {
  const [from, joined, body] = list(reply);
  return { ...JSON.parse(String(body)), from: Number(from), joined: Number(joined) };
}
