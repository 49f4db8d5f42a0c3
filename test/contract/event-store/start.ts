import { expect, test } from "vitest";
import { VersionConflictError } from "../../../src/errors.ts";
import type { StartResult } from "../../../src/ports/event-store.ts";
import { isClosed } from "../../../src/values/status.ts";
import {
  aCommit,
  aDefinitionReference,
  aGroup,
  aLetter,
  aMessage,
  anActivity,
  aStart,
  taskRequested,
} from "../../support/build.ts";
import { eachWorld, FAR, type Open, present, tipOf } from "./world.ts";

const RACERS = Array.from({ length: 25 }, (_, i) => i);
const STRANGE_IDS = [
  "a:b:c",
  "{tag}",
  "x{y}z}",
  'it\'s "quoted" \\ back',
  "100%_done; DROP TABLE x; --",
  "*?[a-z]",
  "Größe 東京 🚀",
  "wait",
  "0",
  "__proto__",
  " leading and trailing ",
  "é".repeat(255),
];

export function startContract(open: Open): void {
  const world = eachWorld(open);

  test("given a number of partitions stored at the first boot, when another is wanted, then the stored one is given", async () => {
    const { store, partitions } = world();
    expect(partitions).toBe(4);
    expect(await store.partitions(9)).toBe(4);
  });

  test("given a running store, when it is asked the time, then it gives whole milliseconds that do not run back", async () => {
    const { store } = world();
    const first = await store.now();
    const second = await store.now();
    expect(Number.isInteger(first)).toBe(true);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(first).toBeGreaterThan(1_700_000_000_000);
  });

  test("given nothing, when an execution starts, then its head, log and due moment are those of a new one", async () => {
    const { store, partitions, isDue, events } = world();
    const command = aStart(aGroup(), partitions, { labels: { team: "a", "app/x": "" }, input: { n: [1, {}, []] } });
    const before = await store.now();

    const started = await store.start(command);

    const after = await store.now();
    const { executionId, tenant, workflowId, definition, labels, tip } = command;
    const { startedAt } = started.head;
    expect(started).toEqual({
      result: "created",
      terminated: null,
      head: {
        ...{ executionId, tenant, workflowId, definition, labels, tip, startedAt },
        ...{ status: "PENDING", version: 1, settled: 0, heard: 0, endedAt: null },
        ...{ faults: 0, deaths: 0, notBefore: 0, parked: null },
      },
    });
    expect(startedAt).toBeGreaterThanOrEqual(before);
    expect(startedAt).toBeLessThanOrEqual(after);
    expect(await events(command)).toEqual([{ ...command.event, at: startedAt }]);
    expect(await store.heads([executionId])).toEqual([started.head]);
    expect(await isDue(started.head)).toBe(true);
    const read = present(await store.read(executionId, { after: 0, inboxLimit: 10 }));
    expect(read).toMatchObject({ snapshot: null, inbox: [], inboxMore: false, owed: [] });
  });

  test("given a started execution, when the same start comes again, then it exists already, before any policy", async () => {
    const { store, partitions, commit, events } = world();
    const command = aStart(aGroup(), partitions, { onOpen: "reject", reuse: "never" });
    const { head } = await store.start(command);
    expect(await store.start(command)).toEqual({ result: "existing", head });
    expect(await store.start({ ...command, onOpen: "terminate" })).toEqual({ result: "existing", head });

    const ended = await commit(head, { status: "COMPLETED" });

    expect(await store.start(command)).toEqual({ result: "existing", head: ended });
    expect(await events(head)).toHaveLength(2);
    expect(await store.executionsOf(command)).toEqual([command.executionId]);
  });

  test("given one open, when another of its workflow ID starts with reject, then it is refused with the open one's head", async () => {
    const { store, partitions, start } = world();
    const head = await start();
    const second = aStart(head, partitions, { onOpen: "reject" });
    expect(await store.start(second)).toEqual({ result: "refused", because: "open", head });
    expect(await store.heads([second.executionId])).toEqual([null]);
    expect(await store.executionsOf(head)).toEqual([head.executionId]);
  });

  test("given one open, when another starts with use-existing, then the open one is given", async () => {
    const { store, partitions, start } = world();
    const head = await start();
    const second = aStart(head, partitions, { onOpen: "use-existing", reuse: "never" });
    expect(await store.start(second)).toEqual({ result: "existing", head });
    expect(await store.heads([second.executionId])).toEqual([null]);
  });

  test("given one open with owed work and facts, when another starts with terminate, then the old one is closed and the new one open", async () => {
    const { store, partitions, withActivity, append, events, isDue, owed } = world();
    const { head: old } = await withActivity();
    await append(old, aMessage());
    const command = aStart(old, partitions, { onOpen: "terminate" });

    const started = await store.start(command);

    expect(started).toMatchObject({ result: "created", terminated: old.executionId });
    const [closed, fresh] = await store.heads([old.executionId, command.executionId]);
    expect(fresh).toEqual(started.head);
    const history = await events(old);
    const last = present(history.at(-1));
    expect(last).toMatchObject({ type: "execution.cancelled", source: "api-service", sequence: old.version + 1 });
    expect(last.data).toMatchObject({ terminated: true });
    expect(closed).toMatchObject({
      status: "CANCELLED",
      version: old.version + 1,
      settled: old.settled,
      tip: tipOf(history),
    });
    expect(closed?.endedAt).toBe(last.at);
    expect(await owed(old)).toEqual([]);
    const read = present(await store.read(old.executionId, { after: 0, inboxLimit: 10 }));
    expect(read.inbox).toEqual([]);
    expect(await isDue(old)).toBe(true);
    expect(await isDue(started.head)).toBe(true);
    expect(await store.executionsOf(old)).toEqual([old.executionId, command.executionId]);
    const third = await store.start(aStart(old, partitions));
    expect(third).toMatchObject({ result: "refused", because: "open", head: { executionId: command.executionId } });
  });

  test("given a parked one open, when another starts with terminate, then the parked one is closed and due again", async () => {
    const { store, partitions, start, isDue } = world();
    const old = await start();
    await store.park(aLetter(old));
    expect(await isDue(old)).toBe(false);
    await store.start(aStart(old, partitions, { onOpen: "terminate" }));
    const [closed] = await store.heads([old.executionId]);
    expect(closed).toMatchObject({ status: "CANCELLED", parked: null });
    expect(await isDue(old)).toBe(true);
  });

  test("given none open, when one starts with terminate, then nothing was terminated", async () => {
    const { store, partitions, start, complete } = world();
    const first = await complete(await start());
    const started = await store.start(aStart(first, partitions, { onOpen: "terminate" }));
    expect(started).toMatchObject({ result: "created", terminated: null });
    expect(await store.heads([first.executionId])).toEqual([first]);
  });

  test("given an ended one, when another starts, then the policy of reuse decides", async () => {
    const { store, partitions, start, complete, fail } = world();
    const completed = await complete(await start());
    const failed = await fail(await start());
    const again = async (head: typeof completed, reuse: "always" | "failed-only" | "never") =>
      store.start(aStart(head, partitions, { reuse }));

    const refused = { result: "refused", because: "reuse" };
    expect(await again(completed, "never")).toEqual({ ...refused, head: completed });
    expect(await again(completed, "failed-only")).toEqual({ ...refused, head: completed });
    expect(await again(completed, "always")).toMatchObject({ result: "created" });
    expect(await again(failed, "never")).toEqual({ ...refused, head: failed });
    expect(await again(failed, "failed-only")).toMatchObject({ result: "created", terminated: null });
  });

  test("given a failed one and a completed one after it, when another starts with failed-only, then the last one counts", async () => {
    const { store, partitions, start, complete, fail } = world();
    const failed = await fail(await start());
    const completed = await complete(await start({ group: groupOf(failed) }));
    const third = await store.start(aStart(failed, partitions, { reuse: "failed-only" }));
    expect(third).toEqual({ result: "refused", because: "reuse", head: completed });
  });

  test.each(["never", "failed-only"] as const)(
    "given one open, when another starts with terminate and reuse %s, then it is refused and the open one runs on",
    async (reuse) => {
      const { store, partitions, start } = world();
      const head = await start();
      const second = await store.start(aStart(head, partitions, { onOpen: "terminate", reuse }));
      expect(second).toEqual({ result: "refused", because: "reuse", head });
      expect(await store.heads([head.executionId])).toEqual([head]);
    },
  );

  test.each(["always", "failed-only", "never"] as const)(
    "given a workflow ID nobody used, when it starts with reuse %s, then it is created",
    async (reuse) => {
      const { store, partitions } = world();
      expect(await store.start(aStart(aGroup(), partitions, { reuse }))).toMatchObject({ result: "created" });
    },
  );

  test("given 25 starts of one workflow ID at once with reject, when all are answered, then exactly one was created", async () => {
    const { store, partitions } = world();
    const group = aGroup();
    const results = await Promise.all(RACERS.map(() => store.start(aStart(group, partitions))));
    const created = results.filter(({ result }) => result === "created");
    expect(created).toHaveLength(1);
    const head = present(created[0]).head;
    const others = results.filter(({ result }) => result !== "created");
    expect(others).toEqual(others.map(() => ({ result: "refused", because: "open", head })));
    expect(await store.executionsOf(group)).toEqual([head.executionId]);
  });

  test("given 25 equal starts at once, when all are answered, then one created what the others found", async () => {
    const { store, partitions } = world();
    const command = aStart(aGroup(), partitions);
    const results = await Promise.all(RACERS.map(() => store.start(command)));
    expect(count(results, "created")).toBe(1);
    expect(count(results, "existing")).toBe(24);
    expect(new Set(results.map(({ head }) => JSON.stringify(head))).size).toBe(1);
  });

  test("given 25 starts at once with terminate, when all are answered, then all were created and exactly one is open", async () => {
    const { store, partitions, events } = world();
    const group = aGroup();
    const options = { onOpen: "terminate" } as const;
    const results = await Promise.all(RACERS.map(() => store.start(aStart(group, partitions, options))));

    expect(count(results, "created")).toBe(25);
    const ids = await store.executionsOf(group);
    expect(new Set(ids).size).toBe(25);
    const heads = (await store.heads(ids)).map(present);
    expect(heads.filter(({ status }) => !isClosed(status)).map(({ executionId }) => executionId)).toEqual(
      ids.slice(-1),
    );
    const terminated = results.flatMap((each) => (each.result === "created" ? [each.terminated] : []));
    expect(new Set(terminated)).toEqual(new Set([null, ...ids.slice(0, -1)]));
    for (const head of heads) expect(tipOf(await events(head))).toBe(head.tip);
  });

  test("given a writer that commits all the time, when another start terminates, then the old log is whole and ends with it", async () => {
    const { store, partitions, start, events } = world();
    let head = await start();
    const writer = (async () => {
      for (let i = 0; i < 2_000; i++) {
        const committed = await store.commit(head.executionId, aCommit(head));
        if (committed.result === "committed") head = committed.head;
      }
      return "never stopped";
    })().catch((error: unknown) => error);

    const started = await store.start(aStart(head, partitions, { onOpen: "terminate" }));

    expect(await writer).toBeInstanceOf(VersionConflictError);
    expect(started).toMatchObject({ result: "created", terminated: head.executionId });
    const history = await events(head);
    expect(history.map(({ sequence }) => sequence)).toEqual(history.map((_, i) => i + 1));
    expect(history.filter(({ type }) => type === "execution.cancelled")).toEqual(history.slice(-1));
    expect((await store.heads([head.executionId]))[0]).toMatchObject({ status: "CANCELLED", tip: tipOf(history) });
  });

  test("given one workflow ID in two tenants, when both start, then neither knows of the other", async () => {
    const { store, start } = world();
    const workflowId = "same";
    const acme = await start({ group: { tenant: "acme", workflowId } });
    const other = await start({ group: { tenant: "other", workflowId } });
    expect(await store.executionsOf(acme)).toEqual([acme.executionId]);
    expect(await store.executionsOf(other)).toEqual([other.executionId]);
    expect(await store.due(acme)).toEqual([acme.executionId]);
  });

  test("given parts that would join to the same text, when both groups start, then they are two", async () => {
    const { store, start } = world();
    const one = await start({ group: { tenant: "a", workflowId: "b:c" } });
    const two = await start({ group: { tenant: "a-b", workflowId: "c" } });
    const three = await start({ group: { tenant: "a", workflowId: "b" } });
    for (const head of [one, two, three]) expect(await store.executionsOf(head)).toEqual([head.executionId]);
  });

  test.each(STRANGE_IDS)(
    "given the workflow ID %s, when it runs to its end, then all operations find it",
    async (workflowId) => {
      const { store, start, append, commit, isDue, owed } = world();
      const labels = { strange: workflowId };
      const definition = aDefinitionReference({ name: "größe:{1}" });
      const started = await start({ group: { tenant: "acme", workflowId }, labels, definition });
      expect(started).toMatchObject({ workflowId, labels, definition });
      expect(await store.executionsOf(started)).toEqual([started.executionId]);
      await append(started, aMessage({ id: workflowId }));
      const task = `/do/0/${workflowId}`;
      const work = anActivity(2, { task, queue: workflowId });
      const lookAt = (await store.now()) + FAR;
      const head = await commit(started, { events: [taskRequested(task)], taken: 1, add: [{ work, lookAt }] });
      expect(await owed(head)).toMatchObject([{ ...work, lookAt }]);
      expect(await store.append(head.executionId, aMessage({ id: workflowId }))).toBe("duplicate");
      const letter = aLetter(head, { kind: "activity", name: 2, task });
      await store.park(letter);
      expect(await store.letter("acme", letter.id)).toMatchObject(letter);
      expect(await isDue(head)).toBe(true);
      const ended = await commit(head, { status: "COMPLETED" });
      expect(ended).toMatchObject({ workflowId, labels, definition });
    },
  );
}

function groupOf({ tenant, workflowId }: { tenant: string; workflowId: string }) {
  return { tenant, workflowId };
}

function count(results: readonly StartResult[], result: StartResult["result"]): number {
  return results.filter((each) => each.result === result).length;
}
