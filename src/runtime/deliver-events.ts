import { compileFilter, type EventFilter, type FilterDefinition } from "../dsl/event-filter.ts";
import type { NewFact } from "../engine/facts.ts";
import { filtersOf, hearsAll } from "../engine/index.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { Database } from "../ports/database.ts";
import type {
  ExecutionSubscriber,
  PublishedEvent,
  ScheduleSubscriber,
  StoredSubscription,
} from "../ports/event-log.ts";
import type { EventStore } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { RuntimeMetrics } from "../ports/metrics.ts";
import type { Queues } from "../ports/queues.ts";
import type { ScheduleKey } from "../ports/schedules.ts";
import { isUnheardType } from "../values/cloud-event.ts";
import { hashOf, type TenantId } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";
import { bucketFor } from "./event-index.ts";
import type { Failpoints } from "./failpoints.ts";
import type { Definitions } from "./ports.ts";
import type { Scheduler } from "./schedules/scheduler.ts";
import { wakeSoon } from "./tell.ts";

/** Events taken at once; and subscribers of one bucket. */
const PAGE = 200;
/** From an inbox without room to the next look; once it has settled, which it does when its inbox is empty. */
const LOOK_AGAIN_MS = 1_000;
/** Compiled filters kept. */
const FILTERS_KEPT = 5_000;

export interface DeliveryPorts {
  readonly events: Pick<EventStore, "append" | "heads" | "history" | "lookSooner" | "now">;
  readonly database: Database;
  readonly queues: Pick<Queues, "wake">;
  readonly definitions: Definitions;
  readonly log: Log;
  readonly metrics: Pick<RuntimeMetrics, "delivered" | "deferred">;
  readonly failpoints: Failpoints;
  /** Of schedules that start on events. */
  readonly schedules: Pick<Scheduler, "hear">;
}

/** A subscription of an execution. */
type Listener = StoredSubscription & ExecutionSubscriber;
/** Events for schedules, by subscription, in the order of the log. */
type ForSchedules = Map<string, { readonly schedule: ScheduleKey; readonly events: PublishedEvent[] }>;

/**
 * Puts published events before those who wait for them: each becomes a message in the inbox of the execution, in the order of the
 * log, once for each subscription. Several processes may do it at once: an append is repeatable, and none goes before the ones
 * earlier in the log.
 */
export interface EventDelivery {
  /** In the background; what fails is done by whoever looks next. */
  soon(tenant: TenantId): void;
  /** All that is published by now. */
  deliver(tenant: TenantId): Promise<void>;
  /** What a subscription must look at by itself: events from before it stood in the index. True when it has heard all of them. */
  catchUp(tenant: TenantId, subscription: StoredSubscription): Promise<boolean>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createEventDelivery(ports: DeliveryPorts): EventDelivery {
  const { database, events, log, metrics, failpoints } = ports;
  const underWay = new Map<TenantId, { again: boolean; done: Promise<void> }>();
  const filters = new Map<string, EventFilter>();

  function deliver(tenant: TenantId): Promise<void> {
    const known = underWay.get(tenant);
    if (known !== undefined) {
      known.again = true;
      return known.done;
    }
    const mine = { again: true, done: Promise.resolve() };
    underWay.set(tenant, mine);
    mine.done = (async () => {
      try {
        while (mine.again) {
          mine.again = false;
          while (await deliverPage(tenant));
        }
      } finally {
        underWay.delete(tenant);
      }
    })();
    return mine.done;
  }

  const noted: number[] = [];
  /** How long it took is told for many at once: the store's clock is asked for it. */
  function note({ at }: PublishedEvent): void {
    noted.push(at);
  }
  async function tellLatencies(): Promise<void> {
    const all = noted.splice(0);
    if (all.length === 0) return;
    const now = await events.now();
    for (const at of all) metrics.delivered(now - at);
  }

  /** True when more is there. */
  async function deliverPage(tenant: TenantId): Promise<boolean> {
    const { events: page, classes, upTo, more } = await database.undeliveredEvents(tenant, PAGE);
    const forSchedules: ForSchedules = new Map();
    for (const event of page) {
      for (const id of event.classes) {
        const filter = filterOf(id, classes.get(id));
        const bucket = filter && bucketFor(id, filter, event.event, event.at);
        if (filter !== undefined && bucket !== undefined) await deliverTo(tenant, bucket, filter, event, forSchedules);
      }
    }
    // Many at once: each of them would write the record.
    await Promise.all([...forSchedules].map(([id, { schedule, events: heard }]) => tell(schedule, id, heard)));
    await tellLatencies();
    await failpoints.hit("before-delivered");
    if (page.length > 0 || more || upTo > 0) await database.eventsDelivered(tenant, upTo);
    return more;
  }

  async function deliverTo(
    tenant: TenantId,
    bucket: string,
    filter: EventFilter,
    event: PublishedEvent,
    forSchedules: ForSchedules,
  ): Promise<void> {
    for (let after = ""; ; ) {
      const page = await database.subscribersOf(tenant, bucket, after, PAGE);
      const wanted = page.filter(
        ({ args }) => filter.reads.length === 0 || filter.matches(event.event, args, event.at),
      );
      for (const subscription of wanted) if (!isListener(subscription)) put(tenant, subscription, event, forSchedules);
      await Promise.all(wanted.filter(isListener).map((subscription) => give(tenant, subscription, event)));
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last.id;
    }
  }

  /** What is wrong with one schedule must not keep events from the others. */
  async function tell(schedule: ScheduleKey, subscription: string, heard: readonly PublishedEvent[]): Promise<void> {
    try {
      await failpoints.hit("before-deliver");
      await ports.schedules.hear(schedule, subscription, heard);
      for (const event of heard) note(event);
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw error;
      metrics.deferred("failed");
      log.error({ ...schedule, err: error }, "events cannot be put before a schedule");
    }
  }

  async function give(tenant: TenantId, subscription: Listener, event: PublishedEvent): Promise<void> {
    const { from, joined } = subscription;
    const isThere = from >= joined || (await catchUp(tenant, subscription));
    // From before it stood in the index: that is what catching up is for.
    if (event.position <= joined) return;
    // Where it stands is noted already.
    if (!isThere) return database.subscriptionHeard(tenant, subscription.id, from, event.position);
    if (!(await append(tenant, subscription, event))) {
      await fallBehind(tenant, subscription, event.position - 1, event.position);
    }
  }

  /** It must look by itself at what is between these, as soon as its inbox has room: whoever lives then sees to it. */
  async function fallBehind(tenant: TenantId, { id, executionId, name }: Listener, from: number, to: number) {
    await database.subscriptionHeard(tenant, id, from, to);
    await events.lookSooner(executionId, name, LOOK_AGAIN_MS);
  }

  /** False when the inbox has no room: it is tried again later. */
  async function append(tenant: TenantId, subscription: Listener, event: PublishedEvent): Promise<boolean> {
    const { executionId, workflowId, id } = subscription;
    await failpoints.hit("before-deliver");
    const told = await events.append(executionId, factOf(subscription.name, event)).catch((error: unknown) => {
      // What is wrong with one execution must not keep events from the others.
      if (error instanceof StoreUnavailableError) throw error;
      log.error({ tenant, workflowId, executionId, err: error }, "an event cannot be put before an execution");
      return "failed" as const;
    });
    if (told === "full") log.warn({ tenant, workflowId, executionId }, "an event waits: the inbox is full");
    if (told === "full" || told === "failed") {
      metrics.deferred(told === "full" ? "inbox-full" : "failed");
      return false;
    }
    if (told === "closed" || told === "unknown") await database.unsubscribe(tenant, [id]);
    if (told === "accepted") {
      note(event);
      await wakeSoon(ports, { tenant, workflowId, executionId }, "event.received");
    }
    return true;
  }

  async function catchUp(tenant: TenantId, subscription: StoredSubscription): Promise<boolean> {
    // A schedule does that by itself.
    return !isListener(subscription) || catchUpListener(tenant, subscription);
  }

  async function catchUpListener(tenant: TenantId, subscription: Listener): Promise<boolean> {
    const wants = await wantedBy(tenant, subscription);
    let { from } = subscription;
    while (from < subscription.joined) {
      const { events: page, isGone } = await database.publishedEvents(tenant, "event", from, PAGE);
      if (isGone) {
        log.warn(
          { tenant, ...idsOf(subscription) },
          "events that a listener missed are not kept any more (EVENT_RETENTION)",
        );
      }
      for (const event of page) {
        if (event.position > subscription.joined) break;
        if (wants?.(event) === true && !(await append(tenant, subscription, event))) {
          await fallBehind(tenant, subscription, event.position - 1, subscription.joined);
          return false;
        }
        from = event.position;
      }
      if (page.length < PAGE) from = subscription.joined;
    }
    await tellLatencies();
    await database.subscriptionHeard(tenant, subscription.id, subscription.joined, subscription.joined);
    return true;
  }

  /** Judges as the index does; undefined when the execution is gone. */
  async function wantedBy(tenant: TenantId, { executionId, name, args }: Listener) {
    const [[head], history] = await Promise.all([
      events.heads([executionId]),
      events.history(executionId, { after: name - 1, limit: 1, order: "asc" }),
    ]);
    const asked = history?.[0];
    if (!head || asked?.type !== "event.subscribed") return undefined;
    const task = (await ports.definitions.get(tenant, head.definition.digest)).byKey.get(asked.data.key);
    if (task?.kind !== "listen") return undefined;
    const hearsEvery = hearsAll(task);
    const all = filtersOf(task);
    return ({ event, at }: PublishedEvent) =>
      !isUnheardType(event.type) && (hearsEvery || all.some(({ filter }) => filter.matches(event, args, at)));
  }

  function filterOf(id: string, definition: JsonObject | undefined): EventFilter | undefined {
    const known = filters.get(id);
    if (known !== undefined || definition === undefined) return known;
    if (filters.size >= FILTERS_KEPT) filters.clear();
    try {
      const filter = compileFilter(definition as unknown as FilterDefinition);
      filters.set(id, filter);
      return filter;
    } catch (error) {
      // Of a build with another language: that one's workers know it.
      log.error({ class: id, err: error }, "a filter of a subscription cannot be read");
      return undefined;
    }
  }

  return {
    deliver,
    catchUp,
    soon(tenant) {
      deliver(tenant).catch((error: unknown) => log.warn({ tenant, err: error }, "events were not delivered yet"));
    },
    async idle() {
      await Promise.allSettled([...underWay.values()].map(({ done }) => done));
    },
  };
}

/** The same event, source and id, is one message for each subscription. */
function factOf(subscription: number, { event, raw, origin, position, at }: PublishedEvent): NewFact {
  return {
    kind: "message",
    id: `e${subscription}.${hashOf(event.source, event.id).slice(0, 32)}`,
    source: origin === undefined ? "api-service" : "workflow-engine",
    message: {
      ...{ type: "event", subscription, position, publishedAt: at, event },
      ...(raw === undefined ? {} : { raw }),
      ...(origin === undefined ? {} : { origin }),
    },
  };
}

function isListener(subscription: StoredSubscription): subscription is Listener {
  return "executionId" in subscription;
}

/** Two filters of one schedule may fit the same event. */
function put(
  tenant: TenantId,
  { id, schedule }: StoredSubscription & ScheduleSubscriber,
  event: PublishedEvent,
  forSchedules: ForSchedules,
): void {
  const known = forSchedules.get(id) ?? { schedule: { tenant, ...schedule }, events: [] };
  if (known.events.at(-1)?.position !== event.position) known.events.push(event);
  forSchedules.set(id, known);
}

function idsOf({ executionId, workflowId }: ExecutionSubscriber) {
  return { executionId, workflowId };
}
