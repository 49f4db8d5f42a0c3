import { describe, expect, test } from "vitest";
import type { ExecutionHead } from "../../../src/ports/event-store.ts";
import type { ExpiredExecution, Retention } from "../../../src/ports/retention.ts";
import { partitionOfExecution } from "../../../src/values/ids.ts";
import { aDefinitionReference, aLetter, aMessage, anActivity, aStart, taskRequested } from "../../support/build.ts";
import { eachWorld, FAR, type Open, present } from "./world.ts";

/** Everything that has ended is old enough. */
const AT_ONCE: Retention = { closedForMs: 0, letteredForMs: 0 };
const LETTERS_FOR_EVER: Retention = { closedForMs: 0, letteredForMs: Number.POSITIVE_INFINITY };

export function retentionContract(open: Open): void {
  const world = eachWorld(open);
  const expireIn = (of: ExecutionHead, retention = AT_ONCE, limit = 100) =>
    world().store.expire(partitionOfExecution(of.executionId), retention, limit);
  const confirm = (expired: readonly ExpiredExecution[]) =>
    Promise.all(
      expired.map(({ executionId }) => world().store.forgotten(partitionOfExecution(executionId), [executionId])),
    );
  const isThere = async ({ executionId }: ExecutionHead) => (await world().store.heads([executionId]))[0] !== null;

  test("given an execution with all that one can leave, when its time is over, then nothing of it is left", async () => {
    const { store, start, rest, append, complete } = world();
    const started = await start();
    await append(started, aMessage({ id: "told" }));
    const lookAt = (await store.now()) + FAR;
    const working = await rest(started, {
      taken: 1,
      events: [taskRequested()],
      add: [{ work: anActivity(2), lookAt }],
      snapshot: { some: "state" },
    });
    const letter = aLetter(working, { kind: "activity", name: 2 });
    await store.park(letter);
    const closed = await complete(working);
    const { tenant, workflowId, executionId, definition, startedAt } = closed;

    const expired = await expireIn(closed);

    const letters = [{ id: letter.id, open: true }];
    expect(expired).toEqual([
      expect.objectContaining({ executionId, tenant, workflowId, definition, startedAt, letters }),
    ]);
    expect(await isThere(closed)).toBe(false);
    expect(await store.read(executionId, { after: 0, inboxLimit: 10 })).toBeNull();
    expect(await store.describe(executionId)).toBeNull();
    expect(await store.history(executionId, { after: 0, limit: 10, order: "asc" })).toBeNull();
    expect(await store.executionsOf({ tenant, workflowId })).toEqual([]);
    expect(await store.letter(tenant, letter.id)).toBeNull();
    expect((await store.letters(tenant, { limit: 10 })).items).toEqual([]);
    expect(await store.openLetters(partitionOfExecution(executionId), 10)).toEqual([]);
    expect(await store.append(executionId, aMessage({ id: "told" }))).toBe("unknown");
    expect(await store.areNamed(tenant, [definition.digest])).toEqual([false]);
  });

  test("given executions that are open, closed but not settled, or not old enough, when others expire, then they stay", async () => {
    const { store, start, commit, complete } = world();
    const opened = await start();
    const unsettled = await commit(await start(), { status: "CANCELLED" });
    for (const head of [opened, unsettled]) expect(await expireIn(head)).toEqual([]);
    expect(await store.settle(unsettled.executionId, unsettled.version)).toBe(true);
    expect(await expireIn(unsettled)).toMatchObject([{ executionId: unsettled.executionId }]);
    await confirm(await expireIn(unsettled));

    const young = await complete(await start());
    expect(await expireIn(young, { closedForMs: FAR, letteredForMs: FAR })).toEqual([]);
    expect(await expireIn(young, { closedForMs: Number.POSITIVE_INFINITY, letteredForMs: 0 })).toEqual([]);
    for (const head of [opened, young]) expect(await isThere(head)).toBe(true);
  });

  test("given an execution that another start terminated, when it is settled and its time is over, then it goes and the other stays", async () => {
    const { store, partitions, start, head } = world();
    const first = await start();
    const second = await store.start(aStart(first, partitions, { onOpen: "terminate" }));
    const terminated = await head(first);
    expect(await expireIn(terminated)).toEqual([]);
    expect(await store.settle(terminated.executionId, terminated.version)).toBe(true);
    expect(await expireIn(terminated)).toMatchObject([{ executionId: first.executionId }]);
    expect(await store.executionsOf(first)).toEqual([second.head.executionId]);
    expect(await isThere(second.head)).toBe(true);
    const third = await store.start(aStart(first, partitions));
    expect(third).toMatchObject({ result: "refused", because: "open" });
  });

  test("given an expired run of a workflow ID, when another is started, then the reuse policy knows only of those that are kept", async () => {
    const { store, partitions, start, complete, fail } = world();
    const old = await complete(await start());
    const { tenant, workflowId } = old;
    await expireIn(old);
    const first = await store.start(aStart({ tenant, workflowId }, partitions, { reuse: "never" }));
    expect(first).toMatchObject({ result: "created" });
    await fail(first.head);
    const kept = await complete(await start({ group: { tenant, workflowId }, reuse: "failed-only" }));
    expect(await store.start(aStart({ tenant, workflowId }, partitions, { reuse: "failed-only" }))).toMatchObject({
      result: "refused",
      because: "reuse",
      head: { executionId: kept.executionId },
    });
    expect(await store.executionsOf({ tenant, workflowId })).toEqual([first.head.executionId, kept.executionId]);
  });

  test("given more than the limit, when they expire, then the oldest go first, and none while nobody confirms", async () => {
    const { start, complete } = world();
    const first = await start();
    const heads = [await complete(first)];
    while (heads.length < 5) {
      const head = await start();
      if (partitionOfExecution(head.executionId) === partitionOfExecution(first.executionId)) {
        heads.push(await complete(head));
      }
    }
    const idsOf = (expired: readonly ExpiredExecution[]) => expired.map(({ executionId }) => executionId).sort();
    const oldest = heads.slice(0, 2).map(({ executionId }) => executionId);

    const expired = await expireIn(first, AT_ONCE, 2);
    expect(idsOf(expired)).toEqual([...oldest].sort());
    expect(idsOf(await expireIn(first, AT_ONCE, 2))).toEqual(idsOf(expired));

    await confirm(expired);
    await confirm(expired);
    const next = await expireIn(first, AT_ONCE, 100);
    expect(idsOf(next)).toEqual(
      heads
        .slice(2)
        .map(({ executionId }) => executionId)
        .sort(),
    );
    await confirm(next);
    expect(await expireIn(first)).toEqual([]);
  });

  describe("dead letters", () => {
    test("given a failed execution with an open letter, when only closed ones expire, then both stay, until the letter's time is over", async () => {
      const { store, start, fail } = world();
      const failed = await fail(await start());
      const letter = aLetter(failed, { kind: "execution" });
      await store.park(letter);
      expect(await expireIn(failed, LETTERS_FOR_EVER)).toEqual([]);
      expect(await store.letter("acme", letter.id)).not.toBeNull();
      expect(await expireIn(failed, { closedForMs: FAR, letteredForMs: 0 })).toEqual([]);
      expect(await expireIn(failed)).toMatchObject([{ letters: [{ id: letter.id, open: true }] }]);
      expect(await store.unpark("acme", letter.id)).toEqual({ result: "unknown" });
      expect(await store.removeLetter("acme", letter.id)).toBe("unknown");
    });

    test("given a letter written before its execution is settled, when only closed ones expire, then both stay", async () => {
      const { store, start, commit } = world();
      const failed = await commit(await start(), { status: "FAILED" });
      await store.park(aLetter(failed, { kind: "execution" }));
      expect(await store.settle(failed.executionId, failed.version)).toBe(true);
      expect(await expireIn(failed, LETTERS_FOR_EVER)).toEqual([]);
      expect(await isThere(failed)).toBe(true);
    });

    test("given a letter that was discarded, when closed ones expire, then its execution goes", async () => {
      const { store, start, fail } = world();
      const failed = await fail(await start());
      const letter = aLetter(failed, { kind: "execution" });
      await store.park(letter);
      expect(await store.removeLetter("acme", letter.id)).toBe("removed");
      expect(await expireIn(failed, LETTERS_FOR_EVER)).toMatchObject([{ letters: [] }]);
    });

    test("given a redriven execution, when others expire, then it stays, and goes with its letter once it has ended again", async () => {
      const { store, start, fail, rest, head } = world();
      const failed = await fail(await start());
      const letter = aLetter(failed, { kind: "execution" });
      await store.park(letter);
      await store.unpark("acme", letter.id);
      expect(await expireIn(failed)).toEqual([]);
      const reopened = await head(failed);
      await rest(reopened, { taken: 1, status: "COMPLETED" });
      expect(await expireIn(failed, LETTERS_FOR_EVER)).toMatchObject([{ letters: [{ id: letter.id, open: false }] }]);
      expect(await store.letter("acme", letter.id)).toBeNull();
    });

    test("given failed executions, when each is redriven and expires at the same moment, then it is either whole and open or gone", async () => {
      const { store, start, fail } = world();
      for (let i = 0; i < 20; i++) {
        const failed = await fail(await start());
        const letter = aLetter(failed, { kind: "execution" });
        await store.park(letter);
        const [{ result }, expired] = await Promise.all([store.unpark("acme", letter.id), expireIn(failed)]);
        await confirm(expired);
        expect(expired).toHaveLength(result === "redriven" ? 0 : 1);
        expect(result).toBe(expired.length === 0 ? "redriven" : "unknown");
        const read = await store.read(failed.executionId, { after: 0, inboxLimit: 10 });
        if (result === "redriven") {
          expect(present(read).inbox).toHaveLength(1);
          expect(present(read).events).toHaveLength(failed.version);
        } else expect(read).toBeNull();
      }
    });
  });

  test("given executions of definitions, when it is asked which are named, then those of executions that are kept, of that tenant", async () => {
    const { store, start, complete } = world();
    const [one, two] = ["a".repeat(64), "b".repeat(64)];
    const first = await start({ definition: aDefinitionReference({ digest: one }), labels: { 'x"': '{"digest":1}' } });
    const second = await start({ definition: aDefinitionReference({ digest: one }) });
    expect(await store.areNamed("acme", [two, one])).toEqual([false, true]);
    expect(await store.areNamed("other", [one])).toEqual([false]);
    expect(await store.areNamed("acme", [])).toEqual([]);
    await expireIn(await complete(first));
    expect(await store.areNamed("acme", [one])).toEqual([true]);
    await expireIn(await complete(second));
    expect(await store.areNamed("acme", [one])).toEqual([false]);
  });
}
