import { expect, test } from "vitest";
import type { NewDefinition } from "../../../src/ports/database.ts";
import { eachDatabase, type OpenDatabase } from "./opened.ts";

const URI = `https://example.com/schema.json?${"long".repeat(2_000)}`;
const DOCUMENT: NewDefinition = {
  tenant: "acme",
  namespace: "n",
  name: "w",
  version: "1.0.0",
  digest: "d1",
  document: { a: 1 },
  source: "{}",
};

export function resourceContract(open: OpenDatabase): void {
  const database = eachDatabase(open);

  test("given nothing pinned, when resources are asked for, then there are none", async () => {
    expect(await database().resource("acme", "d1", URI)).toBeNull();
    expect(await database().resourceUris("acme", "d1")).toEqual([]);
  });

  test("given two that pin different contents at the same time, when they are done, then both were given the one that stays", async () => {
    const db = database();
    const given = await Promise.all(["one", "two", "three"].map((text) => db.pinResource("acme", "d1", URI, text)));
    expect(new Set(given).size).toBe(1);
    expect(await db.pinResource("acme", "d1", URI, "late")).toBe(given[0]);
    expect(await db.resource("acme", "d1", URI)).toBe(given[0]);
  });

  test("given resources, when they are read, then each definition and tenant has its own, in any characters", async () => {
    const db = database();
    await db.pinResource("acme", "d1", "b", "größe\n{}");
    await db.pinResource("acme", "d1", "a", "");
    await db.pinResource("acme", "d2", "a", "2");
    await db.pinResource("other", "d1", "a", "3");
    expect(await db.resourceUris("acme", "d1")).toEqual(["a", "b"]);
    expect(await db.resource("acme", "d1", "b")).toBe("größe\n{}");
    expect(await db.resource("acme", "d1", "a")).toBe("");
    expect(await db.resource("acme", "d2", "a")).toBe("2");
    expect(await db.resource("other", "d1", "a")).toBe("3");
  });

  test("given a document with resources, when it is dropped, then they go too; while it is also registered, they stay", async () => {
    const db = database();
    await db.ensureTenant("acme");
    await db.keepDocument(DOCUMENT);
    await db.pinResource("acme", "d1", "a", "1");
    expect(await db.dropDocument("acme", "d1", -1_000)).toBe(true);
    expect(await db.resource("acme", "d1", "a")).toBeNull();

    await db.keepDocument(DOCUMENT);
    await db.putDefinition(DOCUMENT);
    await db.pinResource("acme", "d1", "a", "2");
    await db.dropDocument("acme", "d1", -1_000);
    expect(await db.resource("acme", "d1", "a")).toBe("2");
    await db.unlistDefinition("acme", "n", "w");
    expect(await db.dropDocument("acme", "d1", -1_000)).toBe(true);
    expect(await db.resource("acme", "d1", "a")).toBeNull();
  });
}
