import { describe, expect, test } from "vitest";
import { compileWorkflow } from "../../../../src/dsl/index.ts";
import type { PublishedEvent } from "../../../../src/ports/event-log.ts";
import type { Hearing, ScheduleRecord } from "../../../../src/ports/schedules.ts";
import { firingOfEvents } from "../../../../src/runtime/schedules/firing.ts";
import {
  type HearingSituation,
  hearDelivered,
  hearLater,
  hearLogged,
} from "../../../../src/runtime/schedules/hear-events.ts";
import type { Json } from "../../../../src/values/json.ts";
import { aScheduleRecord } from "../../../support/schedule-record.ts";

const KEY = { tenant: "t", namespace: "n", name: "s" };
const HEARING: Hearing = {
  ...{ subscription: "schedule-1", joined: true, position: 0, behindTo: 0 },
  ...{ expected: [], collections: [] },
};
const event = (position: number, type: string, data: Json = null): PublishedEvent => ({
  event: { specversion: "1.0", id: `e${position}`, source: "/t", type, data },
  ...{ position, at: position * 10 },
});
const on = (to: Json) => {
  const document = { dsl: "1.0.3", namespace: "n", name: "s", version: "1.0.0" };
  const { startsOn } = compileWorkflow({ document, schedule: { on: to }, do: [{ a: { set: { b: 1 } } }] });
  if (startsOn === null) throw new Error("it starts on events");
  return startsOn;
};
const situation = (to: Json, over: Partial<HearingSituation> = {}): HearingSituation => ({
  ...{ now: 1_000, overlap: "allow", consumption: on(to), read: "data", payloadBytes: 10_000 },
  isRepeat: () => false,
  firingOf: (events, at) => firingOfEvents(KEY, at, events, 1),
  ...over,
});
const record = (over: Partial<Hearing> = {}): ScheduleRecord => aScheduleRecord({ hearing: { ...HEARING, ...over } });
const inputs = ({ pending }: ScheduleRecord) => pending.map(({ input }) => input);
const hear = (to: Json, ...events: readonly PublishedEvent[]) => {
  const expected = on(to).to.filters.map(() => ({}));
  return hearDelivered(record({ expected }), events, situation(to));
};

const ORDERS = {
  all: ["order.placed", "order.paid"].map((type) => ({
    with: { type },
    correlate: { order: { from: "${ .data.order }" } },
  })),
};

describe("given a schedule on events", () => {
  test("when one of `one` or `any` comes, then each is a firing of its own, named after it", () => {
    const { record: after, lateness } = hear(
      { any: [{ with: { type: "a" } }, { with: { type: "b" } }] },
      event(1, "a", 1),
      event(2, "b", 2),
    );
    expect(inputs(after)).toEqual([[1], [2]]);
    expect(after.pending[0]).toMatchObject({ kind: "event", at: 10, events: [{ source: "/t", id: "e1", type: "a" }] });
    expect(after.hearing).toMatchObject({ position: 2, behindTo: 2, collections: [] });
    expect(lateness).toEqual([990, 980]);
    expect(new Set(after.pending.map(({ executionId }) => executionId)).size).toBe(2);
    expect(hear({ one: { with: { type: "a" } } }, event(1, "a", 1)).record.pending[0]?.executionId).toBe(
      after.pending[0]?.executionId,
    );
  });

  test("when events of `all` come, then a filter is filled once, the input is in the order they came, and a new collection begins", () => {
    const all = { all: [{ with: { type: "a" } }, { with: { type: "b" } }] };
    const first = hear(all, event(1, "b", "b1"), event(2, "b", "b2"));
    expect(first.record.hearing?.collections).toMatchObject([{ since: 10, filled: [1], events: [{ id: "e1" }] }]);
    const { record: after } = hearDelivered(first.record, [event(3, "a", "a1"), event(4, "a", "a2")], situation(all));
    expect(inputs(after)).toEqual([["b1", "a1"]]);
    expect(after.hearing?.collections).toMatchObject([{ events: [{ id: "e4" }] }]);
  });

  test("when correlations tell events apart, then each value has a collection of its own", () => {
    const at = (position: number, type: string, order: number) => event(position, type, { order });
    const { record: after } = hear(
      ORDERS,
      at(1, "order.placed", 1),
      at(2, "order.placed", 2),
      at(3, "order.paid", 2),
      at(4, "order.placed", 1),
      at(5, "order.paid", 1),
    );
    expect(inputs(after)).toEqual([
      [{ order: 2 }, { order: 2 }],
      [{ order: 1 }, { order: 1 }],
    ]);
    expect(after.pending[1]?.events?.map(({ id }) => id)).toEqual(["e1", "e5"]);
    expect(after.hearing?.collections).toEqual([]);
  });

  test("when `until` is a condition, then events are collected until it holds; one that fails does not hold", () => {
    const to = { any: [{ with: { type: "a" } }], until: "${ map(.n) | add >= 3 }" };
    const { record: after } = hear(
      to,
      event(1, "a", { n: 1 }),
      event(2, "a", { n: 2 }),
      event(3, "a", "x"),
      event(4, "a", { n: 9 }),
    );
    expect(inputs(after)).toEqual([[{ n: 1 }, { n: 2 }]]);
    expect(after.hearing?.collections[0]?.events).toHaveLength(2);
  });

  test("when `until` is a strategy, then its events end what was begun, and are no part of it; without anything nothing starts", () => {
    const to = { any: [{ with: { type: "a" } }], until: { all: [{ with: { type: "x" } }, { with: { type: "y" } }] } };
    const { record: after } = hear(
      to,
      event(1, "x"),
      event(2, "a", 1),
      event(3, "y"),
      event(4, "a", 2),
      event(5, "x"),
      event(6, "y"),
    );
    expect(inputs(after)).toEqual([[1, 2]]);
    expect(after.hearing?.collections).toEqual([]);
  });

  test("when an event comes again, or one that was heard, then it changes nothing but the position", () => {
    const one = { one: { with: { type: "a" } } };
    const before = record({ position: 5, behindTo: 5, expected: [{}] });
    expect(hearDelivered(before, [event(4, "a"), event(5, "a")], situation(one)).record).toBe(before);
    const { record: after } = hearDelivered(before, [event(6, "a")], situation(one, { isRepeat: () => true }));
    expect(after).toMatchObject({ pending: [], hearing: { position: 6, behindTo: 6 } });
  });

  test("when an execution is open and overlaps are skipped, then the event is; one that waits takes the place of none", () => {
    const one = { one: { with: { type: "a" } } };
    const before = { ...record({ expected: [{}] }), open: ["x"] };
    const skipped = hearDelivered(before, [event(1, "a")], situation(one, { overlap: "skip" }));
    expect(skipped).toMatchObject({ skipped: ["overlap"], record: { pending: [], skipped: 1 } });
    const buffered = hearDelivered(before, [event(1, "a"), event(2, "a")], situation(one, { overlap: "buffer-one" }));
    expect(buffered).toMatchObject({ skipped: ["overlap"], record: { buffered: { events: [{ id: "e1" }] } } });
  });

  test("when an input is too large, or too much is collected, then it is given up, and counted", () => {
    const large = hearDelivered(
      record({ expected: [{}] }),
      [event(1, "a", "x".repeat(200))],
      situation({ one: { with: { type: "a" } } }, { payloadBytes: 100 }),
    );
    expect(large).toMatchObject({ skipped: ["too-large"], record: { pending: [], skipped: 1 } });
    const at = (position: number) => event(position, "order.placed", { order: position });
    const many = hearDelivered(
      record({ expected: [{}, {}] }),
      Array.from({ length: 103 }, (_, i) => at(i + 1)),
      situation(ORDERS, { payloadBytes: 1_000_000 }),
    );
    expect(many.skipped).toEqual(["given-up", "given-up", "given-up"]);
    expect(many.record.hearing?.collections).toHaveLength(100);
    expect(many.record.hearing?.collections.at(-1)).toMatchObject({ seen: { order: 100 } });
    // What was kept is completed, whatever else comes.
    const paid = Array.from({ length: 103 }, (_, i) => event(200 + i, "order.paid", { order: i + 1 }));
    const rest = hearDelivered(many.record, paid, situation(ORDERS, { payloadBytes: 1_000_000 }));
    expect([rest.record.pending.length, rest.skipped]).toEqual([100, []]);
  });

  test("when there are too many and the oldest has waited for more than an hour, then that is given up", () => {
    const at = (position: number) => event(position, "order.placed", { order: position });
    const before = record({ expected: [{}, {}] });
    const large = { payloadBytes: 1_000_000 };
    const full = hearDelivered(
      before,
      Array.from({ length: 100 }, (_, i) => at(i + 1)),
      situation(ORDERS, large),
    );
    const later = situation(ORDERS, { ...large, now: 3_600_100 });
    const after = hearDelivered(full.record, [at(101)], later);
    expect(after.skipped).toEqual(["given-up"]);
    expect(after.record.hearing?.collections[0]).toMatchObject({ seen: { order: 2 } });
    expect(after.record.hearing?.collections.at(-1)).toMatchObject({ seen: { order: 101 } });
  });
});

describe("given a schedule that is behind", () => {
  const one = { one: { with: { type: "a" } } };

  test.each([
    ["its subscription does not stand in the index yet", { joined: false }],
    ["there are events before it that it must look at", { position: 3, behindTo: 7 }],
  ])("when %s and an event is delivered, then that is one to look at later", (_, over) => {
    const before = record({ expected: [{}], ...over });
    const { record: after } = hearDelivered(before, [event(8, "a")], situation(one));
    expect(after).toMatchObject({ pending: [], hearing: { position: before.hearing?.position, behindTo: 8 } });
  });

  test("when events cannot be heard at all, then they are ones to look at later", () => {
    const { hearing } = hearLater(record({ expected: [{}], position: 3, behindTo: 3 }), [event(5, "a"), event(6, "a")]);
    expect(hearing).toMatchObject({ position: 3, behindTo: 6 });
  });

  test("when it looks at a page, then it hears what is in it, up to where it is delivered to", () => {
    const before = record({ expected: [{}], position: 3, behindTo: 7 });
    const { record: part } = hearLogged(before, [event(4, "a")], 5, situation(one));
    expect(part).toMatchObject({ pending: [{ at: 40 }], hearing: { position: 5, behindTo: 7 } });
    const { record: all } = hearLogged(part, [event(6, "a"), event(8, "a")], 9, situation(one));
    expect(all.pending.map(({ at }) => at)).toEqual([40, 60]);
    expect(all.hearing).toMatchObject({ position: 7, behindTo: 7 });
  });

  test("when too many firings wait, then events stay in the log", () => {
    const events = Array.from({ length: 120 }, (_, i) => event(i + 1, "a"));
    const { record: full } = hearDelivered(record({ expected: [{}] }), events, situation(one));
    expect(full.pending).toHaveLength(100);
    expect(full.hearing).toMatchObject({ position: 100, behindTo: 120 });
    const { record: rest } = hearLogged({ ...full, pending: [] }, events.slice(100), 120, situation(one));
    expect(rest.pending).toHaveLength(20);
    expect(rest.hearing).toMatchObject({ position: 120, behindTo: 120 });
  });
});
