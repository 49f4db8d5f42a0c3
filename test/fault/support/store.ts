import { Redis } from "ioredis";
import { Client } from "pg";
import { pino } from "pino";
import { bullmqConfig } from "../../../bullmq.config.ts";
import { type BullmqQueues, createBullmqQueues } from "../../../src/adapters/bullmq/queues.ts";
import { createPostgresEventStore } from "../../../src/adapters/postgres/event-store.ts";
import { createRedisEventStore } from "../../../src/adapters/redis/event-store.ts";
import type { EventStore } from "../../../src/ports/event-store.ts";
import { freshDatabase, startPostgres, startRedis, type TestServer } from "../../support/servers.ts";

/** What the service calls its keys, schema and queues. */
const PREFIX = "durabull";
const QUEUE_SCHEMA = "durabull_queues";
const OPTIONS = { lookGraceMs: 3_000, maxInbox: 10_000 };

const TIMERS = bullmqConfig.queues.timers;
const queueKey = (queue: string, of: string) => `{${PREFIX}:${queue}}:${queue}:${of}`;

export type StoreKind = "redis" | "postgres";

/** The service's own adapters, opened in this process to look at what is stored. */
export interface StoreLook {
  readonly events: EventStore;
  readonly queues: BullmqQueues;
  /** Executions that are due or must be looked at, now or ever. */
  attention(): Promise<number>;
  close(): Promise<void>;
}

/** A server, with a look into what is stored, and hands to damage it. */
export interface FaultStore extends StoreLook {
  readonly kind: StoreKind;
  readonly server: TestServer;
  readonly env: Readonly<Record<string, string>>;
  /** Deletes all that the queues hold; what is stored stays. */
  wipeQueues(): Promise<void>;
  /** Timers that are delayed until after this moment, epoch milliseconds. */
  delayedBeyond(moment: number): Promise<number>;
  /** Takes jobs that wait (or, of timers, are delayed) out of one queue and leaves everything else that speaks of them. Gives how many. */
  loseJobs(queue: string): Promise<number>;
}

export async function openFaultStore(kind: StoreKind): Promise<FaultStore> {
  return kind === "redis" ? openRedisStore() : openPostgresStore();
}

async function openRedisStore(): Promise<FaultStore> {
  const server = await startRedis({ appendfsync: "always" });
  const client = new Redis(server.url, { maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  const events = await createRedisEventStore({ url: server.url, prefix: PREFIX, options: OPTIONS });
  const queues = openQueues({ kind: "redis", url: server.url });
  const keysLike = async (pattern: string) => {
    const keys: string[] = [];
    for await (const some of client.scanStream({ match: pattern, count: 1_000 })) keys.push(...(some as string[]));
    return keys;
  };
  return {
    kind: "redis",
    server,
    env: { REDIS_URL: server.url },
    events,
    queues,
    async attention() {
      const keys = [...(await keysLike(`${PREFIX}:{*}:look`)), ...(await keysLike(`${PREFIX}:{*}:g:*:due`))];
      const counts = await Promise.all(keys.map((key) => client.zcard(key)));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async wipeQueues() {
      const keys = await keysLike(`{${PREFIX}:*`);
      if (keys.length > 0) await client.del(...keys);
    },
    // BullMQ keeps a moment with twelve bits of order behind it.
    delayedBeyond: (moment) => client.zcount(queueKey(TIMERS, "delayed"), moment * 4096, "+inf"),
    async loseJobs(queue) {
      const key = (of: string) => queueKey(queue, of);
      const waiting = await client.llen(key("wait"));
      const delayed = await client.zcard(key("delayed"));
      await client.del(key("wait"), key("delayed"));
      return waiting + delayed;
    },
    async close() {
      await queues.close();
      await events.close();
      client.disconnect();
      await server.stop();
    },
  };
}

async function openPostgresStore(): Promise<FaultStore> {
  const server = await startPostgres();
  const url = await freshDatabase(server);
  const run = async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> => {
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<Row & Record<string, unknown>>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  const look = await lookIntoPostgres(url);
  return {
    kind: "postgres",
    server,
    env: { DATABASE_URL: url },
    ...look,
    async wipeQueues() {
      const tables = await run<{ tablename: string }>(
        "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> 'migration'",
        [QUEUE_SCHEMA],
      );
      const names = tables.map(({ tablename }) => `${QUEUE_SCHEMA}.${tablename}`);
      await run(`TRUNCATE ${names.join(", ")}`);
    },
    async delayedBeyond(moment) {
      const [row] = await run<{ count: string }>(
        `SELECT count(*) FROM ${QUEUE_SCHEMA}.job WHERE queue = $1 AND state = 'delayed' AND process_at_ms > $2`,
        [TIMERS, moment],
      );
      return Number(row?.count);
    },
    async loseJobs(queue) {
      const lost = await run(
        `DELETE FROM ${QUEUE_SCHEMA}.job WHERE queue = $1 AND state IN ('waiting', 'delayed') RETURNING id`,
        [queue],
      );
      return lost.length;
    },
    async close() {
      await look.close();
      await server.stop();
    },
  };
}

/** The service's own adapters on a database that it works on. */
export async function lookIntoPostgres(url: string): Promise<StoreLook> {
  const events = await createPostgresEventStore({ connectionString: url, options: OPTIONS, poolSize: 4 });
  const queues = openQueues({ kind: "postgres", connectionString: url });
  return {
    events,
    queues,
    async attention() {
      const client = new Client({ connectionString: url });
      client.on("error", () => undefined);
      await client.connect();
      try {
        const { rows } = await client.query<{ count: string }>("SELECT count(*) FROM durabull.attention");
        return Number(rows[0]?.count);
      } finally {
        await client.end();
      }
    },
    async close() {
      await queues.close();
      await events.close();
    },
  };
}

function openQueues(connection: Parameters<typeof createBullmqQueues>[0]["connection"]): BullmqQueues {
  return createBullmqQueues({ connection, prefix: PREFIX, lanes: 1, log: pino({ level: "silent" }) });
}
