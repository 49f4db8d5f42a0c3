import { PayloadTooLargeError } from "../errors.ts";
import type { Database } from "../ports/database.ts";
import type { PublishedRecord } from "../ports/event-log.ts";
import type { RuntimeMetrics } from "../ports/metrics.ts";
import type { Notices } from "../ports/notices.ts";
import type { TenantId } from "../values/ids.ts";
import { bytesBeyond } from "../values/json-size.ts";
import type { EventDelivery } from "./deliver-events.ts";
import { createEventFeed, type EventFeed } from "./event-feed.ts";
import { indexKeys } from "./event-index.ts";
import type { Publisher } from "./publish-events.ts";
import type { Once } from "./request-keys.ts";
import { tenantMaker } from "./tenant-maker.ts";

export interface EventServiceDeps {
  readonly database: Database;
  readonly publisher: Publisher;
  readonly delivery: EventDelivery;
  readonly metrics?: Pick<RuntimeMetrics, "published">;
  /** Absent: who follows finds out by looking. */
  readonly notices?: Notices;
  /** Largest event, in bytes as JSON. */
  readonly payloadBytes: number;
}

/** What the API asks of published events. */
export interface EventService {
  /** Takes valid events in, all or none, for the listeners of the tenant. @throws {PayloadTooLargeError} */
  publish(tenant: TenantId, events: readonly PublishedRecord[], once?: Once): Promise<void>;
  readonly follow: EventFeed["follow"];
  close(): void;
}

export function createEventService(deps: EventServiceDeps): EventService {
  const { database, publisher, delivery, metrics, payloadBytes } = deps;
  const ensureTenant = tenantMaker(database);
  const feed = createEventFeed(database, deps.notices);
  return {
    async publish(tenant, records, once) {
      for (const [index, { event }] of records.entries()) refuseLarge(event, index, payloadBytes);
      await ensureTenant(tenant);
      const events = records.map((record, index) => ({
        record,
        keys: indexKeys(record.event),
        // A repeated request names each of its events alike.
        ...(once === undefined ? {} : { once: `${once.id}.${index}` }),
      }));
      await publisher.publish(tenant, "event", events);
      metrics?.published(events.length);
      delivery.soon(tenant);
    },
    follow: feed.follow,
    close: feed.close,
  };
}

function refuseLarge(event: object, index: number, most: number): void {
  const bytes = bytesBeyond(event, most);
  if (bytes === undefined) return;
  throw new PayloadTooLargeError(`event ${index} has ${bytes} bytes, more than PAYLOAD_MAX_BYTES=${most} allows`);
}
