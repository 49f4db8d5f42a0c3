import { expect, test } from "vitest";
import type { ExecutionFilter, ExecutionSummary } from "../../../src/ports/database.ts";
import { aDefinitionReference, aSummary } from "../../support/build.ts";
import { eachDatabase, type OpenDatabase, pagesOf } from "./opened.ts";

export function executionListContract(open: OpenDatabase): void {
  const database = eachDatabase(open);
  const project = async (...summaries: readonly ExecutionSummary[]) => {
    for (const summary of summaries) await database().project(summary);
  };
  const list = async (filter: ExecutionFilter = {}, limit = 50, tenant = "acme") =>
    (await pagesOf(limit, (page) => database().executions(tenant, filter, page))).flat();
  const idsOf = (summaries: readonly ExecutionSummary[]) => summaries.map(({ executionId }) => executionId);

  test("given summaries, when they are listed, then whole, newest first, of the tenant only", async () => {
    const older = aSummary({ startedAt: 1_000, labels: { team: "a", "x/y": "" }, workflowId: "größe: {1} \"'" });
    const newer = aSummary({ startedAt: 2_000, status: "COMPLETED", endedAt: 2_500, version: 7 });
    const others = aSummary({ tenant: "other" });
    await project(older, newer, others);
    expect(await list()).toEqual([newer, older]);
    expect(await list({}, 50, "other")).toEqual([others]);
    expect(await list({}, 50, "nobody")).toEqual([]);
  });

  test("given a summary, when others of its execution come in any order, then the latest version stays", async () => {
    const first = aSummary({ version: 3, status: "WAITING" });
    const later = { ...first, version: 9, status: "COMPLETED" as const, endedAt: first.startedAt + 5 };
    await project(first, later, first, { ...later, status: "FAILED" }, { ...first, version: 8 });
    expect(await list()).toEqual([later]);
    expect(await list({ status: ["WAITING"] })).toEqual([]);
    expect(await list({ status: ["COMPLETED"] })).toEqual([later]);
  });

  test("given 20 versions of a summary at once, when all are projected, then the last one is listed, once", async () => {
    const summary = aSummary();
    const versions = Array.from({ length: 20 }, (_, i) => ({
      ...summary,
      version: i + 1,
      status: i % 2 ? ("RUNNING" as const) : ("WAITING" as const),
    }));
    await Promise.all([...versions].reverse().map((each) => database().project(each)));
    expect(await list()).toEqual([versions[19]]);
    expect(await list({ status: ["WAITING"] })).toEqual([]);
  });

  test("given many executions, when they are listed, then pages of any size give each once, also those of one moment", async () => {
    const summaries = Array.from({ length: 60 }, (_, i) => aSummary({ startedAt: 5_000 + Math.floor(i / 20) }));
    await project(...summaries);
    for (const limit of [1, 7, 60, 500]) {
      const pages = await pagesOf(limit, (page) => database().executions("acme", {}, page));
      const listed = pages.flat();
      expect(new Set(idsOf(listed))).toEqual(new Set(idsOf(summaries)));
      expect(listed).toHaveLength(60);
      const times = listed.map(({ startedAt }) => startedAt);
      expect(times).toEqual([...times].sort((a, b) => b - a));
      expect(pages).toHaveLength(Math.ceil(60 / limit));
    }
  });

  test("given a page, when newer executions start before the next, then the next goes on where it ended", async () => {
    const summaries = [4_000, 3_000, 2_000, 1_000].map((startedAt) => aSummary({ startedAt }));
    await project(...summaries);
    const first = await database().executions("acme", {}, { limit: 2 });
    await project(aSummary({ startedAt: 9_000 }));
    const second = await database().executions("acme", {}, { limit: 2, cursor: first.nextCursor ?? "none" });
    expect([...first.items, ...second.items]).toEqual(summaries);
    expect(second.nextCursor).toBeUndefined();
  });

  test("given a cursor that no page gave, when executions or definitions are listed, then it is refused", async () => {
    const page = { limit: 2, cursor: "nonsense" };
    await expect(database().executions("acme", {}, page)).rejects.toThrow(RangeError);
    await expect(database().definitions("acme", {}, page)).rejects.toThrow(RangeError);
  });

  test("given executions of all kinds, when they are filtered, then exactly those that fit are listed", async () => {
    const definition = aDefinitionReference();
    const refund = aDefinitionReference({ name: "refund" });
    const bank = aDefinitionReference({ namespace: "bank" });
    const a = aSummary({ startedAt: 1_000, status: "RUNNING", definition, labels: { team: "a", city: "x" } });
    const b = aSummary({ startedAt: 2_000, status: "COMPLETED", definition: refund, endedAt: 2_500, workflowId: "w" });
    const c = aSummary({ startedAt: 3_000, status: "FAILED", definition: bank, endedAt: 3_500, labels: { team: "a" } });
    const d = aSummary({
      startedAt: 4_000,
      status: "WAITING",
      definition: bank,
      workflowId: "w",
      labels: { team: "b" },
    });
    await project(a, b, c, d);
    const filters: readonly (readonly [ExecutionFilter, readonly ExecutionSummary[]])[] = [
      [{}, [d, c, b, a]],
      [{ status: ["RUNNING"] }, [a]],
      [{ status: ["COMPLETED", "FAILED", "RUNNING"] }, [c, b, a]],
      [{ status: ["CANCELLED"] }, []],
      [{ namespace: "shop" }, [b, a]],
      [{ name: "order" }, [d, c, a]],
      [{ namespace: "bank", name: "order" }, [d, c]],
      [{ namespace: "bank", name: "refund" }, []],
      [{ workflowId: "w" }, [d, b]],
      [{ workflowId: "w", status: ["WAITING"] }, [d]],
      [{ workflowId: "W" }, []],
      [{ labels: { team: "a" } }, [c, a]],
      [{ labels: { team: "a", city: "x" } }, [a]],
      [{ labels: { team: "x" } }, []],
      [{ labels: { constructor: "x" } }, []],
      [{ labels: {} }, [d, c, b, a]],
      [{ startedAfter: 2_000 }, [d, c, b]],
      [{ startedBefore: 2_000 }, [a]],
      [{ startedAfter: 2_000, startedBefore: 4_000 }, [c, b]],
      [{ endedAfter: 2_500 }, [c, b]],
      [{ endedBefore: 3_500 }, [b]],
      [{ endedAfter: 2_501, endedBefore: 3_501 }, [c]],
      [{ startedAfter: 0, endedBefore: 1 }, []],
      [{ status: ["FAILED", "WAITING"], namespace: "bank", labels: { team: "b" }, startedAfter: 4_000 }, [d]],
    ];
    for (const [filter, expected] of filters) {
      expect([filter, await list(filter)]).toEqual([filter, expected]);
      expect([filter, await list(filter, 1)]).toEqual([filter, expected]);
    }
  });

  test("given few that fit among many, when they are listed, then they are found over as many pages as they fill", async () => {
    const summaries = Array.from({ length: 700 }, (_, i) =>
      aSummary({ startedAt: 1_000 + i, labels: i % 100 === 0 ? { rare: "yes" } : {} }),
    );
    await Promise.all(summaries.map((summary) => database().project(summary)));
    const filter = { labels: { rare: "yes" } };
    const pages = await pagesOf(3, (page) => database().executions("acme", filter, page));
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(pages.flat().map(({ startedAt }) => startedAt)).toEqual([1_600, 1_500, 1_400, 1_300, 1_200, 1_100, 1_000]);
    expect(await list({ status: ["RUNNING", "WAITING"] }, 100)).toHaveLength(700);
  });

  test("given open and ended executions, when the open ones of a definition are counted, then versions can be told apart", async () => {
    const one = aDefinitionReference({ version: "1.0.0" });
    const two = aDefinitionReference({ version: "2.0.0", digest: "d2" });
    const first = aSummary({ definition: one });
    await project(
      first,
      aSummary({ definition: one, status: "PAUSED" }),
      aSummary({ definition: two, status: "PENDING" }),
      aSummary({ definition: two, status: "COMPLETED" }),
      aSummary({ definition: two, tenant: "other" }),
      aSummary({ definition: aDefinitionReference({ name: "refund" }) }),
    );
    const count = (version?: string) => database().openExecutions("acme", "shop", "order", version);
    expect([await count(), await count("1.0.0"), await count("2.0.0"), await count("3.0.0")]).toEqual([3, 2, 1, 0]);
    await project({ ...first, version: 2, status: "FAILED" });
    expect([await count(), await count("1.0.0")]).toEqual([2, 1]);
    await project({ ...first, version: 3, status: "RUNNING" });
    expect([await count(), await count("1.0.0")]).toEqual([3, 2]);
    expect(await database().openExecutions("acme", "shop", "nothing")).toBe(0);
  });
}
