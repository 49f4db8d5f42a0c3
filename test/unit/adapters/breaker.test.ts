import { expect, test } from "vitest";
import { withBreaker } from "../../../src/adapters/breaker.ts";
import { StoreUnavailableError, VersionConflictError } from "../../../src/errors.ts";

/** A store that fails as it is told, and counts what reaches it. */
function aStore(failure: () => Error | undefined) {
  const reached = { calls: 0 };
  const port = {
    async read(value: number): Promise<number> {
      reached.calls += 1;
      const error = failure();
      if (error) throw error;
      return value;
    },
    async close(): Promise<void> {},
  };
  return { store: withBreaker("the store", port), reached };
}

async function tryTimes(store: { read(value: number): Promise<number> }, times: number): Promise<unknown[]> {
  const results = [];
  for (let i = 0; i < times; i++) results.push(await store.read(i).catch((error: unknown) => error));
  return results;
}

test("given a store that is away, when it was asked often enough, then calls fail without reaching it", async () => {
  const { store, reached } = aStore(() => new StoreUnavailableError("redis"));
  const results = await tryTimes(store, 50);
  await store.close();
  expect(results.every((result) => result instanceof StoreUnavailableError)).toBe(true);
  expect(reached.calls).toBeLessThan(20);
});

test("given lost fences only, when there are many, then every call still reaches the store", async () => {
  const { store, reached } = aStore(() => new VersionConflictError("x0", 1));
  const results = await tryTimes(store, 50);
  await store.close();
  expect(results.every((result) => result instanceof VersionConflictError)).toBe(true);
  expect(reached.calls).toBe(50);
});

test("given a store that is back, when a second has passed, then calls reach it again", async () => {
  let away = true;
  const { store } = aStore(() => (away ? new StoreUnavailableError("redis") : undefined));
  await tryTimes(store, 20);
  away = false;
  await expect.poll(() => store.read(7).catch(() => undefined), { timeout: 10_000 }).toBe(7);
  await store.close();
});
