import { expect, test } from "vitest";
import { aGroup, aMessage, anActivity, anExecutionId, taskRequested, taskStarted } from "../../support/build.ts";
import { eachWorld, FAR, type Open, present } from "./world.ts";

export function readingContract(open: Open): void {
  const world = eachWorld(open);

  test("given an execution nobody started, when it is read, then there is nothing", async () => {
    const { store, partitions } = world();
    const group = aGroup();
    const executionId = anExecutionId(group, partitions);
    expect(await store.read(executionId, { after: 0, inboxLimit: 10 })).toBeNull();
    expect(await store.describe(executionId)).toBeNull();
    expect(await store.history(executionId, { after: 0, limit: 10, order: "asc" })).toBeNull();
    expect(await store.history(executionId, { after: 0, limit: 10, order: "desc" })).toBeNull();
    expect(await store.heads([executionId])).toEqual([null]);
    expect(await store.executionsOf(group)).toEqual([]);
    expect(await store.due(group)).toEqual([]);
  });

  test("given a log, when it is read after a version, then only later events come, with head and the store's time", async () => {
    const { store, start, commit } = world();
    const head = await commit(await start(), { events: [taskStarted(1), taskStarted(2)] });
    const before = await store.now();
    const read = present(await store.read(head.executionId, { after: 1, inboxLimit: 10 }));
    expect(read.head).toEqual(head);
    expect(read.events.map(({ sequence }) => sequence)).toEqual([2, 3]);
    expect(read.readAt).toBeGreaterThanOrEqual(before);
    const upToDate = present(await store.read(head.executionId, { after: 3, inboxLimit: 10 }));
    expect(upToDate.events).toEqual([]);
  });

  test("given executions of a group, when what is due is asked with a guess, then the guess is read if it is due", async () => {
    const { store, start, rest, commit, append } = world();
    const head = await commit(await start(), { events: [taskStarted(1)] });
    const options = { after: 1, inboxLimit: 10 };
    await append(head, aMessage());
    const found = await store.dueAndRead(head, head.executionId, options);
    expect(found.due).toEqual([head.executionId]);
    const log = present(found.log);
    expect(log).toMatchObject({ head, inboxMore: false, inbox: [{ kind: "message" }] });
    expect(log.events.map(({ sequence }) => sequence)).toEqual([2]);
    const resting = await rest(await start(), { events: [taskStarted(1)] });
    expect(await store.dueAndRead(resting, resting.executionId, options)).toEqual({ due: [], log: null });
    const unknown = { due: [head.executionId], log: null };
    expect(await store.dueAndRead(head, resting.executionId, options)).toEqual(unknown);
  });

  test("given a reader that is ahead of the log, when it reads, then the head tells and no event comes", async () => {
    const { store, start } = world();
    const head = await start();
    const read = present(await store.read(head.executionId, { after: 9, inboxLimit: 10 }));
    expect(read).toMatchObject({ head: { version: 1 }, events: [], snapshot: null });
  });

  test("given an execution with everything, when it is described, then head, first, last, owed, inbox and time are given", async () => {
    const { store, start, rest, append, events } = world();
    const lookAt = (await store.now()) + FAR;
    const head = await rest(await start(), {
      events: [taskStarted(), taskRequested(), taskRequested()],
      add: [
        { work: anActivity(3), lookAt },
        { work: anActivity(4), lookAt },
      ],
    });
    await append(head, aMessage(), aMessage());
    const description = present(await store.describe(head.executionId));
    const history = await events(head);
    expect(description).toMatchObject({ head, first: history[0], last: history.at(-1), inbox: 2 });
    expect(description.owed.map(({ name }) => name).sort()).toEqual([3, 4]);
    expect(description.now).toBeGreaterThanOrEqual(head.startedAt);
  });

  test("given an execution that only started, when it is described, then its first event is its last", async () => {
    const { store, start } = world();
    const head = await start();
    const { first, last } = present(await store.describe(head.executionId));
    expect(first.type).toBe("execution.started");
    expect(last).toEqual(first);
  });

  test("given several executions, when their heads are asked for, then each is at its place, and unknown ones are null", async () => {
    const { store, partitions, start } = world();
    const [a, b] = [await start(), await start()];
    const unknown = anExecutionId(aGroup(), partitions);
    const ids = [b.executionId, unknown, a.executionId, b.executionId];
    expect(await store.heads(ids)).toEqual([b, null, a, b]);
    expect(await store.heads([])).toEqual([]);
    const many = await Promise.all(Array.from({ length: 40 }, () => start()));
    expect(await store.heads(many.map(({ executionId }) => executionId))).toEqual(many);
  });

  test("given a history, when it is paged, then pages follow each other in both orders", async () => {
    const { store, start, commit } = world();
    const head = await commit(await start(), { events: Array.from({ length: 9 }, (_, i) => taskStarted(i)) });
    const page = async (order: "asc" | "desc", after: number, limit: number) => {
      const events = present(await store.history(head.executionId, { order, after, limit }));
      return events.map(({ sequence }) => sequence);
    };
    expect(await page("asc", 0, 4)).toEqual([1, 2, 3, 4]);
    expect(await page("asc", 4, 4)).toEqual([5, 6, 7, 8]);
    expect(await page("asc", 8, 4)).toEqual([9, 10]);
    expect(await page("asc", 10, 4)).toEqual([]);
    expect(await page("desc", 0, 4)).toEqual([10, 9, 8, 7]);
    expect(await page("desc", 7, 4)).toEqual([6, 5, 4, 3]);
    expect(await page("desc", 3, 4)).toEqual([2, 1]);
    expect(await page("desc", 1, 4)).toEqual([]);
    expect(await store.history(head.executionId, { order: "asc", after: 0, limit: 100 })).toEqual(
      present(await store.read(head.executionId, { after: 0, inboxLimit: 0 })).events,
    );
  });

  test("given several executions of a workflow ID, when they are asked for, then the oldest comes first", async () => {
    const { store, start, complete } = world();
    const group = aGroup();
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) ids.push((await complete(await start({ group }))).executionId);
    expect(await store.executionsOf(group)).toEqual(ids);
  });

  test("given a store, when it is asked, then it names its durability", async () => {
    expect(["process", "disk", "replicated"]).toContain(await world().store.durability());
  });
}
