import type { Redis } from "ioredis";
import type { ExpiredExecution, RetentionStore } from "../../ports/retention.ts";
import { answered, pipelined } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { expiredOf, moment, texts } from "./records.ts";
import { run, scriptOf } from "./scripts.ts";

const EXPIRE = scriptOf(["lib", "expire"], { writes: true });

/** The part of the event store that forgets. */
export function createRetentionStore(connection: Redis, keys: Keys, partitions: () => Promise<number>): RetentionStore {
  return {
    async expire(partition, { closedForMs, letteredForMs }, limit) {
      const args = [moment(closedForMs), moment(letteredForMs), limit];
      const flat = texts(await run(connection, EXPIRE, keys.partition(partition), args));
      const expired: ExpiredExecution[] = [];
      for (let i = 1; i < flat.length; i += 2) expired.push(expiredOf(flat[i] ?? ""));
      return expired;
    },

    async forgotten(partition, executionIds) {
      if (executionIds.length > 0) await answered(connection.hdel(keys.expired(partition), ...executionIds));
    },

    async areNamed(tenant, digests) {
      if (digests.length === 0) return [];
      const fields = digests.map((digest) => `${tenant}/${digest}`);
      const commands = Array.from(
        { length: await partitions() },
        (_, partition) => ["hmget", keys.naming(partition), ...fields] as const,
      );
      const counts = await pipelined(connection, commands);
      return digests.map((_, i) => counts.some((of) => Array.isArray(of) && of[i] !== null));
    },
  };
}
