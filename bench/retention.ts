/**
 * Whether a store is back at its base size once what it held has ended and been kept long enough: small executions are started, run to
 * their end, listed and settled directly over the stores' ports; after RETENTION_MS all of them are removed, in the reconciler's
 * batches. Three rounds on PostgreSQL, since what vacuum frees is used again rather than given back.
 *
 *   SIZE=10000 STORES=redis,postgres RETENTION_MS=1000 npm run bench -- retention
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { createPostgresDatabase } from "../src/adapters/postgres/database.ts";
import { createPostgresEventStore } from "../src/adapters/postgres/event-store.ts";
import { createRedisDatabase, createRedisEventStore } from "../src/adapters/redis/index.ts";
import { createRetention } from "../src/runtime/retention.ts";
import { freshDatabase, startPostgres, startRedis } from "../test/support/servers.ts";
import { PARTITIONS, runAll, runOne, STORE_OPTIONS, type Stores } from "./executions.ts";
import { table } from "./support.ts";

const SIZE = Number(process.env.SIZE ?? 10_000);
const STORES = (process.env.STORES ?? "redis,postgres").split(",");
const RETENTION_MS = Number(process.env.RETENTION_MS ?? 1_000);
/** Rounds of the reconciler without its pauses, until one finds nothing. */
async function expireAll({ events, database }: Stores): Promise<number> {
  await sleep(RETENTION_MS + 1);
  const begun = performance.now();
  let found = 1;
  const ports = {
    ...{ events, database, log: console, queues: { removeDeadLetter: async () => {} } },
    metrics: { expired: (executions: number) => (found += executions) },
    settings: { retention: { closedForMs: RETENTION_MS, letteredForMs: RETENTION_MS } },
  };
  const retention = createRetention(ports as unknown as Parameters<typeof createRetention>[0]);
  while (found > 0) {
    found = 0;
    for (let partition = 0; partition < PARTITIONS; partition++) await retention.round(partition);
  }
  return (performance.now() - begun) / 1_000;
}

const mega = (bytes: number) => (bytes / 1_048_576).toFixed(2);
const perSecond = (seconds: number) => Math.round(SIZE / seconds);

async function onRedis(): Promise<void> {
  const server = await startRedis({ appendfsync: "everysec" });
  const redis = new Redis(server.url);
  const stores = {
    events: await createRedisEventStore({ url: server.url, options: STORE_OPTIONS }),
    database: await createRedisDatabase({ url: server.url }),
  };
  const size = async () => ({
    keys: await redis.dbsize(),
    bytes: Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]),
  });
  try {
    await stores.events.partitions(PARTITIONS);
    await stores.database.ensureTenant("bench");
    await expireAll(stores); // The scripts are known to the server before its base size is read.
    await runOne(stores, "first");
    await expireAll(stores);
    const base = await size();
    const running = await runAll(stores, SIZE);
    const full = await size();
    const removing = await expireAll(stores);
    let rest = await size();
    // Freed in the background, as are the server's own tables of keys.
    for (let looks = 0; looks < 300 && rest.bytes > base.bytes * 1.05; looks++) {
      await sleep(100);
      rest = await size();
    }
    const row = (name: string, { keys, bytes }: typeof base) => [
      name,
      keys,
      mega(bytes),
      (bytes / base.bytes).toFixed(2),
    ];
    console.log(
      `\nRedis, AOF everysec, ${SIZE} executions: ${perSecond(running)}/s run, ${perSecond(removing)}/s removed\n`,
    );
    console.log(
      table(["", "keys", "used_memory, MB", "of base"], [row("base", base), row("full", full), row("after", rest)]),
    );
  } finally {
    await stores.events.close();
    await stores.database.close();
    redis.disconnect();
    await server.stop();
  }
}

const SIZES = `SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, s.n_dead_tup AS dead
  FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE s.schemaname = 'durabull'`;
const HELD = ["execution", "event", "summary", "attention", "expired"];

async function onPostgres(): Promise<void> {
  const server = await startPostgres();
  const connectionString = await freshDatabase(server);
  const client = new pg.Client({ connectionString });
  await client.connect();
  const stores = {
    events: await createPostgresEventStore({ connectionString, options: STORE_OPTIONS, poolSize: 20 }),
    database: await createPostgresDatabase({ connectionString, poolSize: 10 }),
  };
  const size = async (name: string) => {
    const { rows } = await client.query<{ name: string; bytes: string; dead: string }>(SIZES);
    const counts = HELD.map((held) => `(SELECT count(*) FROM durabull.${held})`).join(" + ");
    const {
      rows: [held],
    } = await client.query<{ count: string }>(`SELECT ${counts} AS count`);
    const total = rows.reduce((sum, { bytes }) => sum + Number(bytes), 0);
    return { row: [name, held?.count ?? 0, mega(total)], dead: rows.reduce((sum, { dead }) => sum + Number(dead), 0) };
  };
  try {
    // As in a server with its defaults, only that it looks more often than each minute.
    await client.query("ALTER SYSTEM SET autovacuum_naptime = '5s'");
    await client.query("SELECT pg_reload_conf()");
    await stores.events.partitions(PARTITIONS);
    await stores.database.ensureTenant("bench");
    const rows = [(await size("base")).row];
    let [running, removing] = [0, 0];
    for (let round = 1; round <= 3; round++) {
      running += await runAll(stores, SIZE);
      rows.push((await size(`full, round ${round}`)).row);
      removing += await expireAll(stores);
      let rest = await size(`after, round ${round}`);
      for (let looks = 0; looks < 60 && rest.dead > SIZE / 5; looks++) {
        await sleep(1_000);
        rest = await size(`after, round ${round}`);
      }
      rows.push(rest.row);
    }
    console.log(
      `\nPostgreSQL, ${SIZE} executions a round: ${perSecond(running / 3)}/s run, ${perSecond(removing / 3)}/s removed\n`,
    );
    console.log(table(["", "rows", "tables and indexes, MB"], rows));
  } finally {
    await stores.events.close();
    await stores.database.close();
    await client.end();
    await server.stop();
  }
}

if (STORES.includes("redis")) await onRedis();
if (STORES.includes("postgres")) await onPostgres();
process.exit(0);
