import { resolve } from "node:path";
import { withBreaker } from "../adapters/breaker.ts";
import { type BullmqQueues, createBullmqQueues } from "../adapters/bullmq/queues.ts";
import { checkConnections } from "../adapters/postgres/connections.ts";
import { createPostgresDatabase } from "../adapters/postgres/database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../adapters/postgres/embedded.ts";
import { createPostgresEventStore } from "../adapters/postgres/event-store.ts";
import { createPostgresNotices } from "../adapters/postgres/notices.ts";
import { checkRedis } from "../adapters/redis/boot-checks.ts";
import { connectRedis } from "../adapters/redis/connection.ts";
import { createRedisDatabase } from "../adapters/redis/database.ts";
import { createRedisEventStore } from "../adapters/redis/event-store.ts";
import { createRedisNotices } from "../adapters/redis/notices.ts";
import { withBlobs } from "../adapters/with-blobs.ts";
import type { AdapterChoice, Config } from "../config/index.ts";
import { ConfigError } from "../errors.ts";
import type { Database } from "../ports/database.ts";
import type { EventStore } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { Notices } from "../ports/notices.ts";
import { noticingDatabase, noticingEvents } from "../runtime/noticing.ts";

/** How long after something became due somebody must look whether its wake-up is alive. */
const LOOK_GRACE_MS = 3_000;

export interface Adapters {
  readonly events: EventStore;
  readonly database: Database;
  readonly queues: BullmqQueues;
  /** Of what the event store and the database have written, by any process. */
  readonly notices: Notices;
  /** The number the event store was first booted with. */
  readonly partitions: number;
  /** Resolves when a server that this process runs is gone though nobody stopped it; never when it runs none. */
  readonly lost: Promise<void>;
  /** To be called once every consumer is open. @throws {ConfigError} when PostgreSQL allows fewer connections than this process may open. */
  checkCapacity(): Promise<void>;
  /** Queues first, the embedded server last. */
  close(): Promise<void>;
}

/** Opens what the configuration names. @throws {ConfigError} when a server cannot be used as it is. */
export async function openAdapters(
  config: Config,
  log: Log,
  onRedelivered: (queue: string) => void,
): Promise<Adapters> {
  const embedded = config.usesEmbedded ? await startEmbeddedPostgres({ dataDir: resolve(config.dataDir), log }) : null;
  const opened: { close(): Promise<void> }[] = [];
  try {
    const url = (choice: AdapterChoice) =>
      choice.kind === "embedded" ? (embedded as EmbeddedPostgres).url : choice.url;
    await checkRedisServers(config, log);
    const events = await openEventStore(config, url(config.eventStore));
    opened.push(events);
    const database = await openDatabase(config, url(config.database));
    opened.push(database);
    const queues = openQueues(config, url(config.queues), log, onRedelivered);
    opened.push(queues);
    const partitions = await agreedPartitions(events, config);
    const notices = openNotices(config, url(config.eventStore));
    opened.push(notices);
    return {
      events: noticingEvents(withBreaker("the event store", withBlobs(events, config.payloadInlineBytes)), notices),
      database: noticingDatabase(withBreaker("the database", database), notices),
      queues,
      notices,
      partitions,
      lost: embedded?.lost ?? new Promise<void>(() => {}),
      checkCapacity: () => checkCapacity(config, url, queues),
      close: () => closeAll(opened, embedded),
    };
  } catch (error) {
    await closeAll(opened, embedded);
    throw error;
  }
}

async function closeAll(
  opened: readonly { close(): Promise<void> }[],
  embedded: EmbeddedPostgres | null,
): Promise<void> {
  for (const each of [...opened].reverse()) await each.close();
  await embedded?.stop();
}

/** Refuses a Redis that could lose or evict what it is given. */
async function checkRedisServers(config: Config, log: Log): Promise<void> {
  const choices = [config.eventStore, config.database, config.queues];
  const urls = new Set(choices.flatMap((choice) => (choice.kind === "redis" ? [choice.url] : [])));
  for (const url of urls) {
    const connection = await connectRedis(url);
    try {
      for (const unchecked of await checkRedis(connection, config)) log.warn({}, unchecked);
    } finally {
      connection.disconnect();
    }
  }
}

function openEventStore(config: Config, url: string): Promise<EventStore> {
  const options = { lookGraceMs: LOOK_GRACE_MS, maxInbox: config.inboxMaxMessages };
  return config.eventStore.kind === "redis"
    ? createRedisEventStore({ url, prefix: PREFIX, allowVolatile: config.allowVolatile, options })
    : createPostgresEventStore({ connectionString: url, options, poolSize: POOLS.events });
}

function openDatabase(config: Config, url: string): Promise<Database> {
  return config.database.kind === "redis"
    ? createRedisDatabase({ url, prefix: PREFIX, allowVolatile: config.allowVolatile, changesKept: config.changesKept })
    : createPostgresDatabase({ connectionString: url, poolSize: POOLS.database, changesKept: config.changesKept });
}

/** Where the event store is: what is told is mostly of it. */
function openNotices(config: Config, url: string): Notices {
  return config.eventStore.kind === "redis"
    ? createRedisNotices({ url, prefix: PREFIX })
    : createPostgresNotices({ connectionString: url });
}

const PREFIX = "durabull";
/** PostgreSQL connections of the two stores in one process. */
const POOLS = { events: 10, database: 5 } as const;

async function checkCapacity(
  config: Config,
  url: (choice: AdapterChoice) => string,
  queues: BullmqQueues,
): Promise<void> {
  const wanted = [
    ["event store", config.eventStore, POOLS.events],
    ["notices", config.eventStore, 1],
    ["database", config.database, POOLS.database],
    ["queues", config.queues, queues.connections()],
  ] as const;
  const servers = new Map<string, Record<string, number>>();
  for (const [name, choice, connections] of wanted) {
    if (choice.kind !== "redis") servers.set(url(choice), { ...servers.get(url(choice)), [name]: connections });
  }
  for (const [server, pools] of servers) await checkConnections(server, pools);
}

function openQueues(config: Config, url: string, log: Log, onRedelivered: (queue: string) => void): BullmqQueues {
  const connection =
    config.queues.kind === "redis"
      ? ({ kind: "redis", url } as const)
      : ({ kind: "postgres", connectionString: url } as const);
  return createBullmqQueues({ connection, prefix: PREFIX, lanes: config.lanes, log, onRedelivered });
}

/** The number of partitions is fixed at the first boot: executions carry it. */
async function agreedPartitions(events: EventStore, config: Config): Promise<number> {
  const stored = await events.partitions(config.partitions);
  if (config.partitionsGiven && stored !== config.partitions) {
    throw new ConfigError(
      `PARTITIONS=${config.partitions}: this store was first booted with ${stored}, which cannot change; set PARTITIONS=${stored} or leave it out`,
    );
  }
  return stored;
}
