import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Database } from "../ports/database.ts";
import type { Log } from "../ports/executor.ts";
import type { FetchResource, ResourceLocation, ResourceOwner, ResourceResult } from "../ports/resources.ts";
import { problemOf } from "../values/problem.ts";

export interface Resources {
  /**
   * The content that is pinned for a definition; at first use it is fetched, and pinned if it is of use. Of several processes that
   * do so at the same time, all are given what the first one pinned.
   * @param unfit why a content is of no use, which is then not pinned: configuration 400.
   */
  get(
    owner: ResourceOwner,
    location: ResourceLocation,
    signal: AbortSignal,
    unfit: (content: string) => string | undefined,
  ): Promise<ResourceResult>;
}

/** Characters of contents kept in memory. */
const KEPT = 32_000_000;

export function createResources(
  database: Pick<Database, "resource" | "pinResource">,
  fetch: FetchResource,
  log: Log,
): Resources {
  const kept = new LRUCache<string, string>({ maxSize: KEPT, sizeCalculation: ({ length }) => length + 1 });
  return {
    async get({ tenant, definition }, location, signal, unfit) {
      const { uri } = location;
      const key = JSON.stringify([tenant, definition, uri]);
      const known = kept.get(key) ?? (await database.resource(tenant, definition, uri));
      if (known !== null) {
        kept.set(key, known);
        return { ok: true, content: known };
      }
      const fetched = await fetch(location, signal);
      if (!fetched.ok) return fetched;
      const wrong = unfit(fetched.content);
      if (wrong !== undefined) return { ok: false, error: problemOf("configuration", `${shown(uri)}: ${wrong}`) };
      const content = await database.pinResource(tenant, definition, uri, fetched.content);
      const digest = createHash("sha256").update(content).digest("hex");
      log.info({ tenant, definition, uri: shown(uri), digest }, "external resource pinned");
      kept.set(key, content);
      return { ok: true, content };
    },
  };
}

/** Without a query, which may hold what is nobody's business. */
function shown(uri: string): string {
  return uri.replace(/[?#].*$/s, "").replace(/\/\/[^/@]*@/, "//");
}
