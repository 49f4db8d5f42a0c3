import { expect, test } from "vitest";
import type { Database, ExecutionSummary } from "../../../src/ports/database.ts";
import type { ExecutionStatus } from "../../../src/values/status.ts";
import { aSummary } from "../../support/build.ts";
import { eachDatabase, type OpenDatabase } from "./opened.ts";

/** How many changes the databases of this suite keep, about. */
export const CHANGES_KEPT = 200;

export function changeContract(open: OpenDatabase): void {
  const database = eachDatabase(open);
  const started = (over: Partial<ExecutionSummary> = {}) => aSummary({ status: "PENDING", version: 1, ...over });
  const moved = async (db: Database, summary: ExecutionSummary, version: number, status: ExecutionStatus) => {
    const endedAt = status === "COMPLETED" ? summary.startedAt + 1_000 : null;
    await db.project({ ...summary, version, status, endedAt });
  };
  /** All that follows a position; the log may hold back for a moment what it cannot put in order yet. */
  const all = async (tenant: string, after: string, wanted: number, limit = 100) => {
    const found: (readonly [string, string])[] = [];
    let position = after;
    for (const deadline = Date.now() + 20_000; found.length < wanted && Date.now() < deadline; ) {
      const page = await database().changes(tenant, position, limit);
      expect(page.gone).toBe(false);
      for (const { summary } of page.changes) found.push([summary.executionId, summary.status]);
      position = page.end;
    }
    return { found, position };
  };

  test("given the end of an empty log, when statuses change, then each change follows it, in order, with what it was", async () => {
    const db = database();
    const { end, changes } = await db.changes("acme", undefined, 10);
    expect(changes).toEqual([]);
    const one = started();
    await db.project(one);
    await moved(db, one, 4, "WAITING");
    await moved(db, one, 5, "WAITING"); // no change
    await moved(db, one, 9, "COMPLETED");
    await moved(db, one, 2, "RUNNING"); // an old one
    const { found, position } = await all("acme", end, 3);
    expect(found.map(([, status]) => status)).toEqual(["PENDING", "WAITING", "COMPLETED"]);
    expect((await db.changes("acme", position, 10)).changes).toEqual([]);
    const [first] = (await db.changes("acme", end, 1)).changes;
    expect(first?.summary).toEqual({ ...one, endedAt: null });
    expect((await db.changes("other", undefined, 10)).changes).toEqual([]);
  });

  test("given many writers at once, when their changes are followed page by page, then none is missed and none told twice", async () => {
    const db = database();
    const { end } = await db.changes("acme", undefined, 10);
    const ids = Array.from({ length: 60 }, () => started());
    const following = all("acme", end, 120, 7);
    await Promise.all(
      ids.map(async (each) => {
        await db.project(each);
        await moved(db, each, 2, "COMPLETED");
      }),
    );
    const { found } = await following;
    expect(new Set(found.map(String)).size).toBe(120);
    expect(found).toHaveLength(120);
    for (const { executionId } of ids) {
      const of = found.filter(([id]) => id === executionId).map(([, status]) => status);
      expect(of).toEqual(["PENDING", "COMPLETED"]);
    }
  });

  test("given more changes than are kept, when one goes on from before them, then that is told, with where to go on", async () => {
    const db = database();
    const { end } = await db.changes("acme", undefined, 10);
    const one = started();
    await db.project(one);
    for (let version = 2; version < 10 * CHANGES_KEPT; version += 1) {
      await moved(db, one, version, version % 2 === 0 ? "RUNNING" : "WAITING");
    }
    const page = await db.changes("acme", end, 10);
    expect(page).toMatchObject({ gone: true, changes: [] });
    await moved(db, one, 10_000, "COMPLETED");
    expect((await all("acme", page.end, 1)).found.at(-1)).toEqual([one.executionId, "COMPLETED"]);
  });

  test("given a position that this store never gave, when it is asked for, then it is gone or no position at all", async () => {
    const db = database();
    await db.project(started());
    expect(await db.changes("acme", "4611686018427387904-1", 10)).toMatchObject({ gone: true });
    for (const wrong of ["", "1", "a-b", "1-2-3", "-1-2"]) {
      await expect(db.changes("acme", wrong, 10)).rejects.toBeInstanceOf(RangeError);
    }
  });
}
