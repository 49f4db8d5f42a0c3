import { expect, test } from "vitest";
import { type Group, partitionOf, partitionOfExecution } from "../../../src/values/ids.ts";
import {
  aGroup,
  aLetter,
  aMessage,
  anActivity,
  anAnswer,
  anExecutionId,
  aTimer,
  taskRequested,
  timerScheduled,
} from "../../support/build.ts";
import { CONTRACT_OPTIONS, eachWorld, FAR, type Open, past, until } from "./world.ts";

const { lookGraceMs } = CONTRACT_OPTIONS;

export function momentContract(open: Open): void {
  const world = eachWorld(open);
  /** One timer owed, committed and settled. */
  const withTimer = async (fireInMs: number, lookInMs = FAR) => {
    const { store, start, rest } = world();
    const now = await store.now();
    const fireAt = now + fireInMs;
    const add = [{ work: aTimer(2, fireAt), lookAt: now + lookInMs }];
    return { fireAt, head: await rest(await start(), { events: [timerScheduled(fireAt)], add }) };
  };

  test("given a group with several executions due, when it is asked, then they come oldest first, and no one else's", async () => {
    const { store, start, commit } = world();
    const first = await commit(await start(), { status: "COMPLETED" });
    await past(store, await store.now());
    const second = await start({ group: { tenant: first.tenant, workflowId: first.workflowId } });
    await start();
    expect(await store.due(first)).toEqual([first.executionId, second.executionId]);
    expect(await store.due(aGroup())).toEqual([]);
  });

  test("given the head's version and an empty inbox, when it settles, then it is not due; again is harmless", async () => {
    const { store, start, commit, isDue, head: headOf } = world();
    const head = await commit(await start());
    expect(head.settled).toBe(0);
    expect(await store.settle(head.executionId, 2)).toBe(true);
    expect(await headOf(head)).toMatchObject({ settled: 2 });
    expect(await isDue(head)).toBe(false);
    expect(await store.settle(head.executionId, 2)).toBe(true);
  });

  test("given a later version, an earlier one or nothing at all, when it settles, then it is false and stays due", async () => {
    const { store, partitions, start, commit, isDue, head: headOf } = world();
    const head = await commit(await start());
    expect(await store.settle(head.executionId, 1)).toBe(false);
    expect(await store.settle(head.executionId, 3)).toBe(false);
    expect(await headOf(head)).toMatchObject({ settled: 0 });
    expect(await isDue(head)).toBe(true);
    expect(await store.settle(anExecutionId(aGroup(), partitions), 1)).toBe(false);
  });

  test("given a settled execution, when it commits again, then it is due", async () => {
    const { withActivity, commit, isDue } = world();
    const { head } = await withActivity();
    expect(await isDue(head)).toBe(false);
    expect(await isDue(await commit(head, { events: [] }))).toBe(true);
  });

  test("given a timer owed, when its moment comes, then it is due, and not before", async () => {
    const { store, isDue } = world();
    const { head, fireAt } = await withTimer(400);
    await until(() => isDue(head));
    expect(await store.now()).toBeGreaterThanOrEqual(fireAt);
  });

  test("given two timers owed, when the earlier is removed, then the later decides", async () => {
    const { store, start, rest, isDue } = world();
    const now = await store.now();
    const at = [now - 1_000, now + FAR] as const;
    const head = await rest(await start(), {
      events: at.map((fireAt) => timerScheduled(fireAt)),
      add: at.map((fireAt, i) => ({ work: aTimer(i + 2, fireAt), lookAt: now + FAR })),
    });
    expect(await isDue(head)).toBe(true);
    await rest(head, { remove: [2] });
    expect(await isDue(head)).toBe(false);
  });

  test("given a timer that is due, when the execution is paused with an empty inbox, then it is never due, until a fact comes", async () => {
    const { store, start, rest, append, isDue } = world();
    const now = await store.now();
    const add = [{ work: aTimer(2, now - 1_000), lookAt: now + FAR }];
    const head = await rest(await start(), { events: [timerScheduled(now - 1_000)], add, status: "PAUSED" });
    expect(await isDue(head)).toBe(false);
    await append(head, aMessage({ message: { type: "resume" } }));
    expect(await isDue(head)).toBe(true);
  });

  test("given a paused execution, when its commit is not settled, then it is due", async () => {
    const { start, commit, isDue } = world();
    expect(await isDue(await commit(await start(), { status: "PAUSED" }))).toBe(true);
  });

  test("given an ended execution, when it is settled, then it is due no more and nobody has to look", async () => {
    const { withActivity, commit, store, isDue, attention } = world();
    const { head } = await withActivity();
    const ended = await commit(head, { status: "COMPLETED" });
    expect(await isDue(ended)).toBe(true);
    expect(await store.settle(ended.executionId, ended.version)).toBe(true);
    expect(await isDue(ended)).toBe(false);
    await past(store, (await store.now()) + lookGraceMs);
    expect(await attention(ended)).toBeUndefined();
  });

  test("given an engine fault, when it backs off, then it is not due before, not even with a new fact", async () => {
    const { store, start, append, isDue, head: headOf } = world();
    const head = await start();
    const before = await store.now();
    expect(await store.fault(head.executionId, "error", 500)).toBe(1);
    const { notBefore } = await headOf(head);
    expect(notBefore).toBeGreaterThanOrEqual(before + 500);
    await append(head, aMessage());
    await until(() => isDue(head));
    expect(await store.now()).toBeGreaterThanOrEqual(notBefore);
  });

  test("given errors and deaths, when they are counted, then each kind by itself", async () => {
    const { store, start, head: headOf, isDue } = world();
    const head = await start();
    expect(await store.fault(head.executionId, "death", 0)).toBe(1);
    expect(await isDue(head)).toBe(true);
    expect(await store.fault(head.executionId, "error", 0)).toBe(1);
    expect(await store.fault(head.executionId, "error", FAR)).toBe(2);
    expect(await store.fault(head.executionId, "death", 0)).toBe(2);
    expect(await headOf(head)).toMatchObject({ faults: 2, deaths: 2 });
    expect(await isDue(head)).toBe(false);
  });

  test("given an unknown or an ended execution, when a fault is told, then it counts 0", async () => {
    const { store, partitions, start, complete, head: headOf } = world();
    const head = await complete(await start());
    expect(await store.fault(head.executionId, "error", 0)).toBe(0);
    expect(await headOf(head)).toEqual(head);
    expect(await store.fault(anExecutionId(aGroup(), partitions), "death", 0)).toBe(0);
  });

  test("given a start, when the grace is over, then attention says that it is due, and not before", async () => {
    const { start, attended } = world();
    const head = await start();
    const { executionId, tenant, workflowId, startedAt } = head;
    const found = await attended(head);
    expect(found).toEqual({ executionId, tenant, workflowId, due: true, owed: [], now: expect.any(Number) });
    expect(found.now).toBeGreaterThanOrEqual(startedAt + lookGraceMs);
  });

  test("given unsettled owed work, when its moment has come, then attention names no entries yet", async () => {
    const { store, start, commit, attended } = world();
    const now = await store.now();
    const add = [{ work: anActivity(2), lookAt: now - 1 }];
    const head = await commit(await start(), { events: [taskRequested()], add });
    const found = await attended(head);
    expect(found).toMatchObject({ due: true, owed: [] });
    expect(found.now).toBeGreaterThanOrEqual(now + lookGraceMs);
  });

  test("given settled owed work, when its moment comes, then attention names the entries overdue and no other", async () => {
    const { store, start, rest, attended } = world();
    const now = await store.now();
    const head = await rest(await start(), {
      events: [taskRequested(), taskRequested(), timerScheduled(now + FAR)],
      add: [
        { work: anActivity(2), lookAt: now + 200 },
        { work: anActivity(3), lookAt: now + FAR },
        { work: aTimer(4, now + FAR), lookAt: now + FAR },
      ],
    });
    const found = await attended(head);
    expect(found.due).toBe(false);
    expect(found.owed).toMatchObject([{ ...anActivity(2), lookAt: now + 200, dispatch: 0 }]);
    expect(found.now).toBeGreaterThanOrEqual(now + 200);
  });

  test("given owed work far away, when the grace is over, then nobody has to look; after a fact somebody has", async () => {
    const { store, withActivity, append, attention, attended } = world();
    const { head, name } = await withActivity();
    await past(store, (await store.now()) + lookGraceMs);
    expect(await attention(head)).toBeUndefined();
    const before = await store.now();
    await append(head, anAnswer(name));
    const found = await attended(head);
    expect(found).toMatchObject({ due: true, owed: [] });
    expect(found.now).toBeGreaterThanOrEqual(before + lookGraceMs);
  });

  test("given an execution that is due already, when facts keep coming, then the look is not put off", async () => {
    const { store, start, rest, append, attention } = world();
    const names = Array.from({ length: 200 }, (_, i) => i + 2);
    const lookAt = (await store.now()) + FAR;
    const add = names.map((name) => ({ work: anActivity(name), lookAt }));
    const head = await rest(await start(), { events: names.map(() => taskRequested()), add });
    const unanswered = [...names];
    const found = await until(async () => {
      const name = unanswered.pop();
      if (name === undefined) throw new Error("nobody had to look while facts kept coming");
      await append(head, anAnswer(name));
      return attention(head);
    });
    expect(found).toMatchObject({ due: true, owed: [] });
  });

  test("given an ended execution that is not settled, when the grace is over, then attention says that it is due", async () => {
    const { start, commit, attended } = world();
    const ended = await commit(await start(), { status: "FAILED" });
    expect(await attended(ended)).toMatchObject({ due: true, owed: [] });
  });

  test("given a timer that is due, when its look comes, then attention says due and names the timer", async () => {
    const { attended } = world();
    const { head, fireAt } = await withTimer(-1_000, -500);
    expect(await attended(head)).toMatchObject({ due: true, owed: [aTimer(2, fireAt)] });
  });

  test("given several things to look at, when attention is limited, then the oldest come first", async () => {
    const { store, start, rest } = world();
    const now = await store.now();
    const ids: string[] = [];
    for (const age of [1_000, 3_000, 2_000]) {
      const add = [{ work: anActivity(2), lookAt: now - age }];
      const head = await rest(await start({ group: groupIn(2) }), { events: [taskRequested()], add });
      ids.push(head.executionId);
    }
    const [young, old, middle] = ids;
    const idsOf = async (partition: number, limit: number) =>
      (await store.attention(partition, limit)).map(({ executionId }) => executionId);
    expect(await idsOf(2, 2)).toEqual([old, middle]);
    expect(await idsOf(2, 10)).toEqual([old, middle, young]);
    expect(await idsOf(1, 10)).toEqual([]);
  });

  test("given a look that found a job missing, when it is noted, then the entry has its new dispatch and the next look comes later", async () => {
    const { store, start, rest, attended, attention, owed } = world();
    const now = await store.now();
    const head = await rest(await start(), {
      events: [taskRequested(), taskRequested()],
      add: [
        { work: anActivity(2), lookAt: now - 1 },
        { work: anActivity(3), lookAt: now - 1 },
      ],
    });
    expect((await attended(head)).owed.map(({ name }) => name).sort()).toEqual([2, 3]);
    const entries = [
      { name: 2, dispatch: 1, lookAt: now + FAR },
      { name: 3, dispatch: 0, lookAt: now + 2 * FAR },
      { name: 99, dispatch: 5, lookAt: now },
    ];
    await store.looked(head.executionId, { entries, lookAt: now + FAR });
    expect(await attention(head)).toBeUndefined();
    expect([...(await owed(head))].sort((a, b) => a.name - b.name)).toMatchObject([
      { name: 2, dispatch: 1, lookAt: now + FAR },
      { name: 3, dispatch: 0, lookAt: now + 2 * FAR },
    ]);

    const soon = (await store.now()) + 200;
    await store.looked(head.executionId, { entries: [{ name: 3, dispatch: 1, lookAt: soon }], lookAt: soon });
    const again = await attended(head);
    expect(again.owed).toMatchObject([{ name: 3, dispatch: 1 }]);
    expect(again.now).toBeGreaterThanOrEqual(soon);
  });

  test("given owed work that is to be looked at late, when it must be looked at sooner, then it is, and never later than before", async () => {
    const { store, partitions, start, rest, attended, attention, owed } = world();
    const now = await store.now();
    const add = [
      { work: anActivity(2), lookAt: now + FAR },
      { work: anActivity(3), lookAt: now + 2 * FAR },
    ];
    const head = await rest(await start(), { events: [taskRequested(), taskRequested()], add });
    await store.lookSooner(head.executionId, 3, 10 * FAR);
    await store.lookSooner(head.executionId, 99, 0);
    await store.lookSooner(anExecutionId(aGroup(), partitions), 3, 0);
    expect(await attention(head)).toBeUndefined();
    expect([...(await owed(head))].map(({ lookAt }) => lookAt).sort()).toEqual([now + FAR, now + 2 * FAR]);
    await store.lookSooner(head.executionId, 3, 100);
    const seen = await attended(head);
    expect(seen.owed).toMatchObject([{ name: 3, dispatch: 0 }]);
    expect(seen.now).toBeGreaterThanOrEqual(now + 100);
  });

  test("given claims, when the short leases are ended, then their work and what is unsettled are to be looked at, and nothing else is", async () => {
    const { store, start, rest, commit, attended, attention, owed } = world();
    const now = await store.now();
    const add = (claimed: boolean, lookAt: number) => [{ work: anActivity(2), lookAt, claimed }];
    const asked = { events: [taskRequested()] };
    const short = await rest(await start(), { ...asked, add: add(true, now + FAR) });
    const long = await rest(await start(), { ...asked, add: add(true, now + 3 * FAR) });
    const unclaimed = await rest(await start(), { ...asked, add: add(false, now + 2 * FAR) });
    const unsettled = await commit(await start(), { ...asked, lookAfterMs: FAR });
    for (const { executionId } of [short, long, unclaimed, unsettled]) {
      await store.endLeases(partitionOfExecution(executionId), now + 1.5 * FAR);
    }
    expect((await attended(short)).owed).toMatchObject([{ name: 2, attempt: 1 }]);
    expect((await attended(unsettled)).due).toBe(true);
    expect([await attention(long), await attention(unclaimed)]).toEqual([undefined, undefined]);
    expect(await owed(long)).toMatchObject([{ lookAt: now + 3 * FAR }]);
    expect(await store.claim(short.executionId, 2, 1_000)).toMatchObject({ attempt: 2, deaths: 1 });
  });

  test("given an unsettled execution, when owed work must be looked at sooner, then it is once that has settled, and its own look stays", async () => {
    const { store, start, commit, attended, attention } = world();
    const now = await store.now();
    const head = await commit(await start(), {
      events: [taskRequested()],
      add: [{ work: anActivity(2), lookAt: now + FAR }],
    });
    await store.lookSooner(head.executionId, 2, 0);
    expect(await attention(head)).toBeUndefined();
    expect(await store.settle(head.executionId, 2)).toBe(true);
    expect((await attended(head)).owed).toMatchObject([{ name: 2 }]);
  });

  test("given an unsettled execution with overdue work, when a look is noted, then the next look is at the moment noted", async () => {
    const { store, start, commit, attended, attention } = world();
    const now = await store.now();
    const add = [{ work: anActivity(2), lookAt: now - 1 }];
    const head = await commit(await start(), { events: [taskRequested()], add });
    await attended(head);
    await store.looked(head.executionId, { entries: [], lookAt: (await store.now()) + FAR });
    expect(await attention(head)).toBeUndefined();
    const soon = (await store.now()) + 200;
    await store.looked(head.executionId, { entries: [], lookAt: soon });
    expect((await attended(head)).now).toBeGreaterThanOrEqual(soon);
  });

  test("given an execution that ended while somebody looked, when the look is noted, then nobody has to look again", async () => {
    const { store, partitions, withActivity, complete, attention } = world();
    const { head } = await withActivity();
    await complete(head);
    await store.looked(head.executionId, { entries: [{ name: 2, dispatch: 1, lookAt: 1 }], lookAt: 1 });
    expect(await attention(head)).toBeUndefined();
    await store.looked(anExecutionId(aGroup(), partitions), { entries: [], lookAt: 1 });
  });

  test("given a parked execution, when facts come or its timer is due, then it is never due", async () => {
    const { store, append, isDue } = world();
    const { head } = await withTimer(-1_000);
    expect(await isDue(head)).toBe(true);
    await store.park(aLetter(head));
    expect(await isDue(head)).toBe(false);
    await append(head, aMessage());
    expect(await isDue(head)).toBe(false);
    expect(await store.fault(head.executionId, "error", 0)).toBe(1);
    expect(await isDue(head)).toBe(false);
  });
}

/** A group of this partition of the suite's four. */
function groupIn(partition: number): Group {
  for (;;) {
    const group = aGroup();
    if (partitionOf(group, 4) === partition) return group;
  }
}
