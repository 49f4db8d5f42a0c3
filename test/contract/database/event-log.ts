import { expect, test } from "vitest";
import type { ExecutionSubscriber, NewPublishedEvent, NewSubscription } from "../../../src/ports/event-log.ts";
import { eventually } from "../support/eventually.ts";
import { eachDatabase, type OpenDatabase } from "./opened.ts";

const KEPT = { ms: 3_600_000, count: 100 };
const T = "acme";

let serial = 0;
const anEvent = (keys: readonly string[] = ["k1"], once?: string): NewPublishedEvent => {
  serial += 1;
  const event = {
    specversion: "1.0",
    id: `e${serial}`,
    source: "/test",
    type: "t",
    data: { größe: serial, empty: [] },
  };
  return { record: { event }, keys, ...(once === undefined ? {} : { once }) };
};
type OfExecution = NewSubscription & ExecutionSubscriber;
const aSubscription = (over: Partial<OfExecution> = {}): OfExecution => {
  serial += 1;
  const executionId = `x0-${String(serial).padStart(26, "0")}`;
  return {
    id: `${executionId}.4`,
    tenant: T,
    executionId,
    workflowId: `w ${serial}`,
    name: 4,
    from: 0,
    places: [{ class: "c1", key: "k1", definition: { with: { type: "t" } }, bucket: "b1" }],
    args: { input: { n: 1 } },
    ...over,
  };
};

export function eventLogContract(open: OpenDatabase): void {
  const database = eachDatabase(open);

  test("given events that were published, when they are read from a position, then they follow it in order, whole, per tenant and channel", async () => {
    const db = database();
    const three = [anEvent(), anEvent(), anEvent()];
    expect(await db.eventsEnd(T, "event")).toBe(0);
    expect(await db.publishedEvents(T, "event", 0, 10)).toEqual({ events: [], isGone: false, end: 0 });
    expect(await db.publishEvents(T, "event", three, KEPT)).toBe(3);
    expect(await db.publishEvents(T, "lifecycle", [anEvent([])], KEPT)).toBe(1);
    const { events, end, isGone } = await db.publishedEvents(T, "event", 1, 10);
    expect({ end, isGone }).toEqual({ end: 3, isGone: false });
    expect(events.map(({ position, event }) => ({ position, event }))).toEqual(
      three.slice(1).map(({ record }, i) => ({ position: i + 2, event: record.event })),
    );
    expect(await db.eventsEnd("other", "event")).toBe(0);
    expect((await db.publishedEvents(T, "event", 0, 2)).events).toHaveLength(2);
    expect(await db.publishedEvents(T, "event", 4, 2)).toMatchObject({ isGone: true, events: [] });
  });

  test("given a publication, when it is repeated under its name, then it is there once", async () => {
    const db = database();
    const named = anEvent(["k1"], "once-1");
    await db.publishEvents(T, "event", [named], KEPT);
    expect(await db.publishEvents(T, "event", [anEvent(), named], KEPT)).toBe(2);
    expect((await db.publishedEvents(T, "event", 0, 10)).events).toHaveLength(2);
  });

  test("given many publishers at once, when somebody follows, then positions have no gap and nothing appears before what was read", async () => {
    const db = database();
    const publishing = Promise.all(Array.from({ length: 40 }, () => db.publishEvents(T, "event", [anEvent()], KEPT)));
    const seen: number[] = [];
    while (seen.length < 40) {
      const { events } = await db.publishedEvents(T, "event", seen.at(-1) ?? 0, 7);
      seen.push(...events.map(({ position }) => position));
    }
    await publishing;
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  test("given a lifecycle channel, when more comes than is kept, then who is behind is told that it is gone", async () => {
    const db = database();
    for (let i = 0; i < 8; i++) {
      const batch = Array.from({ length: 100 }, () => anEvent([]));
      await db.publishEvents(T, "lifecycle", batch, { ms: Number.POSITIVE_INFINITY, count: 10 });
    }
    expect(await db.publishedEvents(T, "lifecycle", 1, 10)).toMatchObject({ isGone: true, end: 800 });
    expect((await db.publishedEvents(T, "lifecycle", 795, 10)).events).toHaveLength(5);
  });

  test("given events of a retention that is over, when delivered ones and others come, then only the delivered go", async () => {
    const db = database();
    await db.publishEvents(
      T,
      "event",
      Array.from({ length: 120 }, () => anEvent(["k1"])),
      { ms: 1, count: 0 },
    );
    await db.eventsDelivered(T, 60);
    await db.publishEvents(
      T,
      "event",
      Array.from({ length: 60 }, () => anEvent(["k1"])),
      { ms: 1, count: 0 },
    );
    await db.publishEvents(
      T,
      "event",
      Array.from({ length: 60 }, () => anEvent(["k1"])),
      { ms: 1, count: 0 },
    );
    expect(await db.publishedEvents(T, "event", 0, 10)).toMatchObject({ isGone: true });
    expect((await db.publishedEvents(T, "event", 60, 10)).events[0]).toMatchObject({ position: 61 });
  });

  test("given events, when they are to be delivered, then each names the classes at its keys, until it is noted as delivered", async () => {
    const db = database();
    const { id } = await db.subscribe(aSubscription());
    await db.publishEvents(T, "event", [anEvent(["k1", "k2"]), anEvent(["k2"]), anEvent([])], KEPT);
    expect(await db.tenantsToDeliver([T, "other"])).toEqual([T]);
    const { events, classes, upTo, more } = await db.undeliveredEvents(T, 100);
    expect(events.map(({ position, classes: of }) => [position, of])).toEqual([[1, ["c1"]]]);
    expect([...classes]).toEqual([["c1", { with: { type: "t" } }]]);
    expect({ upTo, more }).toEqual({ upTo: 3, more: false });
    expect(await db.undeliveredEvents(T, 1)).toMatchObject({ upTo: 1, more: true });
    expect((await db.subscribersOf(T, "b1", "", 10)).map((each) => each.id)).toEqual([id]);
    await db.eventsDelivered(T, 3);
    await db.eventsDelivered(T, 1);
    expect(await db.undeliveredEvents(T, 100)).toMatchObject({ events: [], upTo: 3, more: false });
    expect(await db.tenantsToDeliver([T, "other"])).toEqual([]);
  });

  test("given events that nobody has delivered, when their load is asked for, then it is that of all these tenants", async () => {
    const db = database();
    expect(await db.eventLoad([T, "other"])).toEqual({ undelivered: 0, oldestAgeMs: 0, subscriptions: 0 });
    await db.subscribe(aSubscription());
    await db.subscribe(aSubscription({ tenant: "other" }));
    await db.publishEvents(T, "event", [anEvent(), anEvent(), anEvent()], KEPT);
    await db.publishEvents("other", "event", [anEvent()], KEPT);
    await db.publishEvents("third", "event", [anEvent()], KEPT);
    expect(await db.eventLoad([T, "other"])).toMatchObject({ undelivered: 4, subscriptions: 2 });
    await eventually("it grows older", async () => (await db.eventLoad([T])).oldestAgeMs > 0);
    await db.eventsDelivered(T, 2);
    expect(await db.eventLoad([T])).toMatchObject({ undelivered: 1, subscriptions: 1 });
    await db.eventsDelivered(T, 3);
    expect(await db.eventLoad([T])).toEqual({ undelivered: 0, oldestAgeMs: 0, subscriptions: 1 });
  });

  test("given events that come while somebody looks for what is to be delivered, when all is noted as delivered, then each was told", async () => {
    const db = database();
    await db.subscribe(aSubscription());
    const publishing = (async () => {
      for (let i = 0; i < 100; i++) await db.publishEvents(T, "event", [anEvent()], KEPT);
    })();
    const told = new Set<number>();
    for (let done = 0; done < 100; ) {
      const { events, upTo } = await db.undeliveredEvents(T, 10);
      for (const { position } of events) told.add(position);
      await db.eventsDelivered(T, upTo);
      done = upTo;
    }
    await publishing;
    expect(told.size).toBe(100);
  });

  test("given events that nobody can hear, when all before them is delivered, then they need no delivery", async () => {
    const db = database();
    await db.publishEvents(T, "event", [anEvent([])], KEPT);
    expect(await db.tenantsToDeliver([T])).toEqual([]);
    await db.publishEvents(T, "event", [anEvent(["k1"])], KEPT);
    await db.publishEvents(T, "event", [anEvent([])], KEPT);
    expect(await db.tenantsToDeliver([T])).toEqual([T]);
  });

  test("given a subscription, when it is entered again, then it is as it was, and knows where it joined", async () => {
    const db = database();
    await db.publishEvents(T, "event", [anEvent(), anEvent()], KEPT);
    const given = aSubscription({ from: 1 });
    const { tenant: _tenant, places: _places, ...kept } = given;
    expect(await db.subscribe(given)).toEqual({ ...kept, joined: 2 });
    await db.publishEvents(T, "event", [anEvent()], KEPT);
    expect(await db.subscribe(given)).toEqual({ ...kept, joined: 2 });
    await db.subscriptionHeard(T, given.id, 2, 2);
    expect(await db.subscription(T, given.id)).toEqual({ ...kept, from: 2, joined: 2 });
    await db.subscriptionHeard(T, given.id, 1, 9);
    expect(await db.subscription(T, given.id)).toMatchObject({ from: 2, joined: 2 });
    await db.subscriptionHeard(T, given.id, 2, 3);
    expect(await db.subscription(T, given.id)).toMatchObject({ from: 2, joined: 3 });
    expect(await db.subscription("other", given.id)).toBeNull();
  });

  test("given a subscription of a schedule beside one of an execution, when they are asked for, then each says whose it is", async () => {
    const db = database();
    const { args, places, from, tenant, ...ofExecution } = aSubscription();
    const ofSchedule = { id: "schedule-1", schedule: { namespace: "n", name: "s" } };
    await db.subscribe({ ...ofExecution, args, places, from, tenant });
    expect(await db.subscribe({ ...ofSchedule, args: {}, places, from, tenant })).toMatchObject(ofSchedule);
    const found = await db.subscribersOf(T, "b1", "", 10);
    expect(found).toEqual([
      { ...ofSchedule, args: {}, from: 0, joined: 0 },
      { ...ofExecution, args, from: 0, joined: 0 },
    ]);
    await db.dropSubscriptions(T, ofExecution.executionId);
    expect(await db.subscription(T, "schedule-1")).toMatchObject(ofSchedule);
    await db.unsubscribe(T, ["schedule-1"]);
    expect(await db.countSubscriptions(T)).toBe(0);
  });

  test("given subscribers of several buckets, when one is asked for, then page by page only its own are given", async () => {
    const db = database();
    const place = { class: "c1", key: "k1", definition: {} };
    const mine = Array.from({ length: 5 }, () => aSubscription({ places: [{ ...place, bucket: "mine" }] }));
    const others = Array.from({ length: 3 }, () => aSubscription({ places: [{ ...place, bucket: "theirs" }] }));
    await Promise.all([...mine, ...others].map((each) => db.subscribe(each)));
    const found: string[] = [];
    for (let after = ""; ; ) {
      const page = await db.subscribersOf(T, "mine", after, 2);
      found.push(...page.map(({ id }) => id));
      if (page.length < 2) break;
      after = page.at(-1)?.id ?? "";
    }
    expect(found).toEqual(mine.map(({ id }) => id).sort());
    expect(await db.countSubscriptions(T)).toBe(8);
  });

  test("given subscriptions of an execution, when it has ended, then all of them go, and nobody else's", async () => {
    const db = database();
    const one = aSubscription();
    const { executionId } = one;
    await Promise.all([
      db.subscribe(one),
      db.subscribe({ ...one, id: `${executionId}.12`, name: 12 }),
      db.subscribe(aSubscription()),
      db.subscribe(aSubscription({ id: `${executionId}0.4` })),
    ]);
    await db.dropSubscriptions(T, executionId);
    await db.dropSubscriptions(T, executionId);
    expect(await db.countSubscriptions(T)).toBe(2);
    expect((await db.subscribersOf(T, "b1", "", 10)).every((each) => !each.id.startsWith(`${executionId}.`))).toBe(
      true,
    );
  });

  test("given the last subscriber of a class, when it leaves, then events do not name the class any more; leaving twice is harmless", async () => {
    const db = database();
    const twice = { class: "c1", key: "k1", definition: {}, bucket: "b1" };
    const one = aSubscription({ places: [twice, twice] });
    const other = aSubscription();
    await Promise.all([db.subscribe(one), db.subscribe(other)]);
    await db.unsubscribe(T, [one.id, "unknown"]);
    await db.unsubscribe(T, [one.id]);
    await db.publishEvents(T, "event", [anEvent()], KEPT);
    expect((await db.undeliveredEvents(T, 10)).events).toHaveLength(1);
    await db.unsubscribe(T, [other.id]);
    expect((await db.undeliveredEvents(T, 10)).events).toEqual([]);
    expect(await db.countSubscriptions(T)).toBe(0);
    expect(await db.subscription(T, other.id)).toBeNull();
  });
}
