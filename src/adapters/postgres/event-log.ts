import type {
  EventLog,
  NewSubscription,
  PublishedEvent,
  PublishedRecord,
  StoredSubscription,
} from "../../ports/event-log.ts";
import type { JsonObject } from "../../values/json.ts";
import { statementsOf } from "./event-store-statements.ts";
import type { Pool, Row } from "./pool.ts";

const SUBSCRIPTION = "s.heard, s.joined, s.body";

const TEXTS = {
  publish: "SELECT durabull.publish_events($1, $2, $3, $4, $5, $6, $7) AS value",
  eventsEnd:
    "SELECT coalesce((SELECT last FROM durabull.event_channel WHERE tenant = $1 AND channel = $2), 0) AS value",
  // All of one moment: the snapshot is the statement's own.
  publishedEvents: `WITH channel AS (
      SELECT coalesce(max(last), 0) AS last FROM durabull.event_channel WHERE tenant = $1 AND channel = $2
    ), first AS (
      SELECT min(position) - 1 AS floor FROM durabull.published_event WHERE tenant = $1 AND channel = $2
    )
    SELECT channel.last, coalesce(first.floor, channel.last) AS floor, e.position, e.at, e.body
    FROM channel CROSS JOIN first LEFT JOIN LATERAL (
      SELECT * FROM durabull.published_event e WHERE e.tenant = $1 AND e.channel = $2 AND e.position > $3
      ORDER BY e.position LIMIT $4
    ) e ON true ORDER BY e.position`,
  // Of one moment too, also when nothing is found: what is published a moment later must not count as told.
  undelivered: `WITH channel AS (
      SELECT last, delivered FROM durabull.event_channel WHERE tenant = $1 AND channel = 'event'
    )
    SELECT channel.last, e.position, e.at, e.body, c.ids, c.definitions FROM channel LEFT JOIN LATERAL (
      SELECT * FROM durabull.published_event e
      WHERE e.tenant = $1 AND e.channel = 'event' AND e.position > channel.delivered ORDER BY e.position LIMIT $2
    ) e ON true LEFT JOIN LATERAL (
      SELECT array_agg(c.id) AS ids, array_agg(c.definition) AS definitions FROM durabull.event_class c
      WHERE c.tenant = $1 AND c.key = ANY (e.keys)
    ) c ON true ORDER BY e.position`,
  delivered: `UPDATE durabull.event_channel SET delivered = least($2, last)
    WHERE tenant = $1 AND channel = 'event' AND delivered < least($2, last)`,
  tenantsToDeliver: `SELECT tenant FROM durabull.event_channel
    WHERE channel = 'event' AND delivered < last AND tenant = ANY ($1)`,
  subscribe: `SELECT ${SUBSCRIPTION} FROM durabull.subscribe($1, $2, $3, $4, $5, $6, $7, $8) AS s`,
  subscribersOf: `SELECT ${SUBSCRIPTION} FROM durabull.subscription_place p
    JOIN durabull.subscription s ON s.tenant = p.tenant AND s.id = p.subscription
    WHERE p.tenant = $1 AND p.bucket = $2 AND p.subscription > $3 ORDER BY p.subscription LIMIT $4`,
  subscription: `SELECT ${SUBSCRIPTION} FROM durabull.subscription s WHERE s.tenant = $1 AND s.id = $2`,
  subscriptionHeard: `UPDATE durabull.subscription SET heard = $3, joined = greatest(joined, $4)
    WHERE tenant = $1 AND id = $2 AND heard <= $3`,
  unsubscribe: "SELECT durabull.unsubscribe($1, $2)",
  subscriptionsOf: `SELECT array_agg(id) AS value FROM durabull.subscription
    WHERE tenant = $1 AND id > $2 || '.' AND id < $2 || '/'`,
  eventLoad: `SELECT coalesce(sum(c.last - c.delivered), 0) AS undelivered,
      coalesce(max(durabull.now_ms() - e.at), 0) AS age,
      (SELECT count(*) FROM durabull.subscription s WHERE s.tenant = ANY ($1)) AS subscriptions
    FROM durabull.event_channel c LEFT JOIN LATERAL (
      SELECT at FROM durabull.published_event e
      WHERE e.tenant = c.tenant AND e.channel = 'event' AND e.position > c.delivered ORDER BY e.position LIMIT 1
    ) e ON true WHERE c.channel = 'event' AND c.delivered < c.last AND c.tenant = ANY ($1)`,
  countSubscriptions: "SELECT count(*) AS value FROM durabull.subscription WHERE tenant = $1",
} as const;

/** The part of the database that keeps published events, and the index of who waits for them. */
export function createEventLog(pool: Pool, schema: string): EventLog {
  const sql = statementsOf(TEXTS, schema);
  return {
    async publishEvents(tenant, channel, events, { ms, count }) {
      const values = [
        events.map(({ record }) => JSON.stringify(record)),
        events.map(({ keys }) => keys.join(" ")),
        events.map(({ once }) => once ?? null),
        Number.isFinite(ms) ? Math.round(ms) : null,
        channel === "lifecycle" && Number.isFinite(count) ? count : null,
      ];
      return Number(await pool.value<string>(sql.publish, [tenant, channel, ...values]));
    },

    async eventsEnd(tenant, channel) {
      return Number(await pool.value<string>(sql.eventsEnd, [tenant, channel]));
    },

    async publishedEvents(tenant, channel, after, limit) {
      const rows = await pool.query<EventRow>(sql.publishedEvents, [tenant, channel, after, limit]);
      const [first] = rows;
      const end = Number(first?.last ?? 0);
      const isGone = after > end || after < Number(first?.floor ?? 0);
      return { events: isGone ? [] : rows.filter(isEvent).map(eventOf), isGone, end };
    },

    async undeliveredEvents(tenant, limit) {
      const rows = await pool.query<UndeliveredRow>(sql.undelivered, [tenant, limit]);
      const last = Number(rows[0]?.last ?? 0);
      const found = rows.filter(isEvent);
      const classes = new Map<string, JsonObject>();
      for (const { ids, definitions } of rows) {
        for (const [i, id] of (ids ?? []).entries()) {
          if (!classes.has(id)) classes.set(id, JSON.parse(definitions?.[i] ?? "{}"));
        }
      }
      const events = found.flatMap((row) => {
        const ids = row.ids ?? [];
        return ids.length === 0 ? [] : [{ ...eventOf(row), classes: ids }];
      });
      const upTo = found.length === limit ? Number(found.at(-1)?.position ?? last) : last;
      return { events, classes, upTo, more: upTo < last };
    },

    async eventsDelivered(tenant, position) {
      await pool.query(sql.delivered, [tenant, position]);
    },

    async tenantsToDeliver(tenants) {
      const rows = await pool.query<{ tenant: string }>(sql.tenantsToDeliver, [[...tenants]]);
      return rows.map(({ tenant }) => tenant);
    },

    async subscribe(subscription) {
      const { tenant, id, from, places } = subscription;
      const [row] = await pool.query<SubscriptionRow>(sql.subscribe, [
        tenant,
        id,
        from,
        bodyText(subscription),
        places.map((place) => place.class),
        places.map(({ key }) => key),
        places.map(({ bucket }) => bucket),
        places.map(({ definition }) => JSON.stringify(definition)),
      ]);
      if (row === undefined) throw new Error(`subscription ${id} was not kept`);
      return subscriptionOf(row);
    },

    async subscribersOf(tenant, bucket, after, limit) {
      const rows = await pool.query<SubscriptionRow>(sql.subscribersOf, [tenant, bucket, after, limit]);
      return rows.map(subscriptionOf);
    },

    async subscription(tenant, id) {
      const [row] = await pool.query<SubscriptionRow>(sql.subscription, [tenant, id]);
      return row === undefined ? null : subscriptionOf(row);
    },

    async subscriptionHeard(tenant, id, from, joined) {
      await pool.query(sql.subscriptionHeard, [tenant, id, from, joined]);
    },

    async unsubscribe(tenant, ids) {
      if (ids.length > 0) await pool.query(sql.unsubscribe, [tenant, [...ids]]);
    },

    async dropSubscriptions(tenant, executionId) {
      const ids = await pool.value<readonly string[] | null>(sql.subscriptionsOf, [tenant, executionId]);
      if (ids !== null) await pool.query(sql.unsubscribe, [tenant, [...ids]]);
    },

    async countSubscriptions(tenant) {
      return Number(await pool.value<string>(sql.countSubscriptions, [tenant]));
    },

    async eventLoad(tenants) {
      const [row] = await pool.query<LoadRow>(sql.eventLoad, [[...tenants]]);
      return {
        undelivered: Number(row?.undelivered ?? 0),
        oldestAgeMs: Number(row?.age ?? 0),
        subscriptions: Number(row?.subscriptions ?? 0),
      };
    },
  };
}

interface EventRow extends Row {
  readonly last: string;
  readonly floor?: string;
  readonly position: string | null;
  readonly at: string;
  readonly body: string;
}
interface UndeliveredRow extends EventRow {
  readonly ids: readonly string[] | null;
  readonly definitions: readonly string[] | null;
}
interface LoadRow extends Row {
  readonly undelivered: string;
  readonly age: string;
  readonly subscriptions: string;
}
interface SubscriptionRow extends Row {
  readonly heard: string;
  readonly joined: string;
  readonly body: string;
}

function isEvent<Found extends EventRow>(row: Found): row is Found & { readonly position: string } {
  return row.position !== null;
}

function eventOf({ position, at, body }: EventRow & { readonly position: string }): PublishedEvent {
  return { ...(JSON.parse(body) as PublishedRecord), position: Number(position), at: Number(at) };
}

/** All of it that says whose it is and what it knows. */
function bodyText({ tenant: _, from: __, places: ___, ...body }: NewSubscription): string {
  return JSON.stringify(body);
}

function subscriptionOf({ heard, joined, body }: SubscriptionRow): StoredSubscription {
  return { ...JSON.parse(body), from: Number(heard), joined: Number(joined) };
}
