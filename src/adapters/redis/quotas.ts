import type { Redis } from "ioredis";
import type { QuotaStore } from "../../ports/quotas.ts";
import { pipelined } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { run, scriptOf } from "./scripts.ts";

const TAKE_START = scriptOf(["take-start"], { writes: true });

/** The part of the event store that counts for a tenant. */
export function createQuotaStore(connection: Redis, keys: Keys, partitions: () => Promise<number>): QuotaStore {
  return {
    async countOpen(tenant) {
      const commands = Array.from(
        { length: await partitions() },
        (_, partition) => ["hget", keys.open(partition), tenant] as const,
      );
      const counts = await pipelined(connection, commands);
      return counts.reduce<number>((sum, count) => sum + Number(count ?? 0), 0);
    },

    async takeStart(tenant, perSecond) {
      return Number(await run(connection, TAKE_START, keys.starts(tenant), [perSecond]));
    },
  };
}
