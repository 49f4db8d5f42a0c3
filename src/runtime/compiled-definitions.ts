import { LRUCache } from "lru-cache";
import type { Workflow } from "../dsl/workflow.ts";
import type { Database } from "../ports/database.ts";
import type { TenantId } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";
import type { Definitions } from "./ports.ts";

interface Kept {
  readonly document: JsonObject;
  readonly workflow: Workflow;
  /** How many of its external resources were at hand. */
  readonly pinned: number;
}

/**
 * Compiles definitions once and keeps them; a digest always means the same document. One that waits for external resources is compiled
 * again when more of them are pinned.
 */
export function createDefinitions(
  database: Pick<Database, "definitionByDigest" | "resourceUris" | "resource">,
  compile: (document: JsonObject, resources: ReadonlyMap<string, string>) => Workflow,
  capacity = 500,
): Definitions {
  const compiled = new LRUCache<string, Kept>({ max: capacity });

  async function documentOf(tenant: TenantId, digest: string): Promise<JsonObject> {
    const stored = await database.definitionByDigest(tenant, digest);
    if (stored === null) throw new Error(`the database does not hold definition ${digest} of tenant ${tenant}`);
    return stored.document;
  }

  async function contents(tenant: TenantId, digest: string, uris: readonly string[]) {
    const texts = await Promise.all(uris.map((uri) => database.resource(tenant, digest, uri)));
    return new Map(uris.flatMap((uri, index) => (texts[index] == null ? [] : [[uri, texts[index]] as const])));
  }

  return {
    async get(tenant, digest) {
      // Contents are pinned for each tenant.
      const key = `${digest} ${tenant}`;
      const known = compiled.get(key) ?? compiled.get(digest);
      if (known?.workflow.isComplete) return known.workflow;
      const document = known?.document ?? (await documentOf(tenant, digest));
      const first = known?.workflow ?? compile(document, new Map());
      if (first.isComplete) {
        compiled.set(digest, { document, workflow: first, pinned: 0 });
        return first;
      }
      const uris = await database.resourceUris(tenant, digest);
      if (known !== undefined && uris.length === known.pinned) return known.workflow;
      const workflow = uris.length === 0 ? first : compile(document, await contents(tenant, digest, uris));
      compiled.set(key, { document, workflow, pinned: uris.length });
      return workflow;
    },
  };
}
