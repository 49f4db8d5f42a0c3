import { expect, test } from "vitest";
import { aGroup, aLetter, aStart } from "../../support/build.ts";
import { eachWorld, type Open, until } from "./world.ts";

export function quotaContract(open: Open): void {
  const world = eachWorld(open);
  const count = (tenant = "acme") => world().store.countOpen(tenant, 1_000);

  test("given executions of tenants, when open ones are counted, then each tenant's own, over all partitions", async () => {
    const { start, complete, fail } = world();
    expect(await count()).toBe(0);
    const heads = await Promise.all(Array.from({ length: 12 }, () => start()));
    await start({ group: aGroup({ tenant: "other" }) });
    expect(await count()).toBe(12);
    expect(await count("other")).toBe(1);
    for (const [i, head] of heads.slice(0, 5).entries()) await (i % 2 ? complete(head) : fail(head));
    expect(await count()).toBe(7);
  });

  test("given starts that open nothing, and one that takes another's place, when open ones are counted, then by what is open", async () => {
    const { store, partitions, start } = world();
    const first = await start();
    await store.start(aStart(first, partitions, { executionId: first.executionId }));
    await store.start(aStart(first, partitions));
    await store.start(aStart(first, partitions, { onOpen: "use-existing" }));
    expect(await count()).toBe(1);
    await store.start(aStart(first, partitions, { onOpen: "terminate" }));
    expect(await count()).toBe(1);
  });

  test("given a failed execution, when it is redriven and ends, then it counts as open in between only", async () => {
    const { store, start, fail, commit, head } = world();
    const failed = await fail(await start());
    const letter = aLetter(failed, { kind: "execution" });
    await store.park(letter);
    expect(await count()).toBe(0);
    await store.unpark("acme", letter.id);
    await store.unpark("acme", letter.id);
    expect(await count()).toBe(1);
    await commit(await head(failed), { taken: 1, status: "CANCELLED" });
    expect(await count()).toBe(0);
  });

  test("given a number of starts a second, when more are taken at once, then the rest has to wait, and each tenant for itself", async () => {
    const { store } = world();
    const waits = await Promise.all(Array.from({ length: 8 }, () => store.takeStart("acme", 3)));
    const taken = waits.filter((wait) => wait === 0).length;
    // A slow answer may have earned one more.
    expect(taken).toBeGreaterThanOrEqual(3);
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(1_000);
    expect(await store.takeStart("other", 3)).toBe(0);
  });

  test("given a tenant that has taken all its starts, when time passes, then it may start again", async () => {
    const { store } = world();
    await until(async () => (await store.takeStart("acme", 2)) > 0);
    await until(async () => (await store.takeStart("acme", 2)) === 0);
  });
}
