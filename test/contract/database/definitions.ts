import { expect, test } from "vitest";
import type { StoredDefinition } from "../../../src/ports/database.ts";
import { aDefinition } from "../../support/build.ts";
import { eachDatabase, type OpenDatabase, pagesOf } from "./opened.ts";

/** Ascending by semver. */
const VERSIONS = ["0.9.0", "1.0.0-alpha", "1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1"];

export function definitionContract(open: OpenDatabase): void {
  const database = eachDatabase(open);
  const put = async (...versions: readonly string[]) => {
    for (const version of versions) await database().putDefinition(aDefinition({ version }));
  };
  const newest = async () => (await database().definition("acme", "shop", "order"))?.version;

  test("given nothing, when tenants are ensured, repeatedly and at once, then each is listed once", async () => {
    const db = database();
    expect(await db.tenants()).toEqual([]);
    await Promise.all(["acme", "other", "acme", "acme"].map((tenant) => db.ensureTenant(tenant)));
    await db.ensureTenant("acme");
    expect([...(await db.tenants())].sort()).toEqual(["acme", "other"]);
  });

  test("given nothing, when a definition is put, then it is found by name, by version and by digest, unchanged", async () => {
    const db = database();
    const source = "# comment\r\ndo:   []\n\n  größe: 東京 🚀 \\u0041\t'\"\n";
    const definition = aDefinition({ source, extra: { b: [], a: {}, big: 12345678901234567000, "": null } });
    expect(await db.putDefinition(definition)).toBe("created-first");
    const stored = { ...definition, createdAt: expect.any(Number) };
    const found = await db.definition("acme", "shop", "order");
    expect(found).toEqual(stored);
    expect(JSON.stringify(found?.document)).toBe(JSON.stringify(definition.document));
    expect(found?.createdAt).toBeGreaterThan(1_700_000_000_000);
    expect(await db.definition("acme", "shop", "order", "1.0.0")).toEqual(found);
    expect(await db.definitionByDigest("acme", definition.digest)).toEqual(found);
  });

  test("given a definition, when it is put again, then only the same content is identical", async () => {
    const db = database();
    const definition = aDefinition();
    const other = aDefinition({ extra: "other" });
    await db.putDefinition(definition);
    const stored = await db.definition("acme", "shop", "order");
    expect(await db.putDefinition({ ...definition, source: "formatted otherwise" })).toBe("identical");
    expect(await db.putDefinition(other)).toBe("conflict");
    expect(await db.definition("acme", "shop", "order")).toEqual(stored);
    expect(await db.definitionByDigest("acme", other.digest)).toBeNull();
  });

  test("given a first version, when others follow, then only the first created the name", async () => {
    const db = database();
    expect(await db.putDefinition(aDefinition({ version: "2.0.0" }))).toBe("created-first");
    expect(await db.putDefinition(aDefinition({ version: "1.0.0" }))).toBe("created");
    expect(await db.putDefinition(aDefinition({ version: "1.0.0", name: "refund" }))).toBe("created-first");
    expect(await db.putDefinition(aDefinition({ version: "1.0.0", namespace: "bank" }))).toBe("created-first");
    expect(await db.putDefinition(aDefinition({ version: "1.0.0", tenant: "other" }))).toBe("created-first");
  });

  test("given 20 equal puts at once, when all are answered, then one created it", async () => {
    const db = database();
    const definition = aDefinition();
    const results = await Promise.all(Array.from({ length: 20 }, () => db.putDefinition(definition)));
    expect(results.sort()).toEqual(["created-first", ...Array.from({ length: 19 }, () => "identical")]);
  });

  test("given 20 different contents of one version at once, when all are answered, then one is stored", async () => {
    const db = database();
    const definitions = Array.from({ length: 20 }, (_, extra) => aDefinition({ extra }));
    const results = await Promise.all(definitions.map((definition) => db.putDefinition(definition)));
    expect(results.filter((result) => result === "conflict")).toHaveLength(19);
    const winner = definitions[results.indexOf("created-first")];
    expect(await db.definition("acme", "shop", "order")).toMatchObject({ digest: winner?.digest });
  });

  test("given what nobody put, when it is asked for, then there is nothing", async () => {
    const db = database();
    await put("1.0.0");
    expect(await db.definition("acme", "shop", "order", "1.0.1")).toBeNull();
    expect(await db.definition("acme", "shop", "nothing")).toBeNull();
    expect(await db.definition("acme", "order", "shop")).toBeNull();
    expect(await db.definition("other", "shop", "order")).toBeNull();
    expect(await db.definitionByDigest("other", aDefinition().digest)).toBeNull();
    expect(await db.definitionByDigest("acme", "0".repeat(64))).toBeNull();
  });

  test("given versions in any order, when the newest is asked for, then semver decides, and a release wins over a prerelease", async () => {
    await put("1.0.0-alpha.2");
    expect(await newest()).toBe("1.0.0-alpha.2");
    await put("1.0.0-alpha.10", "1.0.0-alpha");
    expect(await newest()).toBe("1.0.0-alpha.10");
    await put("0.9.0");
    expect(await newest()).toBe("0.9.0");
    await put("1.10.0", "1.2.0", "2.0.0-rc.1");
    expect(await newest()).toBe("1.10.0");
  });

  test("given listed versions, when they are taken out, then lists forget them and executions do not", async () => {
    const db = database();
    await put("1.0.0", "1.1.0", "2.0.0-rc.1");
    const digest = aDefinition({ version: "1.1.0" }).digest;
    expect(await db.unlistDefinition("acme", "shop", "order", "1.1.0")).toBe(1);
    expect(await db.unlistDefinition("acme", "shop", "order", "1.1.0")).toBe(0);
    expect(await newest()).toBe("1.0.0");
    expect(await db.definition("acme", "shop", "order", "1.1.0")).toBeNull();
    expect(await db.definitionByDigest("acme", digest)).toMatchObject({ version: "1.1.0" });
    const listed = await db.definitions("acme", {}, { limit: 10 });
    expect(listed.items.map(({ version }) => version)).toEqual(["2.0.0-rc.1", "1.0.0"]);

    expect(await db.unlistDefinition("acme", "shop", "order")).toBe(2);
    expect(await newest()).toBeUndefined();
    expect((await db.definitions("acme", {}, { limit: 10 })).items).toEqual([]);
    expect(await db.unlistDefinition("acme", "shop", "order")).toBe(0);
    expect(await db.unlistDefinition("acme", "shop", "nothing")).toBe(0);
  });

  test("given an unlisted version, when it is put again, then only the same content is listed again", async () => {
    const db = database();
    await put("1.0.0");
    await db.unlistDefinition("acme", "shop", "order", "1.0.0");
    expect(await db.putDefinition(aDefinition({ extra: "other" }))).toBe("conflict");
    expect(await newest()).toBeUndefined();
    expect(await db.putDefinition(aDefinition())).toBe("created");
    expect(await newest()).toBe("1.0.0");
    expect(await db.putDefinition(aDefinition())).toBe("identical");
  });

  test("given a document that is run without being registered, when it is kept, then only its digest finds it", async () => {
    const db = database();
    const definition = aDefinition();
    await db.keepDocument(definition);
    await db.keepDocument(definition);
    expect(await db.definitionByDigest("acme", definition.digest)).toEqual({
      ...definition,
      createdAt: expect.any(Number),
    });
    expect(await db.definition("acme", "shop", "order")).toBeNull();
    expect((await db.definitions("acme", {}, { limit: 10 })).items).toEqual([]);
    expect(await db.putDefinition(aDefinition({ extra: "other" }))).toBe("created-first");
    expect(await db.definitionByDigest("acme", definition.digest)).toMatchObject(definition);
  });

  test("given a kept document, when the same is registered, or the other way round, then it is registered", async () => {
    const db = database();
    await db.keepDocument(aDefinition({ source: "sent with a start" }));
    expect(await db.putDefinition(aDefinition({ source: "registered" }))).toBe("created-first");
    await db.keepDocument(aDefinition({ source: "sent with another start" }));
    expect(await db.definition("acme", "shop", "order")).toMatchObject({ source: "registered" });
  });

  test("given a store, when it never held a definition, then it says so, and for ever after that it did", async () => {
    const db = database();
    expect(await db.everHeldDefinition()).toBe(false);
    await db.keepDocument(aDefinition());
    expect(await db.everHeldDefinition()).toBe(false);
    await db.putDefinition(aDefinition({ tenant: "other" }));
    expect(await db.everHeldDefinition()).toBe(true);
    await db.unlistDefinition("other", "shop", "order");
    expect(await db.everHeldDefinition()).toBe(true);
  });

  test("given many definitions, when they are listed, then by namespace, name, and version downwards, in pages of any size", async () => {
    const db = database();
    const expected: string[] = [];
    for (const [namespace, name] of [
      ["a", "x"],
      ["a-b", "x"],
      ["b", "a"],
      ["b", "a-1"],
      ["b", "ab"],
    ] as const) {
      for (const version of [...VERSIONS].sort()) await db.putDefinition(aDefinition({ namespace, name, version }));
      expected.push(...[...VERSIONS].reverse().map((version) => `${namespace} ${name} ${version}`));
    }
    await db.putDefinition(aDefinition({ tenant: "other" }));
    const named = ({ namespace, name, version }: StoredDefinition) => `${namespace} ${name} ${version}`;
    for (const limit of [1, 7, 40, 100]) {
      const pages = await pagesOf(limit, (page) => db.definitions("acme", {}, page));
      expect(pages.flat().map(named)).toEqual(expected);
      expect(pages.slice(0, -1).every(({ length }) => length === limit)).toBe(true);
      expect(pages).toHaveLength(Math.ceil(expected.length / limit));
    }
    const filtered = async (filter: { namespace?: string; name?: string }) =>
      (await pagesOf(3, (page) => db.definitions("acme", filter, page))).flat().map(named);
    expect(await filtered({ namespace: "a" })).toEqual(expected.slice(0, 8));
    expect(await filtered({ namespace: "b", name: "a" })).toEqual(expected.slice(16, 24));
    expect(await filtered({ name: "x" })).toEqual(expected.slice(0, 16));
    expect(await filtered({ namespace: "none" })).toEqual([]);
  });

  test("given a page, when definitions are put and taken out before the next, then the others come once", async () => {
    const db = database();
    await put("1.0.0", "2.0.0", "3.0.0", "4.0.0");
    const first = await db.definitions("acme", {}, { limit: 2 });
    expect(first.items.map(({ version }) => version)).toEqual(["4.0.0", "3.0.0"]);
    await db.unlistDefinition("acme", "shop", "order", "3.0.0");
    await put("5.0.0");
    const second = await db.definitions("acme", {}, { limit: 2, cursor: first.nextCursor ?? "none" });
    expect(second.items.map(({ version }) => version)).toEqual(["2.0.0", "1.0.0"]);
    expect(second.nextCursor).toBeUndefined();
  });

  test("given a document of 1 MB, when it is stored, then it comes back", async () => {
    const db = database();
    const definition = aDefinition({ extra: "x".repeat(1_048_576), source: "y".repeat(1_048_576) });
    await db.putDefinition(definition);
    expect(await db.definitionByDigest("acme", definition.digest)).toMatchObject(definition);
  });
}
