import { expect, test } from "vitest";
import {
  aGroup,
  aLetter,
  anActivity,
  anAnswer,
  anExecutionId,
  aTimer,
  taskRequested,
  timerScheduled,
} from "../../support/build.ts";
import { eachWorld, FAR, type Open, present } from "./world.ts";

const LEASE = 200;

export function claimContract(open: Open): void {
  const world = eachWorld(open);

  test("given an activity owed, when a worker claims it, then it has all that it needs to act", async () => {
    const { store, withActivity, events, owed } = world();
    const { head, name } = await withActivity();
    const before = await store.now();
    const claim = await store.claim(head.executionId, name, LEASE);
    const event = (await events(head)).find(({ sequence }) => sequence === name);
    expect(event?.type).toBe("task.requested");
    expect(claim).toEqual({ head, event, attempt: 1, deaths: 0 });
    const [entry] = await owed(head);
    expect(entry).toMatchObject({ attempt: 1, deaths: 0, answered: false });
    expect(entry?.lookAt).toBeGreaterThanOrEqual(before + LEASE);
    expect(entry?.lookAt).toBeLessThanOrEqual((await store.now()) + LEASE);
  });

  test("given a claim, when its lease runs out, then somebody must look, and not before", async () => {
    const { store, withActivity, attended } = world();
    const { head, name } = await withActivity();
    await store.claim(head.executionId, name, LEASE);
    const { lookAt } = present(present(await store.describe(head.executionId)).owed[0]);
    const found = await attended(head);
    expect(found).toMatchObject({ due: false, owed: [{ name, attempt: 1 }] });
    expect(found.now).toBeGreaterThanOrEqual(lookAt);
  });

  test("given a claim made before the settle, when it settles, then the lease decides when to look", async () => {
    const { store, withActivity, attended } = world();
    const { head, name } = await withActivity({ settled: false });
    await store.claim(head.executionId, name, LEASE);
    expect(await store.settle(head.executionId, head.version)).toBe(true);
    expect(await attended(head)).toMatchObject({ due: false, owed: [{ name }] });
  });

  test("given claims that neither answered nor were handed back, when it is claimed again, then they are deaths", async () => {
    const { store, withActivity } = world();
    const { head, name } = await withActivity();
    const claim = () => store.claim(head.executionId, name, LEASE);
    expect(await claim()).toMatchObject({ attempt: 1, deaths: 0 });
    expect(await claim()).toMatchObject({ attempt: 2, deaths: 1 });
    expect(await claim()).toMatchObject({ attempt: 3, deaths: 2 });
    await store.release(head.executionId, name);
    expect(await claim()).toMatchObject({ attempt: 4, deaths: 2 });
  });

  test("given claims that were all handed back, when it is claimed again, then nobody died", async () => {
    const { store, withActivity, owed } = world();
    const { head, name } = await withActivity();
    await store.claim(head.executionId, name, LEASE);
    await store.claim(head.executionId, name, LEASE);
    await store.release(head.executionId, name);
    await store.release(head.executionId, name);
    await store.release(head.executionId, name);
    expect(await owed(head)).toMatchObject([{ attempt: 2, deaths: 0 }]);
    expect(await store.claim(head.executionId, name, LEASE)).toMatchObject({ attempt: 3, deaths: 0 });
  });

  test("given 10 workers at once, when all claim, then each has its own attempt", async () => {
    const { store, withActivity } = world();
    const { head, name } = await withActivity();
    const claims = await Promise.all(Array.from({ length: 10 }, () => store.claim(head.executionId, name, LEASE)));
    const numbers = Array.from({ length: 10 }, (_, i) => i);
    expect(claims.map((claim) => claim?.attempt).sort((a = 0, b = 0) => a - b)).toEqual(numbers.map((i) => i + 1));
    expect(claims.map((claim) => claim?.deaths).sort((a = 0, b = 0) => a - b)).toEqual(numbers);
  });

  test("given work that is answered, removed, parked or was never owed, when it is claimed, then there is nothing to do", async () => {
    const { store, partitions, withActivity, append, commit } = world();
    const answered = await withActivity();
    await append(answered.head, anAnswer(answered.name));
    expect(await store.claim(answered.head.executionId, answered.name, LEASE)).toBeNull();
    const removed = await withActivity();
    await commit(removed.head, { remove: [removed.name] });
    expect(await store.claim(removed.head.executionId, removed.name, LEASE)).toBeNull();
    const parked = await withActivity();
    await store.park(aLetter(parked.head, { kind: "activity", name: parked.name }));
    expect(await store.claim(parked.head.executionId, parked.name, LEASE)).toBeNull();
    const ended = await withActivity();
    await commit(ended.head, { status: "CANCELLED" });
    expect(await store.claim(ended.head.executionId, ended.name, LEASE)).toBeNull();
    expect(await store.claim(removed.head.executionId, 99, LEASE)).toBeNull();
    expect(await store.claim(anExecutionId(aGroup(), partitions), 2, LEASE)).toBeNull();
  });

  test("given a timer owed, when it is claimed, then there is nothing to do", async () => {
    const { store, start, rest, owed } = world();
    const fireAt = (await store.now()) + FAR;
    const add = [{ work: aTimer(2, fireAt), lookAt: fireAt }];
    const head = await rest(await start(), { events: [timerScheduled(fireAt)], add });
    expect(await store.claim(head.executionId, 2, LEASE)).toBeNull();
    expect(await owed(head)).toMatchObject([{ attempt: 0 }]);
  });

  test("given nothing owed, when a claim is handed back, then it is harmless", async () => {
    const { store, partitions, start, head: headOf } = world();
    const head = await start();
    await store.release(head.executionId, 7);
    await store.release(anExecutionId(aGroup(), partitions), 7);
    expect(await headOf(head)).toEqual(head);
  });

  test("given work in hand, when it is renewed, then what is still owed is told in order and its lease is longer", async () => {
    const { store, partitions, start, rest, append, commit, owed } = world();
    const now = await store.now();
    const names = [2, 3, 4];
    const add = names.map((name) => ({ work: anActivity(name), lookAt: now + FAR }));
    const first = await rest(await start(), { events: names.map(() => taskRequested()), add });
    const second = await rest(await start(), { events: names.map(() => taskRequested()), add });
    for (const name of names) await store.claim(first.executionId, name, LEASE);
    await append(first, anAnswer(4));
    await commit(second, { status: "COMPLETED" });
    const before = await store.now();

    const renewed = await store.renew(
      [
        { executionId: first.executionId, name: 3 },
        { executionId: second.executionId, name: 2 },
        { executionId: first.executionId, name: 99 },
        { executionId: first.executionId, name: 2 },
        { executionId: first.executionId, name: 4 },
        { executionId: anExecutionId(aGroup(), partitions), name: 2 },
      ],
      FAR,
    );

    expect(renewed).toEqual([true, false, false, true, false, false]);
    const leases = (await owed(first)).filter(({ name }) => name !== 4).map(({ lookAt }) => lookAt);
    expect(leases).toHaveLength(2);
    for (const lookAt of leases) expect(lookAt).toBeGreaterThanOrEqual(before + FAR);
    expect(await owed(first)).toMatchObject(names.map((name) => ({ name, attempt: 1, deaths: 0 })));
    expect(await store.renew([], LEASE)).toEqual([]);
  });

  test("given a renewed lease, when the first one would have run out, then nobody has to look", async () => {
    const { store, withActivity, attention } = world();
    const { head, name } = await withActivity();
    await store.claim(head.executionId, name, 1);
    await store.renew([{ executionId: head.executionId, name }], FAR);
    expect(await attention(head)).toBeUndefined();
  });
}
