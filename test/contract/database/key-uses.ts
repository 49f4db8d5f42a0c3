import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { KeyUse } from "../../../src/ports/database.ts";
import { eachDatabase, type OpenDatabase } from "./opened.ts";

const DAY = 86_400_000;
const use = (over: Partial<KeyUse> = {}): KeyUse => ({
  tenant: "acme",
  route: "POST /executions",
  key: "größe: {1}",
  body: "b1",
  id: "id-1",
  ...over,
});

export function keyUseContract(open: OpenDatabase): void {
  const database = eachDatabase(open);

  test("given a key that nobody used, when it is reserved again and again, then the first use stands", async () => {
    const db = database();
    const first = await db.reserveKey(use(), DAY);
    expect(first).toEqual({ created: true, body: "b1", id: "id-1", outcome: null });
    const second = await db.reserveKey(use({ body: "b2", id: "id-2" }), DAY);
    expect(second).toEqual({ created: false, body: "b1", id: "id-1", outcome: null });
  });

  test("given a used key, when another tenant, another route or another key is used, then that is a use of its own", async () => {
    const db = database();
    await db.reserveKey(use(), DAY);
    const others = [use({ tenant: "other" }), use({ route: "POST /executions/x/cancel" }), use({ key: "k" })];
    for (const other of others) expect(await db.reserveKey(other, DAY)).toMatchObject({ created: true });
  });

  test("given many at once, when they reserve one key, then exactly one does, and all are given the same id", async () => {
    const db = database();
    const ids = Array.from({ length: 20 }, (_, i) => `id-${i}`);
    const given = await Promise.all(ids.map((id) => db.reserveKey(use({ id }), DAY)));
    expect(given.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(given.map(({ id }) => id)).size).toBe(1);
  });

  test("given a reservation, when its outcome is noted, then later uses are told it; another's id notes nothing", async () => {
    const db = database();
    await db.reserveKey(use(), DAY);
    await db.settleKey(use({ id: "id-2" }), "wrong");
    expect(await db.reserveKey(use(), DAY)).toMatchObject({ outcome: null });
    await db.settleKey(use(), "done");
    expect(await db.reserveKey(use({ id: "id-3" }), DAY)).toMatchObject({
      created: false,
      id: "id-1",
      outcome: "done",
    });
    await db.settleKey(use({ key: "never reserved" }), "done");
    expect(await db.reserveKey(use({ key: "never reserved" }), DAY)).toMatchObject({ created: true });
  });

  test("given a reservation that is released, when the key is used again, then it is free; another's id releases nothing", async () => {
    const db = database();
    await db.reserveKey(use(), DAY);
    await db.releaseKey(use({ id: "id-2" }));
    await db.releaseKey(use());
    expect(await db.reserveKey(use({ id: "id-4", body: "b4" }), DAY)).toMatchObject({ created: true, id: "id-4" });
  });

  test("given a reservation that others were given too, when its maker releases it, then it stands: they may have acted", async () => {
    const db = database();
    await db.reserveKey(use(), DAY);
    await db.reserveKey(use({ id: "id-2" }), DAY);
    await db.releaseKey(use());
    expect(await db.reserveKey(use({ id: "id-3" }), DAY)).toMatchObject({ created: false, id: "id-1" });
  });

  test("given a reservation whose time has passed by the store's clock, when the key is used again, then it is new", async () => {
    const db = database();
    await db.reserveKey(use(), 1);
    await db.settleKey(use(), "done");
    for (const deadline = Date.now() + 20_000; ; await sleep(5)) {
      const again = await db.reserveKey(use({ id: "id-2", body: "b2" }), DAY);
      if (again.created) {
        expect(again).toEqual({ created: true, body: "b2", id: "id-2", outcome: null });
        return;
      }
      expect(Date.now()).toBeLessThan(deadline);
    }
  });

  test("given thousands of uses that ran out, when new ones come, then they are answered as ever", async () => {
    const db = database();
    await Promise.all(Array.from({ length: 300 }, (_, i) => db.reserveKey(use({ key: `k${i}`, id: `i${i}` }), 1)));
    await sleep(5); // by then they have run out, whichever clock counts; nothing depends on it
    for (let i = 0; i < 100; i++) {
      expect(await db.reserveKey(use({ key: `n${i}`, id: `n${i}` }), DAY)).toMatchObject({
        created: true,
        id: `n${i}`,
      });
    }
  });
}
