import type { EventEnvelope } from "../values/cloud-event.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";

/** `event`: ingested and emitted events, which listeners hear. `lifecycle`: what becomes of executions, for who watches. */
export type EventChannel = "event" | "lifecycle";

/**
 * Published events of each tenant, in order, and who waits for them. A position is the place of an event in a channel, from 1, without
 * gaps; whoever reads up to one never finds anything new before it.
 *
 * Delivery: each event of the channel `event` is put before the subscribers that the index names, then the log notes how far that
 * is done. It may be done twice; who delivers does it in order.
 */
export interface EventLog {
  /**
   * Appends events, in order, in one step. One whose `once` was used before, within what is kept, is left out. Gives the end of the channel.
   * Kept are those younger than `keep.ms`, of the channel `lifecycle` about the last `keep.count`; what was not delivered is kept in any case.
   */
  publishEvents(
    tenant: TenantId,
    channel: EventChannel,
    events: readonly NewPublishedEvent[],
    keep: EventsKept,
  ): Promise<number>;
  /** Position of the last event, 0 without any. */
  eventsEnd(tenant: TenantId, channel: EventChannel): Promise<number>;
  /** Events after a position. `isGone`: some after it are not kept any more, or it is later than the end. */
  publishedEvents(tenant: TenantId, channel: EventChannel, after: number, limit: number): Promise<PublishedEvents>;

  /** The next events that are not delivered yet, and the filters that stand at any of their keys. */
  undeliveredEvents(tenant: TenantId, limit: number): Promise<Undelivered>;
  /** All up to a position are delivered; ignored when more are already. */
  eventsDelivered(tenant: TenantId, position: number): Promise<void>;
  /** Of these tenants, those with events that are not delivered. */
  tenantsToDeliver(tenants: readonly TenantId[]): Promise<readonly TenantId[]>;

  /**
   * Enters a subscription into the index; repeatable. Every event published after `joined`, which is given back, finds it there; those
   * between its `from` and `joined` are for the caller to look at (see `subscriptionHeard`).
   */
  subscribe(subscription: NewSubscription): Promise<StoredSubscription>;
  /** The subscribers of a bucket, by id, after one. */
  subscribersOf(tenant: TenantId, bucket: string, after: string, limit: number): Promise<readonly StoredSubscription[]>;
  subscription(tenant: TenantId, id: string): Promise<StoredSubscription | null>;
  /** How far it has heard, and up to where it must look by itself; ignored for one that is gone, or has heard more. */
  subscriptionHeard(tenant: TenantId, id: string, from: number, joined: number): Promise<void>;
  /** Takes subscriptions out; harmless for unknown ones. */
  unsubscribe(tenant: TenantId, ids: readonly string[]): Promise<void>;
  /** Takes out all of an execution, which has ended. */
  dropSubscriptions(tenant: TenantId, executionId: ExecutionId): Promise<void>;
  /** How many subscriptions a tenant has. */
  countSubscriptions(tenant: TenantId): Promise<number>;
  /** What these tenants' events make of work, in all. */
  eventLoad(tenants: readonly TenantId[]): Promise<EventLoad>;
}

export interface EventLoad {
  /** Events that nobody has delivered yet. */
  readonly undelivered: number;
  /** Milliseconds since the oldest of them was published; 0 without any. */
  readonly oldestAgeMs: number;
  readonly subscriptions: number;
}

export interface EventsKept {
  /** Milliseconds; infinity keeps for ever. */
  readonly ms: number;
  /** Of the channel `lifecycle`. */
  readonly count: number;
}

/** What is kept of an event. */
export interface PublishedRecord {
  readonly event: EventEnvelope;
  /** The data as received, where that is not what JSON makes of it. */
  readonly raw?: string;
  /** Name of the `event.emitted` it comes from: `<executionId>.<sequence>`. */
  readonly origin?: string;
}
export interface NewPublishedEvent {
  readonly record: PublishedRecord;
  /** Hashes of the places of the index at which filters for it may stand; none: nobody hears it. */
  readonly keys: readonly string[];
  /** Names the publication, so that a repeated one changes nothing. */
  readonly once?: string;
}
export interface PublishedEvent extends PublishedRecord {
  readonly position: number;
  /** Store time, epoch milliseconds. */
  readonly at: number;
}
export interface PublishedEvents {
  /** Oldest first. */
  readonly events: readonly PublishedEvent[];
  readonly isGone: boolean;
  /** Of the channel. */
  readonly end: number;
}

export interface Undelivered {
  /** Only those with a key. */
  readonly events: readonly (PublishedEvent & { readonly classes: readonly string[] })[];
  /** The filters, by id. */
  readonly classes: ReadonlyMap<string, JsonObject>;
  /** All up to here are among `events`, or need no delivery. */
  readonly upTo: number;
  /** More are there. */
  readonly more: boolean;
}

/** One filter of a subscription: many executions share a class, few a bucket. */
export interface SubscriptionPlace {
  /** Hash of what the filter is. */
  readonly class: string;
  /** Hash of the place of the index at which the class stands. */
  readonly key: string;
  /** What the class is, as JSON. */
  readonly definition: JsonObject;
  /** Hash of the class and of the values that this subscriber expects. */
  readonly bucket: string;
}
export type NewSubscription = Subscriber & {
  /** `<executionId>.<name>` of an execution; of a schedule a name that no execution ID begins. */
  readonly id: string;
  readonly tenant: TenantId;
  readonly from: number;
  readonly places: readonly SubscriptionPlace[];
  /** Variables that its filters read. */
  readonly args: JsonObject;
};
export type StoredSubscription = Subscriber & {
  readonly id: string;
  /** It has heard all up to here; that of a schedule says it itself. */
  readonly from: number;
  /** What comes later than this is delivered; between the two it must look by itself. */
  readonly joined: number;
  readonly args: JsonObject;
};
/** Whose subscription it is: of an execution, with the name of the work it owes, or of a schedule. */
export type Subscriber = ExecutionSubscriber | ScheduleSubscriber;
export interface ExecutionSubscriber {
  readonly executionId: ExecutionId;
  readonly workflowId: WorkflowId;
  readonly name: number;
}
export interface ScheduleSubscriber {
  readonly schedule: { readonly namespace: string; readonly name: string };
}
