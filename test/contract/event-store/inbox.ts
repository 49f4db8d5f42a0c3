import { expect, test } from "vitest";
import { aGroup, aMessage, anActivity, anAnswer, anExecutionId, taskRequested } from "../../support/build.ts";
import { eachWorld, FAR, type Open, present } from "./world.ts";

const MEGABYTE = "x".repeat(1_048_576);

export function inboxContract(open: Open): void {
  const world = eachWorld(open);
  const inboxOf = async (executionId: string, inboxLimit = 100) => {
    const { inbox, inboxMore } = present(await world().store.read(executionId, { after: 0, inboxLimit }));
    return { inbox, inboxMore };
  };

  test("given an open execution, when facts are appended, then they wait in order, stamped with the store's time", async () => {
    const { store, withActivity, append } = world();
    const { head, name } = await withActivity();
    const facts = [aMessage(), anAnswer(name, { ok: [{}, []] }), aMessage({ message: { type: "cancel" } })];
    const before = await store.now();
    await append(head, ...facts);
    const after = await store.now();
    const { inbox, inboxMore } = await inboxOf(head.executionId);
    expect(inbox).toEqual(facts.map((fact) => ({ ...fact, at: expect.any(Number) })));
    expect(inboxMore).toBe(false);
    for (const { at } of inbox) {
      expect(at).toBeGreaterThanOrEqual(before);
      expect(at).toBeLessThanOrEqual(after);
    }
  });

  test("given more facts than asked for, when it is read, then the first are given and more is said to wait", async () => {
    const { start, append } = world();
    const head = await start();
    const facts = [aMessage(), aMessage(), aMessage()];
    await append(head, ...facts);
    const first = await inboxOf(head.executionId, 2);
    expect(first.inbox.map(({ id }) => id)).toEqual(facts.slice(0, 2).map(({ id }) => id));
    expect(first.inboxMore).toBe(true);
    expect((await inboxOf(head.executionId, 3)).inboxMore).toBe(false);
    expect(await inboxOf(head.executionId, 0)).toEqual({ inbox: [], inboxMore: true });
  });

  test("given a settled execution, when a fact is appended, then it is due again", async () => {
    const { store, withActivity, append, isDue } = world();
    const { head } = await withActivity();
    expect(await isDue(head)).toBe(false);
    await append(head, aMessage());
    expect(await isDue(head)).toBe(true);
    expect(await store.settle(head.executionId, head.version)).toBe(false);
    expect(await isDue(head)).toBe(true);
  });

  test("given a message in the inbox, when its id comes again, then it is a duplicate, also after it was taken or the execution ended", async () => {
    const { store, start, append, commit } = world();
    const message = aMessage();
    const other = { ...message, message: { type: "cancel" as const } };
    const head = await start();
    await append(head, message);
    expect(await store.append(head.executionId, other)).toBe("duplicate");
    const taken = await commit(head, { taken: 1 });
    expect(await store.append(head.executionId, other)).toBe("duplicate");
    expect((await inboxOf(head.executionId)).inbox).toEqual([]);
    await commit(taken, { status: "COMPLETED" });
    expect(await store.append(head.executionId, other)).toBe("duplicate");
  });

  test("given one message id, when two executions get it, then both accept it", async () => {
    const { start, append } = world();
    const message = aMessage();
    await append(await start(), message);
    await append(await start(), message);
  });

  test("given 25 equal messages at once, when all are answered, then one was accepted", async () => {
    const { store, start } = world();
    const head = await start();
    const message = aMessage();
    const results = await Promise.all(Array.from({ length: 25 }, () => store.append(head.executionId, message)));
    expect(results.sort()).toEqual(["accepted", ...Array.from({ length: 24 }, () => "duplicate")]);
    expect((await inboxOf(head.executionId)).inbox).toHaveLength(1);
  });

  test("given owed work, when it is answered twice, then the second is a duplicate, whatever its id", async () => {
    const { store, withActivity, append, owed } = world();
    const { head, name } = await withActivity();
    await append(head, anAnswer(name, "first"));
    expect(await owed(head)).toMatchObject([{ name, answered: true }]);
    expect(await store.append(head.executionId, anAnswer(name, "second"))).toBe("duplicate");
    expect((await inboxOf(head.executionId)).inbox).toMatchObject([{ outcome: { ok: true, output: "first" } }]);
  });

  test("given 25 answers to one work at once, when all are answered, then one was accepted", async () => {
    const { store, withActivity } = world();
    const { head, name } = await withActivity();
    const results = await Promise.all(Array.from({ length: 25 }, () => store.append(head.executionId, anAnswer(name))));
    expect(results.sort()).toEqual(["accepted", ...Array.from({ length: 24 }, () => "duplicate")]);
  });

  test("given an answer that names nothing owed, when it is appended, then it is refused at the door", async () => {
    const { store, withActivity, append, commit, isDue } = world();
    const { head, name } = await withActivity();
    expect(await store.append(head.executionId, anAnswer(99))).toBe("not-owed");
    expect(await store.append(head.executionId, anAnswer(1))).toBe("not-owed");
    expect(await isDue(head)).toBe(false);
    await append(head, anAnswer(name));
    await commit(head, { taken: 1, remove: [name] });
    expect(await store.append(head.executionId, anAnswer(name))).toBe("not-owed");
    expect((await inboxOf(head.executionId)).inbox).toEqual([]);
  });

  test("given an ended execution, when facts are appended, then it is closed for them", async () => {
    const { store, withActivity, commit } = world();
    const { head, name } = await withActivity();
    await commit(head, { status: "FAILED" });
    expect(await store.append(head.executionId, aMessage())).toBe("closed");
    expect(await store.append(head.executionId, anAnswer(name))).toBe("closed");
    expect((await inboxOf(head.executionId)).inbox).toEqual([]);
  });

  test("given an execution nobody started, when facts are appended, then it is unknown", async () => {
    const { store, partitions } = world();
    const executionId = anExecutionId(aGroup(), partitions);
    expect(await store.append(executionId, aMessage())).toBe("unknown");
    expect(await store.append(executionId, anAnswer(1))).toBe("unknown");
  });

  test("given an inbox of as many messages as allowed, when more come, then messages find it full and answers do not", async () => {
    const { store, withActivity, append, commit } = world();
    const { head, name } = await withActivity();
    const messages = Array.from({ length: 5 }, () => aMessage());
    await append(head, ...messages);
    const sixth = aMessage();
    expect(await store.append(head.executionId, sixth)).toBe("full");
    expect(await store.append(head.executionId, present(messages[0]))).toBe("duplicate");
    await append(head, anAnswer(name));
    expect((await inboxOf(head.executionId)).inbox).toHaveLength(6);

    await commit(head, { taken: 1 });

    expect(await store.append(head.executionId, sixth)).toBe("accepted");
    expect(await store.append(head.executionId, aMessage())).toBe("full");
  });

  test("given answers only in the inbox, when there are more than messages are allowed, then messages still fit", async () => {
    const { store, start, commit, append } = world();
    const lookAt = (await store.now()) + FAR;
    const names = [2, 3, 4, 5, 6, 7, 8];
    const add = names.map((name) => ({ work: anActivity(name), lookAt }));
    const head = await commit(await start(), { events: names.map(() => taskRequested()), add });
    await append(head, ...names.map((name) => anAnswer(name)));
    await append(head, ...names.slice(0, 5).map(() => aMessage()));
    expect(await store.append(head.executionId, aMessage())).toBe("full");
  });

  test("given facts of 1 MB and of awkward JSON, when they are read, then they come back unchanged", async () => {
    const { store, withActivity, append } = world();
    const { head, name } = await withActivity();
    const output = {
      empty: [],
      none: {},
      deep: [[[]], [{}]],
      big: 12345678901234567000,
      tiny: 1e-7,
      nul: "\u0000",
      half: "\ud800",
      z: 1,
      a: 2,
      MEGABYTE,
    };
    await append(head, anAnswer(name, output));
    const { inbox } = present(await store.read(head.executionId, { after: 0, inboxLimit: 1 }));
    expect(JSON.stringify(inbox.map((fact) => (fact.kind === "answer" ? fact.outcome : null)))).toBe(
      JSON.stringify([{ ok: true, output }]),
    );
  });
}
