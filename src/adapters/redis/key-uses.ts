import type { Redis } from "ioredis";
import type { Database, KeyUse } from "../../ports/database.ts";
import type { Keys } from "./keys.ts";
import { list, moment } from "./records.ts";
import { run, scriptOf } from "./scripts.ts";

const KEY_USE = scriptOf(["lists/lib", "lists/key-use"], { writes: true });

/** The part of the database that keeps what idempotency keys were used for; Redis itself forgets them in time. */
export function createKeyUses(
  connection: Redis,
  keys: Keys,
): Pick<Database, "reserveKey" | "settleKey" | "releaseKey"> {
  const on = (what: string, { tenant, route, key, id }: KeyUse, ...args: readonly (string | number)[]) =>
    run(connection, KEY_USE, keys.lists(tenant), [what, keys.use(tenant, route, key), id, ...args]);
  return {
    async reserveKey(use, ttlMs) {
      const [created, body, id, outcome] = list(await on("reserve", use, use.body, moment(ttlMs)));
      return {
        created: created === 1,
        body: String(body),
        id: String(id),
        outcome: typeof outcome === "string" ? outcome : null,
      };
    },
    async settleKey(use, outcome) {
      await on("settle", use, outcome);
    },
    async releaseKey(use) {
      await on("release", use);
    },
  };
}
