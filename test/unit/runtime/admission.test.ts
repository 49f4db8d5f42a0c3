import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { QuotaError } from "../../../src/errors.ts";
import type { QuotaStore } from "../../../src/ports/quotas.ts";
import { type Admission, createAdmission } from "../../../src/runtime/admission.ts";

/** Counts what is open in memory, as the stores do; each answer takes some turns of the event loop. */
class Counting implements QuotaStore {
  open = 0;
  counts = 0;
  startWaitMs = 0;

  async countOpen(_tenant: string, atMost: number): Promise<number> {
    this.counts += 1;
    await turn();
    return Math.min(this.open, atMost);
  }

  async takeStart(): Promise<number> {
    return this.startWaitMs;
  }

  readonly start = async (): Promise<void> => {
    await turn();
    await turn();
    this.open += 1;
  };
}

const never = async () => false;
const tryStart = (admission: Admission, store: Counting, exempt = never) =>
  admission("acme", exempt, store.start).then(
    () => "started",
    (error: unknown) => (error instanceof QuotaError ? error.code : error),
  );
const tryAll = (count: number, admission: Admission, store: Counting) =>
  Promise.all(Array.from({ length: count }, () => tryStart(admission, store)));

describe("given a limit of open executions", () => {
  test.each([1, 5, 37])("when many starts come at once to one process, then exactly %i are made", async (most) => {
    const store = new Counting();
    const results = await tryAll(100, createAdmission(store, { openExecutions: most, startsPerSecond: 0 }), store);
    expect(store.open).toBe(most);
    expect(results.filter((result) => result === "DURABULL_TOO_MANY_OPEN_EXECUTIONS")).toHaveLength(100 - most);
  });

  test("when starts come to three processes, then they pass it by two at most", async () => {
    const store = new Counting();
    const processes = Array.from({ length: 3 }, () =>
      createAdmission(store, { openExecutions: 1, startsPerSecond: 0 }),
    );
    await Promise.all(processes.map((admission) => tryAll(20, admission, store)));
    expect(store.open).toBeGreaterThanOrEqual(1);
    expect(store.open).toBeLessThanOrEqual(3);
  });

  test("when it is far, then few counts serve many starts", async () => {
    const store = new Counting();
    await tryAll(500, createAdmission(store, { openExecutions: 100_000, startsPerSecond: 0 }), store);
    expect(store.open).toBe(500);
    expect(store.counts).toBeLessThan(10);
  });

  test("when executions have ended, then others may start; a start that opens nothing more is never refused", async () => {
    const store = new Counting();
    const admission = createAdmission(store, { openExecutions: 1, startsPerSecond: 0 });
    expect(await tryAll(2, admission, store)).toEqual(["started", "DURABULL_TOO_MANY_OPEN_EXECUTIONS"]);
    expect(await tryStart(admission, store, async () => true)).toBe("started");
    store.open = 0;
    expect(await tryStart(admission, store)).toBe("started");
  });

  test("when a start fails, then the next is still judged by what is open", async () => {
    const store = new Counting();
    const admission = createAdmission(store, { openExecutions: 1, startsPerSecond: 0 });
    await expect(admission("acme", never, () => Promise.reject(new Error("away")))).rejects.toThrow("away");
    expect(await tryStart(admission, store)).toBe("started");
  });
});

test("given a tenant that has taken its starts, when it starts more, then it is told limit, value and when", async () => {
  const store = new Counting();
  store.startWaitMs = 250;
  const admission = createAdmission(store, { openExecutions: 0, startsPerSecond: 4 });
  await expect(admission("acme", never, store.start)).rejects.toMatchObject({
    code: "DURABULL_TOO_MANY_STARTS",
    message: expect.stringMatching(/TENANT_MAX_STARTS_PER_SECOND=4 .* 250 ms/),
  });
});

test("given no limits, when executions are started, then nothing is counted", async () => {
  const store = new Counting();
  await tryAll(5, createAdmission(store, { openExecutions: 0, startsPerSecond: 0 }), store);
  expect(store.open).toBe(5);
  expect(store.counts).toBe(0);
});
