import type { Redis } from "ioredis";
import type { Blobs } from "../../ports/blobs.ts";
import { partitionOfExecution } from "../../values/ids.ts";
import { answered } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { run, scriptOf } from "./scripts.ts";

const PUT = scriptOf(["lib", "put-blobs"], { writes: true });
const UNSTARTED_FOR_S = 86_400;

/** The part of the event store that keeps large texts. */
export function createBlobs(connection: Redis, keys: Keys): Blobs {
  return {
    async putBlobs(executionId, texts) {
      const args = [executionId, UNSTARTED_FOR_S, ...[...texts].flat()];
      await run(connection, PUT, keys.partition(partitionOfExecution(executionId)), args);
    },

    async blobs(executionId, hashes) {
      if (hashes.length === 0) return new Map();
      const key = keys.blobs(partitionOfExecution(executionId), executionId);
      const texts = await answered(connection.hmget(key, ...hashes));
      return new Map(hashes.flatMap((hash, i) => (texts[i] == null ? [] : [[hash, texts[i]] as const])));
    },
  };
}
