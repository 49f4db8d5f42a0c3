import { expect, test } from "vitest";
import type { ExecutionSummary } from "../../../src/ports/database.ts";
import type { ExpiredExecution } from "../../../src/ports/retention.ts";
import { aDefinition, aSummary } from "../../support/build.ts";
import { eachDatabase, type OpenDatabase } from "./opened.ts";

/** No test runs for as long, in milliseconds. */
const LONG = 3_600_000;

export function retentionContract(open: OpenDatabase): void {
  const database = eachDatabase(open);
  const gone = ({ executionId, tenant, workflowId, definition, startedAt }: ExecutionSummary): ExpiredExecution => ({
    ...{ executionId, tenant, workflowId, definition, startedAt },
    letters: [],
  });
  const ids = async (tenant: string) =>
    (await database().executions(tenant, {}, { limit: 10 })).items.map(({ executionId }) => executionId);

  test("given executions of several tenants, when some are forgotten, again too, then no list knows them and the others stay", async () => {
    const db = database();
    const ended = aSummary({ status: "COMPLETED", endedAt: 5, labels: { team: "a" } });
    const failed = aSummary({ status: "FAILED", endedAt: 5, workflowId: ended.workflowId });
    const late = aSummary({ status: "RUNNING" });
    const others = aSummary({ tenant: "other", status: "CANCELLED", endedAt: 5 });
    for (const summary of [ended, failed, late, others]) await db.project(summary);

    for (let time = 0; time < 2; time++) await db.forget([ended, late, others].map(gone));

    expect(await ids("acme")).toEqual([failed.executionId]);
    expect(await ids("other")).toEqual([]);
    const { workflowId } = ended;
    expect((await db.executions("acme", { status: ["COMPLETED"] }, { limit: 9 })).items).toEqual([]);
    expect((await db.executions("acme", { workflowId }, { limit: 9 })).items).toEqual([failed]);
    expect((await db.executions("acme", { labels: { team: "a" } }, { limit: 9 })).items).toEqual([]);
    expect(await db.openExecutions("acme", "shop", "order")).toBe(0);
    await db.forget([]);
  });

  test("given documents and definitions, when idle ones are asked for, then what is kept or unlisted, longest first, and nothing listed", async () => {
    const db = database();
    const kept = aDefinition({ name: "kept" });
    const listed = aDefinition({ name: "listed" });
    const unlisted = aDefinition({ name: "unlisted" });
    await db.keepDocument(kept);
    await db.putDefinition(listed);
    await db.putDefinition(unlisted);
    expect(await db.idleDocuments("acme", 0, 10)).toEqual([kept.digest]);
    await db.unlistDefinition("acme", "shop", "unlisted");
    expect([...(await db.idleDocuments("acme", 0, 10))].sort()).toEqual([kept.digest, unlisted.digest].sort());
    expect(await db.idleDocuments("acme", 0, 10, 2)).toEqual([]);
    expect(await db.idleDocuments("acme", LONG, 10)).toEqual([]);
    expect(await db.idleDocuments("other", 0, 10)).toEqual([]);
    await db.putDefinition(unlisted);
    expect(await db.idleDocuments("acme", 0, 10)).toEqual([kept.digest]);
  });

  test("given an idle document, when it is dropped, then it is gone; one used since, or listed, stays", async () => {
    const db = database();
    const kept = aDefinition({ name: "kept" });
    const listed = aDefinition({ name: "listed" });
    await db.keepDocument(kept);
    await db.putDefinition(listed);
    expect(await db.dropDocument("acme", kept.digest, LONG)).toBe(false);
    expect(await db.dropDocument("acme", listed.digest, 0)).toBe(false);
    expect(await db.definitionByDigest("acme", kept.digest)).not.toBeNull();
    expect(await db.definitionByDigest("acme", listed.digest)).not.toBeNull();
    expect(await db.dropDocument("acme", kept.digest, 0)).toBe(true);
    expect(await db.definitionByDigest("acme", kept.digest)).toBeNull();
    expect(await db.dropDocument("acme", kept.digest, 0)).toBe(false);
    expect(await db.dropDocument("acme", "0".repeat(64), 0)).toBe(false);
  });

  test("given an unlisted version, when it is dropped, then it is as though it had never been, and its listed sister stays", async () => {
    const db = database();
    const old = aDefinition({ version: "1.0.0" });
    const current = aDefinition({ version: "2.0.0" });
    await db.putDefinition(old);
    await db.putDefinition(current);
    await db.unlistDefinition("acme", "shop", "order", "1.0.0");
    expect(await db.dropDocument("acme", old.digest, 0)).toBe(true);
    expect(await db.definitionByDigest("acme", old.digest)).toBeNull();
    expect((await db.definition("acme", "shop", "order"))?.version).toBe("2.0.0");
    const other = aDefinition({ version: "1.0.0", extra: "another content" });
    expect(await db.putDefinition(other)).toBe("created");
    expect(await db.definitionByDigest("acme", other.digest)).toMatchObject({ document: other.document });
  });
}
