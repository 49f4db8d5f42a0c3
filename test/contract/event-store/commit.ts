import { expect, test } from "vitest";
import { VersionConflictError } from "../../../src/errors.ts";
import type { ExecutionHead } from "../../../src/ports/event-store.ts";
import type { Json } from "../../../src/values/json.ts";
import {
  aCommit,
  aGroup,
  aLetter,
  aMessage,
  anActivity,
  anAnswer,
  anExecutionId,
  aStart,
  aTimer,
  type CommitOptions,
  taskRequested,
  taskStarted,
  timerScheduled,
  workflowCompleted,
} from "../../support/build.ts";
import { draftsOf, eachWorld, FAR, type Open, present, tipOf } from "./world.ts";

const MEGABYTE = "x".repeat(1_048_576);

export function commitContract(open: Open): void {
  const world = eachWorld(open);
  const refused = async (head: ExecutionHead, options: CommitOptions = {}) => {
    const before = await world().store.read(head.executionId, { after: 0, inboxLimit: 100 });
    const commit = aCommit(head, options);
    await expect(world().store.commit(head.executionId, commit)).rejects.toThrow(VersionConflictError);
    const after = await world().store.read(head.executionId, { after: 0, inboxLimit: 100 });
    expect({ ...after, readAt: 0 }).toEqual({ ...before, readAt: 0 });
  };

  test("given a head, when a commit follows it, then its events, tip and status are the execution's", async () => {
    const { store, start, events } = world();
    const head = await start();
    const commit = aCommit(head, {
      events: [taskStarted(1), taskStarted(2), taskStarted(3)],
      status: "WAITING",
      at: 77,
    });

    const committed = await store.commit(head.executionId, commit);

    const after = { ...head, version: 4, tip: commit.tip, status: "WAITING" };
    expect(committed).toEqual({ result: "committed", head: after, unheard: 0 });
    expect(await store.heads([head.executionId])).toEqual([after]);
    const history = await events(head);
    expect(history.slice(1)).toEqual(commit.events);
    expect(tipOf(history)).toBe(commit.tip);
  });

  test("given two writers at one version, when both commit, then exactly one wins", async () => {
    const { store, start, events } = world();
    const head = await start();
    const commits = ["a", "b"].map((input) => aCommit(head, { events: [taskStarted(input)] }));
    const results = await Promise.allSettled(commits.map((commit) => store.commit(head.executionId, commit)));
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const lost = results.find((result) => result.status === "rejected");
    expect(lost?.reason).toBeInstanceOf(VersionConflictError);
    expect(lost?.reason).toMatchObject({ executionId: head.executionId, expectedVersion: 1 });
    expect(await events(head)).toHaveLength(2);
  });

  test("given 10 writers over 30 versions, when all commit as fast as they can, then the log is one chain", async () => {
    const { store, start, events } = world();
    const started = await start();
    const write = async (writer: number) => {
      for (;;) {
        const head = present((await store.heads([started.executionId]))[0]);
        if (head.version >= 30) return;
        const commit = aCommit(head, { events: [taskStarted(writer)] });
        await store.commit(head.executionId, commit).catch((error: unknown) => {
          if (!(error instanceof VersionConflictError)) throw error;
        });
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, writer) => write(writer)));
    const history = await events(started);
    expect(history.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect((await store.heads([started.executionId]))[0]?.tip).toBe(tipOf(history));
  });

  test("given a version that is right, when the tip is another's, then the commit is refused and nothing changed", async () => {
    const { start, commit } = world();
    const head = await commit(await start(), { events: [taskStarted("mine")] });
    await refused(head, { expected: { ...head, tip: "0".repeat(32) } });
  });

  test("given an older or a later version than the head's, when it is expected, then the commit is refused", async () => {
    const { start, commit } = world();
    const first = await start();
    const second = await commit(first);
    await refused(first);
    await refused({ ...second, version: 3 });
  });

  test("given an execution nobody started, when a commit names it, then the commit is refused", async () => {
    const { store, partitions, start } = world();
    const unknown = { ...(await start()), executionId: anExecutionId(aGroup(), partitions) };
    await expect(store.commit(unknown.executionId, aCommit(unknown))).rejects.toThrow(VersionConflictError);
    expect(await store.heads([unknown.executionId])).toEqual([null]);
  });

  test("given an ended execution, when a commit follows its last event, then it is refused", async () => {
    const { start, commit } = world();
    await refused(await commit(await start(), { status: "COMPLETED" }));
  });

  test("given a commit whose answer was lost, when it is repeated, then it is refused and nothing is written twice", async () => {
    const { store, start, append } = world();
    const head = await start();
    await append(head, aMessage(), aMessage());
    const commit = aCommit(head, { taken: 1 });
    await store.commit(head.executionId, commit);
    await expect(store.commit(head.executionId, commit)).rejects.toThrow(VersionConflictError);
    const read = present(await store.read(head.executionId, { after: 0, inboxLimit: 10 }));
    expect(read.events).toHaveLength(2);
    expect(read.inbox).toHaveLength(1);
  });

  test("given two writers that take facts and record nothing, when both commit, then the second takes none that it did not read", async () => {
    const { store, start, append } = world();
    const head = await start();
    await append(head, aMessage(), aMessage());
    const commit = aCommit(head, { events: [], taken: 2, status: "PENDING" });
    const first = await store.commit(head.executionId, commit);
    const unread = aMessage();
    await append(head, unread);

    await expect(store.commit(head.executionId, commit)).rejects.toThrow(VersionConflictError);

    expect(first).toMatchObject({ head: { version: 1, tip: head.tip, heard: 2 } });
    const read = present(await store.read(head.executionId, { after: 0, inboxLimit: 10 }));
    expect(read.inbox.map(({ id }) => id)).toEqual([unread.id]);
  });

  test("given facts that arrive while it decides, when the taken ones are committed, then the later ones stay, in order", async () => {
    const { store, start, append } = world();
    const head = await start();
    const [first, second, third, fourth] = [aMessage(), aMessage(), aMessage(), aMessage()];
    await append(head, first, second);
    const commit = aCommit(head, { taken: 2 });
    await append(head, third, fourth);
    const committed = await store.commit(head.executionId, commit);
    expect(committed).toMatchObject({ result: "committed", head: { heard: 2 }, unheard: 0 });
    const { inbox } = present(await store.read(head.executionId, { after: 0, inboxLimit: 10 }));
    expect(inbox.map(({ id }) => id)).toEqual([third.id, fourth.id]);
    expect(await store.settle(head.executionId, 2)).toBe(false);
  });

  test("given answers that pour in while it commits, when all is done, then each was taken exactly once", async () => {
    const { store, start, commit } = world();
    const names = Array.from({ length: 60 }, (_, i) => i + 2);
    const lookAt = (await store.now()) + FAR;
    const add = names.map((name) => ({ work: anActivity(name), lookAt }));
    const asked = await commit(await start(), { events: names.map(() => taskRequested()), add });
    const taken: number[] = [];
    const decide = async () => {
      while (taken.length < names.length) {
        const { head, inbox } = present(await store.read(asked.executionId, { after: 0, inboxLimit: 7 }));
        if (inbox.length === 0) continue;
        const answers = inbox.flatMap((fact) => (fact.kind === "answer" ? [fact.asked] : []));
        const decided = aCommit(head, { taken: inbox.length, remove: answers });
        await store.commit(head.executionId, decided);
        taken.push(...answers);
      }
    };
    const answer = async (name: number) => store.append(asked.executionId, anAnswer(name));
    const [, ...results] = await Promise.all([decide(), ...names.map(answer)]);
    expect(new Set(results)).toEqual(new Set(["accepted"]));
    expect([...taken].sort((a, b) => a - b)).toEqual(names);
    expect(present(await store.describe(asked.executionId)).owed).toEqual([]);
  });

  test("given owed work, when commits add and remove, then the entries are exactly what is owed", async () => {
    const { store, start, commit, owed } = world();
    const before = await store.now();
    const lookAt = before + FAR;
    const activity = anActivity(2, { queue: "gpu" });
    const timer = aTimer(3, before + 2 * FAR, { purpose: "timeout" });
    const first = await commit(await start(), {
      events: [taskRequested(), timerScheduled(timer.fireAt), taskRequested()],
      add: [
        { work: activity, lookAt },
        { work: timer, lookAt: timer.fireAt + 5 },
        { work: anActivity(4), lookAt },
      ],
    });
    const fresh = { dispatch: 0, attempt: 0, deaths: 0, answered: false, parked: null, since: expect.any(Number) };
    const entries = await owed(first);
    expect([...entries].sort((a, b) => a.name - b.name)).toEqual([
      { ...activity, ...fresh, lookAt },
      { ...timer, ...fresh, lookAt: timer.fireAt + 5 },
      { ...anActivity(4), ...fresh, lookAt },
    ]);
    const after = await store.now();
    for (const { since } of entries) {
      expect(since).toBeGreaterThanOrEqual(before);
      expect(since).toBeLessThanOrEqual(after);
    }

    const second = await commit(first, { add: [{ work: anActivity(5), lookAt }], remove: [2, 3, 77] });
    expect((await owed(second)).map(({ name }) => name).sort()).toEqual([4, 5]);
    const read = present(await store.read(second.executionId, { after: 0, inboxLimit: 0 }));
    expect([...read.owed].sort((a, b) => a.name - b.name)).toEqual(
      [...(await owed(second))].sort((a, b) => a.name - b.name),
    );
    expect(await store.claim(second.executionId, 2, 1_000)).toBeNull();
  });

  test("given a commit that claims what it asks for, when another claims it, then the first claim counts as a death, unless it was released", async () => {
    const { store, start, commit, owed } = world();
    const lookAt = (await store.now()) + FAR;
    const head = await commit(await start(), {
      events: [taskRequested(), taskRequested()],
      add: [
        { work: anActivity(2), lookAt, claimed: true },
        { work: anActivity(3), lookAt, claimed: true },
      ],
    });
    expect(await owed(head)).toEqual([
      expect.objectContaining({ name: 2, attempt: 1, deaths: 0, lookAt }),
      expect.objectContaining({ name: 3, attempt: 1, deaths: 0, lookAt }),
    ]);
    expect(await store.renew([{ executionId: head.executionId, name: 2 }], 1_000)).toEqual([true]);
    await store.release(head.executionId, 3);
    expect(await store.claim(head.executionId, 2, 1_000)).toMatchObject({ attempt: 2, deaths: 1 });
    expect(await store.claim(head.executionId, 3, 1_000)).toMatchObject({ attempt: 2, deaths: 0 });
  });

  test("given a commit decided without the inbox, when a fact waits there, then it is refused, and it is not once that was taken", async () => {
    const { store, withActivity, append, commit } = world();
    const { head, name } = await withActivity();
    const blind = (of: typeof head) =>
      store.commit(of.executionId, aCommit(of, { events: [taskRequested()], unreadInbox: true }));
    await append(head, anAnswer(name));
    expect(await blind(head)).toEqual({ result: "unread" });
    const taken = await commit(head, { taken: 1, events: [], remove: [name] });
    expect(await blind(taken)).toMatchObject({ result: "committed" });
  });

  test("given a commit decided without the inbox, when the execution rests after a fault or is parked, then it is refused and the count stays", async () => {
    const { store, start, head: now } = world();
    const head = await start();
    const blind = () => store.commit(head.executionId, aCommit(head, { events: [taskRequested()], unreadInbox: true }));
    expect(await store.fault(head.executionId, "error", FAR)).toBe(1);
    expect(await blind()).toEqual({ result: "unread" });
    expect(await now(head)).toMatchObject({ faults: 1 });
  });

  test("given a commit that is to be looked at soon, when nobody settles it, then it needs attention at that time", async () => {
    const { start, commit, attention } = world();
    const head = await commit(await start(), { events: [taskRequested()], lookAfterMs: 0 });
    expect(await attention(head)).toMatchObject({ due: true });
  });

  test("given an answered activity, when a commit removes it and leaves its answer, then the answer can still be taken", async () => {
    const { withActivity, append, commit, events } = world();
    const { head, name } = await withActivity();
    await append(head, anAnswer(name));
    const removed = await commit(head, { remove: [name] });
    const taken = await commit(removed, { taken: 1, events: [] });
    expect(taken).toMatchObject({ version: removed.version, heard: 1 });
    expect(await events(taken)).toHaveLength(removed.version);
  });

  test("given a closing commit, when it is done, then nothing is owed and another of its workflow ID may start", async () => {
    const { store, partitions, withActivity, append, owed, isDue } = world();
    const { head, name } = await withActivity();
    await append(head, anAnswer(name));
    const commit = aCommit(head, { events: [workflowCompleted([1])], taken: 1, status: "COMPLETED" });

    const committed = await store.commit(head.executionId, commit);

    expect(committed).toMatchObject({
      result: "committed",
      unheard: 0,
      head: { status: "COMPLETED", settled: head.settled },
    });
    const endedAt = committed.result === "committed" ? committed.head.endedAt : null;
    expect(endedAt).toBeGreaterThanOrEqual(head.startedAt);
    expect(await owed(head)).toEqual([]);
    expect(await isDue(head)).toBe(true);
    expect(await store.start(aStart(head, partitions))).toMatchObject({ result: "created" });
  });

  test("given unread messages, when a closing commit refuses to leave them, then nothing changed; without that they are counted", async () => {
    const { store, withActivity, append, head: headOf } = world();
    const { head, name } = await withActivity();
    await append(head, aMessage(), anAnswer(name), aMessage(), aMessage());
    const closing = { status: "COMPLETED", taken: 1 } as const;
    const refusing = aCommit(head, { ...closing, refuseUnread: true });

    expect(await store.commit(head.executionId, refusing)).toEqual({ result: "unread" });

    expect(await headOf(head)).toEqual(head);
    const { inbox } = present(await store.read(head.executionId, { after: 0, inboxLimit: 10 }));
    expect(inbox).toHaveLength(4);
    const committed = await store.commit(head.executionId, aCommit(head, closing));
    expect(committed).toMatchObject({ result: "committed", unheard: 2, head: { status: "COMPLETED", heard: 1 } });
    const read = present(await store.read(head.executionId, { after: 0, inboxLimit: 10 }));
    expect(read.inbox).toEqual([]);
  });

  test("given only answers unread, when a closing commit refuses unread messages, then it closes", async () => {
    const { store, withActivity, append } = world();
    const { head, name } = await withActivity();
    await append(head, anAnswer(name));
    const commit = aCommit(head, { status: "CANCELLED", refuseUnread: true });
    expect(await store.commit(head.executionId, commit)).toMatchObject({ result: "committed", unheard: 0 });
  });

  test("given unread messages, when a commit that does not close refuses unread ones, then it is committed", async () => {
    const { store, start, append } = world();
    const head = await start();
    await append(head, aMessage());
    const commit = aCommit(head, { refuseUnread: true });
    expect(await store.commit(head.executionId, commit)).toMatchObject({ result: "committed", unheard: 0 });
  });

  test("given a new execution of the workflow ID, when the one terminated for it is committed by a zombie, then the pointer stays the new one's", async () => {
    const { store, partitions, start } = world();
    const old = await start();
    const fresh = await store.start(aStart(old, partitions, { onOpen: "terminate" }));
    await refused(old, { status: "COMPLETED" });
    const third = await store.start(aStart(old, partitions));
    expect(third).toEqual({ result: "refused", because: "open", head: fresh.head });
  });

  test("given faults and deaths, when it commits, then both are back at 0", async () => {
    const { store, start, commit } = world();
    const head = await start();
    await store.fault(head.executionId, "error", FAR);
    await store.fault(head.executionId, "death", 0);
    expect(await commit(head)).toMatchObject({ faults: 0, deaths: 0, notBefore: 0 });
  });

  test("given a parked execution, when a commit closes it, then it is no longer parked and its word can be sent", async () => {
    const { store, start, commit, isDue } = world();
    const head = await start();
    await store.park(aLetter(head));
    const closed = await commit(head, { status: "CANCELLED" });
    expect(closed.parked).toBeNull();
    expect(await isDue(closed)).toBe(true);
  });

  test("given a snapshot in a commit, when it is read from the start, then the snapshot and only later events are given", async () => {
    const { store, start, commit } = world();
    const first = await start();
    expect(present(await store.read(first.executionId, { after: 0, inboxLimit: 0 })).snapshot).toBeNull();
    const state = { frames: [], context: {}, n: 12345678901234567000, text: "é\u0000", z: 1, a: [null] };
    const second = await commit(first, { events: [taskStarted(), taskStarted()], snapshot: state });
    const third = await commit(second, { events: [taskStarted("later")] });

    const cold = present(await store.read(first.executionId, { after: 0, inboxLimit: 0 }));
    expect(cold.snapshot?.version).toBe(3);
    expect(JSON.stringify(cold.snapshot?.state)).toBe(JSON.stringify(state));
    expect(cold.events.map(({ sequence }) => sequence)).toEqual([4]);
    const whole = present(await store.read(first.executionId, { after: 0, inboxLimit: 0, snapshot: false }));
    expect(whole.snapshot).toBeNull();
    expect(whole.events).toHaveLength(4);
    const warm = present(await store.read(first.executionId, { after: 2, inboxLimit: 0 }));
    expect(warm.snapshot).toBeNull();
    expect(warm.events.map(({ sequence }) => sequence)).toEqual([3, 4]);

    await commit(third, { snapshot: null });
    const latest = present(await store.read(first.executionId, { after: 0, inboxLimit: 0 }));
    expect(latest.snapshot).toEqual({ version: 5, state: null });
    expect(latest.events).toEqual([]);
  });

  test("given events of awkward JSON and of 1 MB, when they are read, then text, order of keys and the hash chain survive", async () => {
    const { start, commit, events } = world();
    const input: Json = {
      zebra: 1,
      alpha: { 10: "ten", 9: "nine", b: [], a: {} },
      empty: [[], {}, [[]], ""],
      numbers: [12345678901234567000, 1e21, 1e-7, 0.1, -1, 2 ** 53],
      text: '\u0000 \u2028 \ud83d\ude80 \ud800 " \\ / {tag} :',
      MEGABYTE,
    };
    const head = await start({ input });
    const after = await commit(head, { events: [taskStarted(input), workflowCompleted([])] });
    const history = await events(after);
    expect(tipOf(history)).toBe(after.tip);
    expect(JSON.stringify(history.map(({ data }) => data))).toBe(
      JSON.stringify(
        [...draftsOf(history.slice(0, 1)), taskStarted(input), workflowCompleted([])].map(({ data }) => data),
      ),
    );
  });

  test("given a thousand events in one commit, when they are read, then all are there", async () => {
    const { start, commit, events } = world();
    const head = await commit(await start(), { events: Array.from({ length: 1_000 }, (_, i) => taskStarted(i)) });
    const history = await events(head);
    expect(history).toHaveLength(1_001);
    expect(tipOf(history)).toBe(head.tip);
  });
}
