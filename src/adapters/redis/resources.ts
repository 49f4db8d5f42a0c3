import type { Redis } from "ioredis";
import type { Database } from "../../ports/database.ts";
import { answered } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { demandSchema, SCHEMA } from "./records.ts";

/** The part of the database that holds what definitions refer to: a hash for each definition, which goes with its document. */
export function createResources(
  connection: Redis,
  keys: Keys,
): Pick<Database, "pinResource" | "resource" | "resourceUris"> {
  const resource: Database["resource"] = async (tenant, definition, uri) => {
    const record = await answered(connection.hget(keys.resources(tenant, definition), uri));
    if (record === null) return null;
    const [, schema, content = ""] = /^(\d+) (.*)$/s.exec(record) ?? [];
    demandSchema(schema, `resource ${uri}`);
    return content;
  };
  return {
    async pinResource(tenant, definition, uri, content) {
      await answered(connection.hsetnx(keys.resources(tenant, definition), uri, `${SCHEMA} ${content}`));
      return (await resource(tenant, definition, uri)) ?? content;
    },
    resource,
    resourceUris: async (tenant, definition) =>
      (await answered(connection.hkeys(keys.resources(tenant, definition)))).sort(),
  };
}
