import type { Redis } from "ioredis";
import { compareBuild, prerelease, valid } from "semver";
import type { Database, DefinitionFilter, NewDefinition, StoredDefinition } from "../../ports/database.ts";
import type { Page } from "../../ports/event-store.ts";
import type { TenantId } from "../../values/ids.ts";
import { answered, pipelined } from "./connection.ts";
import { cursorOf, partsOf } from "./cursors.ts";
import type { Keys } from "./keys.ts";
import { demandSchema, list, moment, texts } from "./records.ts";
import { run, scriptOf } from "./scripts.ts";

type DefinitionList = Pick<
  Database,
  | "putDefinition"
  | "definition"
  | "definitionByDigest"
  | "keepDocument"
  | "definitions"
  | "unlistDefinition"
  | "everHeldDefinition"
  | "idleDocuments"
  | "dropDocument"
>;

const PUT = scriptOf(["lists/lib", "lists/put-definition"], { writes: true });
const KEEP = scriptOf(["lists/lib", "lists/keep-document"], { writes: true });
const IDLE = scriptOf(["lists/lib", "lists/idle-documents"], { writes: false });
const DROP = scriptOf(["lists/lib", "lists/drop-document"], { writes: true });
const UNLIST = scriptOf(["lists/lib", "lists/unlist-definition"], { writes: true });

const NAMES_AT_ONCE = 100;

/** The part of the database that holds definitions. */
export function createDefinitionList(connection: Redis, keys: Keys): DefinitionList {
  const byDigests = async (tenant: TenantId, digests: readonly string[]) => {
    const commands = digests.map((digest) => ["hmget", keys.document(tenant, digest), ...DOCUMENT_FIELDS] as const);
    return (await pipelined(connection, commands)).map(definitionOf);
  };
  const definitionByDigest = async (tenant: TenantId, digest: string) => (await byDigests(tenant, [digest]))[0] ?? null;
  /** Listed versions of each name, newest first. */
  const listed = async (tenant: TenantId, names: readonly Named[]): Promise<readonly Version[][]> => {
    const commands = names.map((named) => ["hgetall", keys.versions(tenant, nameKey(named))] as const);
    return (await pipelined(connection, commands)).map(listedVersions);
  };

  return {
    definitionByDigest,

    async putDefinition(definition) {
      const { tenant, version, digest } = definition;
      // Before the put: after a crash between the two, "held" is the harmless answer.
      await answered(connection.set(keys.everHeldDefinition, "1"));
      const args = [nameKey(definition), place(definition), version, digest, ...textsOf(definition)];
      const result = await run(connection, PUT, keys.lists(tenant), args);
      return result as Awaited<ReturnType<Database["putDefinition"]>>;
    },

    async keepDocument(definition) {
      await run(connection, KEEP, keys.lists(definition.tenant), [definition.digest, ...textsOf(definition)]);
    },

    async definition(tenant, namespace, name, version) {
      const [versions = []] = await listed(tenant, [{ namespace, name }]);
      const found = version === undefined ? newest(versions) : versions.find((each) => each.version === version);
      return found === undefined ? null : definitionByDigest(tenant, found.digest);
    },

    async unlistDefinition(tenant, namespace, name, version = "") {
      const named = { namespace, name };
      return Number(await run(connection, UNLIST, keys.lists(tenant), [nameKey(named), place(named), version]));
    },

    async idleDocuments(tenant, idleMs, limit, offset = 0) {
      return texts(await run(connection, IDLE, keys.lists(tenant), [moment(idleMs), limit, offset]));
    },

    async dropDocument(tenant, digest, idleMs) {
      const stored = await definitionByDigest(tenant, digest);
      if (stored === null) return false;
      const args = [digest, moment(idleMs), nameKey(stored), stored.version];
      return (await run(connection, DROP, keys.lists(tenant), args)) === 1;
    },

    async everHeldDefinition() {
      return (await answered(connection.exists(keys.everHeldDefinition))) === 1;
    },

    async definitions(tenant, filter, page) {
      const places = (from: string) => {
        const to = filter.namespace === undefined ? "+" : `(${place({ namespace: filter.namespace, name: "" })}~`;
        return answered(connection.zrange(keys.names(tenant), from, to, "BYLEX", "LIMIT", 0, NAMES_AT_ONCE));
      };
      const found = await listedAfter(filter, page, places, (names) => listed(tenant, names));
      const chosen = found.slice(0, page.limit);
      const stored = await byDigests(
        tenant,
        chosen.map(({ digest }) => digest),
      );
      const items = stored.filter((item): item is StoredDefinition => item !== null);
      const last = chosen.at(-1);
      const more = found.length > page.limit && last !== undefined;
      return { items, ...(more ? { nextCursor: cursorOf(last.place, last.version) } : {}) };
    },
  };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}
interface Version {
  readonly version: string;
  readonly digest: string;
}

/** At most one more than the page holds, in order. */
async function listedAfter(
  filter: DefinitionFilter,
  { limit, cursor }: Page,
  places: (from: string) => Promise<readonly string[]>,
  listed: (names: readonly Named[]) => Promise<readonly (readonly Version[])[]>,
): Promise<readonly (Version & { readonly place: string })[]> {
  const [afterPlace, afterVersion] = cursor === undefined ? ["", ""] : partsOf(cursor, 2);
  const found: (Version & { readonly place: string })[] = [];
  const start = filter.namespace === undefined ? "" : place({ namespace: filter.namespace, name: "" });
  let from = afterPlace ? `[${afterPlace}` : `[${start}`;
  while (found.length <= limit) {
    const batch = await places(from);
    const fitting = batch.filter((each) => filter.name === undefined || named(each).name === filter.name);
    const versions = await listed(fitting.map(named));
    for (const [i, each] of fitting.entries()) {
      const later = (versions[i] ?? []).filter(
        ({ version }) => each !== afterPlace || newestFirst({ version }, { version: afterVersion ?? "" }) > 0,
      );
      found.push(...later.map((version) => ({ ...version, place: each })));
    }
    if (batch.length < NAMES_AT_ONCE) break;
    from = `(${batch.at(-1)}`;
  }
  return found.slice(0, limit + 1);
}

/** Part of a key. Escaped, so that ("a/b", "c") and ("a", "b/c") differ. */
function nameKey({ namespace, name }: Named): string {
  return `${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}
/** Sorts by namespace, then name: a space is before whatever an escaped name has. */
function place({ namespace, name }: Named): string {
  return `${encodeURIComponent(namespace)} ${encodeURIComponent(name)}`;
}
function named(text: string): Named {
  const [namespace = "", name = ""] = text.split(" ").map(decodeURIComponent);
  return { namespace, name };
}

function listedVersions(reply: unknown): Version[] {
  const flat = texts(Array.isArray(reply) ? reply : Object.entries(reply ?? {}).flat());
  const versions: Version[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const [, schema, isListed, digest = ""] = /^(\d+) ([01]) \d+ (.*)$/s.exec(flat[i + 1] ?? "") ?? [];
    demandSchema(schema ?? /^\d+/.exec(flat[i + 1] ?? "")?.[0], `definition ${flat[i]}`);
    if (isListed === "1") versions.push({ version: flat[i] ?? "", digest });
  }
  return versions.sort(newestFirst);
}

function newest(versions: readonly Version[]): Version | undefined {
  return versions.find(({ version }) => valid(version) !== null && prerelease(version) === null) ?? versions[0];
}

/** What is no semver comes after all that is. */
function newestFirst(a: Pick<Version, "version">, b: Pick<Version, "version">): number {
  const [one, two] = [valid(a.version) !== null, valid(b.version) !== null];
  if (one && two) return compareBuild(b.version, a.version) || compareText(b.version, a.version);
  return one === two ? compareText(b.version, a.version) : one ? -1 : 1;
}
function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function textsOf({ document, source, ...definition }: NewDefinition): readonly string[] {
  const { tenant, namespace, name, version, digest } = definition;
  return [JSON.stringify({ tenant, namespace, name, version, digest }), JSON.stringify(document), source];
}
const DOCUMENT_FIELDS = ["v", "definition", "document", "source", "createdAt"] as const;
function definitionOf(reply: unknown): StoredDefinition | null {
  const [schema, definition, document, source, createdAt] = list(reply);
  if (typeof schema !== "string") return null;
  demandSchema(schema, "a definition");
  return {
    ...JSON.parse(String(definition)),
    document: JSON.parse(String(document)),
    source: String(source),
    createdAt: Number(createdAt),
  };
}
