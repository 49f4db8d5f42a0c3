import type { Redis } from "ioredis";
import type { AnnouncedFunction, Database, KnownFunction } from "../../ports/database.ts";
import { answered } from "./connection.ts";
import { createDefinitionList } from "./definition-list.ts";
import { createEventLog } from "./event-log.ts";
import { createExecutionList } from "./execution-list.ts";
import { createKeyUses } from "./key-uses.ts";
import type { Keys } from "./keys.ts";
import { openRedis, type RedisPlace } from "./open.ts";
import { demandSchema, list, moment, texts } from "./records.ts";
import { createResources } from "./resources.ts";
import { createScheduleStore } from "./schedules.ts";
import { run, scriptOf } from "./scripts.ts";

export type RedisDatabaseOptions = RedisPlace & {
  /** Status changes kept of each tenant, about. Default: 10,000. */
  readonly changesKept?: number;
};

const ANNOUNCE = scriptOf(["lists/lib", "lists/announce-functions"], { writes: true });
const FUNCTIONS = scriptOf(["lists/lib", "lists/functions"], { writes: false });

/**
 * Definitions, lists and announcements on Redis 7 or later; how and why: README.md.
 * @throws {StoreUnavailableError} when no Redis answers.
 * @throws {ConfigError} for a Redis that could lose what it has acknowledged.
 */
export async function createRedisDatabase(given: RedisDatabaseOptions): Promise<Database> {
  const { connection, keys, close } = await openRedis(given);
  return {
    async ensureTenant(tenant) {
      await answered(connection.sadd(keys.tenants, tenant));
    },
    async tenants() {
      return [...(await answered(connection.smembers(keys.tenants)))].sort();
    },
    ...createDefinitionList(connection, keys),
    ...createExecutionList(connection, keys, given.changesKept ?? 10_000),
    ...createKeyUses(connection, keys),
    ...createResources(connection, keys),
    ...createEventLog(connection, keys),
    ...createScheduleStore(connection, keys),
    announceFunctions: (worker, functions, ttlMs) => announce(connection, keys, worker, functions, ttlMs),
    functions: () => functionsOf(connection, keys),
    close,
  };
}

async function announce(
  connection: Redis,
  keys: Keys,
  worker: string,
  functions: readonly AnnouncedFunction[],
  ttlMs: number,
): Promise<void> {
  const names = JSON.stringify(functions.map(({ name }) => name));
  const each = functions.flatMap(({ name, queue }) => [name, JSON.stringify(queue)]);
  await run(connection, ANNOUNCE, keys.functions, [worker, moment(ttlMs), names, ...each]);
}

async function functionsOf(connection: Redis, keys: Keys): Promise<readonly KnownFunction[]> {
  const [known, announced] = list(await run(connection, FUNCTIONS, keys.functions, []));
  const online = new Set(texts(announced).flatMap((names): string[] => JSON.parse(names)));
  const flat = texts(known);
  const functions: KnownFunction[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] ?? "";
    const [, schema, lastSeenAt, queue = ""] = /^(\d+) (\d+) (.*)$/s.exec(flat[i + 1] ?? "") ?? [];
    demandSchema(schema, `function ${name}`);
    functions.push({ name, queue: JSON.parse(queue), lastSeenAt: Number(lastSeenAt), online: online.has(name) });
  }
  return functions;
}
