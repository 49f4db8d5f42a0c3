import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eachDatabase, type OpenDatabase } from "./opened.ts";

const LONG = 3_600_000;

export function functionContract(open: OpenDatabase): void {
  const database = eachDatabase(open);
  const known = async () =>
    [...(await database().functions())]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, queue, online }) => ({ name, queue, online }));
  const offline = async (name: string) => {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
      if ((await known()).some((each) => each.name === name && !each.online)) return;
    }
    throw new Error(`${name} did not go offline in 20 s`);
  };

  test("given nothing announced, when functions are asked for, then there are none", async () => {
    expect(await database().functions()).toEqual([]);
  });

  test("given a worker, when it announces, then its functions are known and online", async () => {
    const functions = [
      { name: "charge", queue: null },
      { name: "größe: {x}", queue: "gpu" },
    ];
    await database().announceFunctions("worker-1", functions, LONG);
    expect(await known()).toEqual(functions.map((each) => ({ ...each, online: true })));
    for (const { lastSeenAt } of await database().functions()) expect(lastSeenAt).toBeGreaterThan(1_700_000_000_000);
  });

  test("given an announcement, when it runs out, then the names stay known and are offline", async () => {
    const db = database();
    await db.announceFunctions("worker-1", [{ name: "charge", queue: null }], 100);
    await db.announceFunctions("worker-2", [{ name: "ship", queue: null }], LONG);
    await offline("charge");
    expect(await known()).toEqual([
      { name: "charge", queue: null, online: false },
      { name: "ship", queue: null, online: true },
    ]);
  });

  test("given two workers with one function, when one's announcement runs out, then it is still online", async () => {
    const db = database();
    const charge = { name: "charge", queue: null };
    await db.announceFunctions("worker-1", [charge], LONG);
    await db.announceFunctions("worker-2", [charge, { name: "mark", queue: null }], 50);
    await offline("mark");
    expect(await known()).toMatchObject([{ name: "charge", online: true }, { name: "mark" }]);
  });

  test("given an announcement, when the worker announces again, then the new one takes its place and is seen later", async () => {
    const db = database();
    await db.announceFunctions(
      "worker-1",
      [
        { name: "charge", queue: null },
        { name: "gone", queue: null },
      ],
      LONG,
    );
    const before = (await db.functions()).find(({ name }) => name === "charge");
    await sleep(5);
    await db.announceFunctions("worker-1", [{ name: "charge", queue: "gpu" }], LONG);
    expect(await known()).toEqual([
      { name: "charge", queue: "gpu", online: true },
      { name: "gone", queue: null, online: false },
    ]);
    const after = (await db.functions()).find(({ name }) => name === "charge");
    expect(after?.lastSeenAt).toBeGreaterThan(before?.lastSeenAt ?? 0);
    await db.announceFunctions("worker-1", [], LONG);
    expect((await known()).some(({ online }) => online)).toBe(false);
  });
}
