import { expect, test } from "vitest";
import type { DeadLetter, NewDeadLetter } from "../../../src/ports/event-store.ts";
import { partitionOfExecution } from "../../../src/values/ids.ts";
import { aGroup, aLetter, aMessage, anAnswer, aStart } from "../../support/build.ts";
import { eachWorld, FAR, type Open, past, present } from "./world.ts";

export function letterContract(open: Open): void {
  const world = eachWorld(open);
  const openOf = async ({ executionId }: { readonly executionId: string }) => {
    const letters = await world().store.openLetters(partitionOfExecution(executionId), 100);
    return letters.filter((letter) => letter.executionId === executionId);
  };

  test("given an engine fault, when its letter is written, then the letter is kept and the execution is parked", async () => {
    const { store, start, append, isDue, head: headOf } = world();
    const head = await start();
    await append(head, aMessage());
    const letter = aLetter(head);
    const before = await store.now();

    await store.park(letter);

    const kept = await store.letter("acme", letter.id);
    expect(kept).toEqual({ ...letter, parkedAt: expect.any(Number), redrivenAt: null });
    expect(kept?.parkedAt).toBeGreaterThanOrEqual(before);
    expect(await headOf(head)).toMatchObject({ parked: letter.id });
    expect(await isDue(head)).toBe(false);
    expect(await openOf(head)).toEqual([kept]);
  });

  test("given a letter, when it is asked for by another tenant or another id, then there is none", async () => {
    const { store, start } = world();
    const letter = aLetter(await start());
    await store.park(letter);
    expect(await store.letter("other", letter.id)).toBeNull();
    expect(await store.letter("acme", `${letter.id}0`)).toBeNull();
    expect(await store.letter("acme", "nonsense")).toBeNull();
    expect(await store.unpark("other", letter.id)).toEqual({ result: "unknown" });
    expect(await store.removeLetter("other", letter.id)).toBe("unknown");
    expect(await store.letter("acme", letter.id)).not.toBeNull();
  });

  test("given a letter that was written, when it is written again, then the first stays", async () => {
    const { store, start } = world();
    const head = await start();
    const letter = aLetter(head);
    await store.park(letter);
    const kept = await store.letter("acme", letter.id);
    await store.park({ ...letter, attempts: 9 });
    expect(await store.letter("acme", letter.id)).toEqual(kept);
    expect(await openOf(head)).toHaveLength(1);
  });

  test("given a parked execution, when its letter is redriven, then it is due with no faults, once", async () => {
    const { store, start, isDue, attended, head: headOf } = world();
    const head = await start();
    await store.fault(head.executionId, "error", FAR);
    await store.fault(head.executionId, "death", 0);
    const letter = aLetter(head);
    await store.park(letter);
    const before = await store.now();

    const redriven = await store.unpark("acme", letter.id);

    const after = { ...letter, parkedAt: expect.any(Number), redrivenAt: expect.any(Number) };
    expect(redriven).toEqual({ result: "redriven", letter: after });
    const kept = present(await store.letter("acme", letter.id));
    expect(kept).toEqual(after);
    expect(kept.redrivenAt).toBeGreaterThanOrEqual(before);
    expect(await headOf(head)).toMatchObject({ parked: null, faults: 0, deaths: 0, notBefore: 0 });
    expect(await isDue(head)).toBe(true);
    expect(await attended(head)).toMatchObject({ due: true });
    expect(await openOf(head)).toEqual([]);
    expect(await store.unpark("acme", letter.id)).toEqual({ result: "already-redriven" });
  });

  test("given a redriven letter, when its parking comes late again, then nothing is parked", async () => {
    const { store, start, isDue, head: headOf } = world();
    const head = await start();
    const letter = aLetter(head);
    await store.park(letter);
    await store.unpark("acme", letter.id);
    await store.park(letter);
    expect(await headOf(head)).toMatchObject({ parked: null });
    expect(await isDue(head)).toBe(true);
    expect(await openOf(head)).toEqual([]);
  });

  test("given 20 redrives at once, when all are answered, then one redrove", async () => {
    const { store, start } = world();
    const letter = aLetter(await start());
    await store.park(letter);
    const results = await Promise.all(Array.from({ length: 20 }, () => store.unpark("acme", letter.id)));
    expect(results.filter(({ result }) => result === "redriven")).toHaveLength(1);
    expect(results.filter(({ result }) => result === "already-redriven")).toHaveLength(19);
  });

  test("given an activity whose process died, when it is parked, then only its entry is", async () => {
    const { store, withActivity, owed, attention, head: headOf } = world();
    const { head, name } = await withActivity();
    await store.claim(head.executionId, name, 1);
    const letter = aLetter(head, { kind: "activity", name, task: "/do/0/step" });
    await store.park(letter);
    expect(await owed(head)).toMatchObject([{ name, parked: letter.id, attempt: 1 }]);
    expect(await headOf(head)).toEqual(head);
    await past(store, (await store.now()) + 500);
    expect(await attention(head)).toBeUndefined();
    expect(await store.settle(head.executionId, head.version)).toBe(true);
    expect(await attention(head)).toBeUndefined();
  });

  test("given a parked activity, when it is redriven, then somebody looks at it now and no deaths count", async () => {
    const { store, withActivity, owed, attended } = world();
    const { head, name } = await withActivity();
    await store.claim(head.executionId, name, FAR);
    await store.claim(head.executionId, name, FAR);
    const letter = aLetter(head, { kind: "activity", name, task: "/do/0/step" });
    await store.park(letter);

    expect(await store.unpark("acme", letter.id)).toMatchObject({ result: "redriven", letter: { id: letter.id } });

    expect(await owed(head)).toMatchObject([{ name, parked: null, attempt: 2, deaths: 0 }]);
    expect((await attended(head)).owed).toMatchObject([{ name }]);
    expect(await store.claim(head.executionId, name, FAR)).toMatchObject({ attempt: 3, deaths: 0 });
    expect(await store.unpark("acme", letter.id)).toEqual({ result: "already-redriven" });
  });

  test("given a parked activity, when a late answer comes, then it is accepted and its letter has ended", async () => {
    const { store, withActivity, append, isDue } = world();
    const { head, name } = await withActivity();
    const letter = aLetter(head, { kind: "activity", name, task: "/do/0/step" });
    await store.park(letter);
    await append(head, anAnswer(name));
    expect(await isDue(head)).toBe(true);
    expect(await store.unpark("acme", letter.id)).toEqual({ result: "ended" });
  });

  test("given a parked execution or activity that ended, when its letter is redriven, then it has ended", async () => {
    const { store, withActivity, commit } = world();
    const { head, name } = await withActivity();
    const engine = aLetter(head);
    const activity = aLetter(head, { kind: "activity", name, task: "/do/0/step" });
    await store.park(engine);
    await store.park(activity);
    await commit(head, { status: "CANCELLED" });
    expect(await store.unpark("acme", engine.id)).toEqual({ result: "ended" });
    expect(await store.unpark("acme", activity.id)).toEqual({ result: "ended" });
    expect(await store.letter("acme", engine.id)).toMatchObject({ redrivenAt: null });
  });

  test("given a failed execution, when its letter is redriven, then it is open again with a retry in its inbox", async () => {
    const { store, partitions, start, fail, isDue, attended } = world();
    const failed = await fail(await start());
    const letter = aLetter(failed, { kind: "execution", task: "/do/0/step" });
    await store.park(letter);
    expect(await isDue(failed)).toBe(false);

    const redriven = await store.unpark("acme", letter.id);

    expect(redriven).toMatchObject({ result: "redriven", letter: { id: letter.id } });
    const read = present(await store.read(failed.executionId, { after: 0, inboxLimit: 10 }));
    const { version, tip } = failed;
    expect(read.head).toMatchObject({ status: "RUNNING", version, tip, endedAt: null, parked: null });
    expect(read.inbox).toMatchObject([{ kind: "message", message: { type: "retry", letter: letter.id } }]);
    expect(await isDue(failed)).toBe(true);
    const second = await store.start(aStart(failed, partitions));
    expect(second).toMatchObject({ result: "refused", because: "open", head: { executionId: failed.executionId } });
    expect(await attended(failed)).toMatchObject({ due: true });
    expect(await store.unpark("acme", letter.id)).toEqual({ result: "already-redriven" });
    expect(present(await store.read(failed.executionId, { after: 0, inboxLimit: 10 })).inbox).toHaveLength(1);
  });

  test("given an execution that failed, was redriven and failed again, when the second letter is redriven, then it is open again", async () => {
    const { store, start, fail, commit } = world();
    const failed = await fail(await start());
    const first = aLetter(failed, { kind: "execution" });
    await store.park(first);
    await store.unpark("acme", first.id);
    const [reopened] = await store.heads([failed.executionId]);
    const again = await commit(present(reopened), { taken: 1, status: "FAILED" });
    const second = aLetter(again, { kind: "execution" });
    await store.park(second);
    expect(await store.unpark("acme", second.id)).toMatchObject({ result: "redriven" });
    const { head, inbox } = present(await store.read(failed.executionId, { after: 0, inboxLimit: 10 }));
    expect(head.status).toBe("RUNNING");
    expect(inbox).toMatchObject([{ message: { type: "retry", letter: second.id } }]);
  });

  test("given another open execution of the workflow ID, when the failed one is redriven, then the workflow ID is taken, until it ends", async () => {
    const { store, start, fail, complete, head: headOf } = world();
    const failed = await fail(await start());
    const letter = aLetter(failed, { kind: "execution" });
    await store.park(letter);
    const { tenant, workflowId } = failed;
    const other = await start({ group: { tenant, workflowId } });
    expect(await store.unpark("acme", letter.id)).toEqual({ result: "workflow-id-taken" });
    expect(await headOf(failed)).toEqual(failed);
    expect(await store.letter("acme", letter.id)).toMatchObject({ redrivenAt: null });
    await complete(other);
    expect(await store.unpark("acme", letter.id)).toMatchObject({ result: "redriven" });
  });

  test("given an execution that completed, when a letter of kind execution is redriven, then it has ended", async () => {
    const { store, start, complete } = world();
    const completed = await complete(await start());
    const letter = aLetter(completed, { kind: "execution" });
    await store.park(letter);
    expect(await store.unpark("acme", letter.id)).toEqual({ result: "ended" });
  });

  test("given letters nobody wrote, when they are redriven or removed, then they are unknown", async () => {
    const { store, start } = world();
    const { id } = aLetter(await start());
    for (const letterId of [id, "nonsense"]) {
      expect(await store.unpark("acme", letterId)).toEqual({ result: "unknown" });
      expect(await store.removeLetter("acme", letterId)).toBe("unknown");
    }
  });

  test("given letters, when they are removed, then only those that stop something open are kept", async () => {
    const { store, withActivity, fail, start } = world();
    const { head, name } = await withActivity();
    const engine = aLetter(head);
    const activity = aLetter(head, { kind: "activity", name });
    const failed = aLetter(await fail(await start()), { kind: "execution" });
    for (const letter of [engine, activity, failed]) await store.park(letter);

    expect(await store.removeLetter("acme", engine.id)).toBe("open");
    expect(await store.removeLetter("acme", activity.id)).toBe("open");
    expect(await store.removeLetter("acme", failed.id)).toBe("removed");
    await store.unpark("acme", engine.id);
    await store.unpark("acme", activity.id);
    expect(await store.removeLetter("acme", engine.id)).toBe("removed");
    expect(await store.removeLetter("acme", activity.id)).toBe("removed");

    expect(await store.removeLetter("acme", engine.id)).toBe("unknown");
    expect(await store.letter("acme", engine.id)).toBeNull();
    expect((await store.letters("acme", { limit: 10 })).items).toEqual([]);
    expect(await openOf({ executionId: failed.executionId })).toEqual([]);
  });

  test("given letters of a parked execution that ended, when they are removed, then they are gone", async () => {
    const { store, withActivity, commit } = world();
    const { head, name } = await withActivity();
    const letters = [aLetter(head), aLetter(head, { kind: "activity", name })];
    for (const letter of letters) await store.park(letter);
    await commit(head, { status: "CANCELLED" });
    for (const { id } of letters) expect(await store.removeLetter("acme", id)).toBe("removed");
  });

  test("given letters over all partitions, when they are listed, then pages give each once, newest first, of one tenant", async () => {
    const { store, start } = world();
    const written: NewDeadLetter[] = [];
    for (let i = 0; i < 25; i++) {
      const letter = aLetter(await start());
      await store.park(letter);
      written.push(letter);
    }
    const others = aLetter(await start({ group: aGroup({ tenant: "other" }) }));
    await store.park(others);

    const pages: (readonly DeadLetter[])[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.letters("acme", cursor === undefined ? { limit: 10 } : { limit: 10, cursor });
      pages.push(page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined);

    expect(pages.map((page) => page.length)).toEqual([10, 10, 5]);
    const listed = pages.flat();
    expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(written.map(({ id }) => id)));
    const times = listed.map(({ parkedAt }) => parkedAt);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect((await store.letters("other", { limit: 10 })).items).toMatchObject([others]);
    expect(await store.letters("nobody", { limit: 10 })).toEqual({ items: [] });
  });

  test("given a page that ends with the last letter, when it is given, then there is no cursor", async () => {
    const { store, start } = world();
    for (let i = 0; i < 2; i++) await store.park(aLetter(await start()));
    const page = await store.letters("acme", { limit: 2 });
    expect(page.items).toHaveLength(2);
    expect(page.nextCursor).toBeUndefined();
  });

  test("given a cursor that no page gave, when letters are listed, then it is refused", async () => {
    await expect(world().store.letters("acme", { limit: 2, cursor: "nonsense" })).rejects.toThrow(RangeError);
  });

  test("given open letters of several tenants in a partition, when they are asked for, then the oldest come first and redriven ones are left out", async () => {
    const { store, partitions, start } = world();
    const ids: string[] = [];
    for (let i = 0; i < 12; i++) {
      const head = await start({ group: aGroup({ tenant: i % 2 ? "acme" : "other" }) });
      const letter = aLetter(head);
      await store.park(letter);
      if (i === 5) await store.unpark(head.tenant, letter.id);
      else ids.push(letter.id);
    }
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const found = await Promise.all(all.map((partition) => store.openLetters(partition, 100)));
    expect(new Set(found.flat().map(({ id }) => id))).toEqual(new Set(ids));
    for (const letters of found) {
      const times = letters.map(({ parkedAt }) => parkedAt);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    const crowded = present(found.find((letters) => letters.length > 1));
    const partition = found.indexOf(crowded);
    expect(await store.openLetters(partition, 1)).toEqual(crowded.slice(0, 1));
    expect(await store.openLetters(partition, 1, 1)).toEqual(crowded.slice(1, 2));
  });
}
