import { LRUCache } from "lru-cache";
import type { Workflow } from "../dsl/workflow.ts";
import type { Database } from "../ports/database.ts";
import type { JsonObject } from "../values/json.ts";
import type { Definitions } from "./ports.ts";

/** Compiles definitions once and keeps them; a digest always means the same document. */
export function createDefinitions(
  database: Pick<Database, "definitionByDigest">,
  compile: (document: JsonObject) => Workflow,
  capacity = 500,
): Definitions {
  const compiled = new LRUCache<string, Workflow>({ max: capacity });
  return {
    async get(tenant, digest) {
      const known = compiled.get(digest);
      if (known !== undefined) return known;
      const stored = await database.definitionByDigest(tenant, digest);
      if (stored === null) throw new Error(`the database does not hold definition ${digest} of tenant ${tenant}`);
      const workflow = compile(stored.document);
      compiled.set(digest, workflow);
      return workflow;
    },
  };
}
