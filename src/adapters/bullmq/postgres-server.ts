import {
  DEFAULT_SCHEMA,
  type PostgresConnection,
  PostgresQueueBackend,
  type Processor,
  Queue,
  type QueueBaseOptions,
  Worker,
} from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import { holderName } from "./holders.ts";
import type { QueueKind } from "./names.ts";
import { SelfHealingConnection } from "./postgres-connection.ts";
import { type QueueServer, type ServerDependencies, unhurried, workerOptions } from "./queue-server.ts";

export interface PostgresTarget {
  readonly connectionString: string;
  /** Default: made from the prefix. */
  readonly schema?: string;
}

export function postgresServer(target: PostgresTarget, { prefix, report }: ServerDependencies): QueueServer {
  const { postgresPools: pools, producers, retention } = bullmqConfig;
  const schema = target.schema ?? schemaOf(prefix);
  const connect = (max: number, name: string) => {
    const connection = new SelfHealingConnection({
      connectionString: target.connectionString,
      schema,
      max,
      connectionTimeoutMillis: producers.deadlineMs,
    });
    connection.on("error", (error) => report(error, name));
    return connection;
  };
  const shared = connect(pools.producers, "connection");
  const workersOpen = new Map<Worker, QueueKind>();
  return {
    openQueue(name) {
      const factory = (_: string, opts: QueueBaseOptions<unknown>) => new Backend(shared, name, opts, false);
      const streams = { events: { maxLen: retention.eventsPerQueue } };
      const queue = new Queue(name, { connection: shared, streams }, factory);
      queue.on("error", (error) => report(error, name));
      return queue as unknown as Queue;
    },
    openWorker(name, kind, processor: Processor, recover, concurrency) {
      const connection = connect(pools[kind], name);
      // PostgreSQL cuts names: where one does not fit, this worker's jobs wait for their locks.
      const holder = holderName();
      const fits = `${name}:w:${holder}`.length <= MOST_NAME_LENGTH;
      const listener = fits ? `${name}:w:${holder}` : name;
      const options = { ...workerOptions(kind, recover, concurrency), connection, ...(fits ? { name: holder } : {}) };
      const factory = (_: string, opts: QueueBaseOptions<unknown>) =>
        unhurried(new Backend(connection, name, opts, true, listener));
      const worker = new Worker(name, processor, options, factory) as unknown as Worker;
      worker.on("error", (error) => report(error, name));
      workersOpen.set(worker, kind);
      const disconnect = () => {
        workersOpen.delete(worker);
        connection.close().catch(() => undefined);
      };
      return { worker, disconnect };
    },
    async load(queue) {
      const { rows } = await query<Record<"waiting" | "due" | "active" | "age", string>>(shared, LOAD, [queue.name]);
      const [counts] = rows;
      return {
        waiting: Number(counts?.waiting ?? 0),
        due: Number(counts?.due ?? 0),
        active: Number(counts?.active ?? 0),
        oldestAgeMs: Number(counts?.age ?? 0),
      };
    },
    async holdsLock(queue, jobId) {
      const text = "SELECT locked_until_ms FROM job WHERE queue = $1 AND id = $2 AND state = 'active'";
      const { rows } = await query<{ locked_until_ms: string | null }>(shared, text, [queue.name, jobId]);
      return Number(rows[0]?.locked_until_ms ?? 0) > Date.now();
    },
    async freeAbandoned(queue, { lockMs, renewedWithinMs }) {
      const values = [queue.name, lockMs - renewedWithinMs];
      const { rows } = await query<{ freed: string; again: string | null }>(shared, FREE_ABANDONED, values);
      const againInMs = Math.min(renewedWithinMs, Number(rows[0]?.again ?? 0));
      return { freed: Number(rows[0]?.freed ?? 0), againInMs };
    },
    async stalledCheck(queue) {
      const text = "SELECT value FROM meta WHERE queue = $1 AND field = 'stalled-check'";
      const { rows } = await query<{ value: string | null }>(shared, text, [queue.name]);
      return rows[0]?.value ?? null;
    },
    delaysRunningJobs: false,
    bulkFrom: 8,
    // BullMQ writes a row of its own for each queue it opens.
    rememberTaskQueue: async () => undefined,
    async taskQueues() {
      const text = "SELECT DISTINCT queue FROM meta WHERE starts_with(queue, $1)";
      const { rows } = await query<{ queue: string }>(shared, text, [`${bullmqConfig.queues.tasks}-`]);
      return rows.map(({ queue }) => queue);
    },
    connections: () =>
      pools.producers + [...workersOpen.values()].reduce((sum, kind) => sum + pools[kind] + LISTENERS, 0),
    close: () => shared.close(),
  };
}

/** Each part is answered by one of BullMQ's partial indexes. A job that was promoted could be taken from when its delay was over. */
const LOAD = `
WITH clock AS MATERIALIZED (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)
SELECT
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'waiting') AS waiting,
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'delayed' AND process_at_ms <= now) AS due,
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'active') AS active,
  greatest(0, now - least(
    (SELECT added_at_ms + coalesce((opts->>'delay')::numeric, 0)::bigint FROM job
      WHERE queue = $1 AND state = 'waiting' ORDER BY priority, seq LIMIT 1),
    (SELECT min(process_at_ms) FROM job WHERE queue = $1 AND state = 'delayed'),
    now)) AS age
FROM clock`;

/**
 * Of active jobs whose holder no connection is named after: a lock that holds for no longer than `$2`, as it was not renewed for long, lapses,
 * and the job is marked, so that the next check, which may come at once, finds it stalled. Gives how many, and when the youngest of the other
 * locks is as old. By the server's clock, as that of a process that starts was not compared with it yet.
 */
const FREE_ABANDONED = `
WITH abandoned AS MATERIALIZED (
  SELECT id, locked_until_ms - (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS left_ms FROM job
  WHERE queue = $1 AND state = 'active' AND processed_by IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 || ':w:' || processed_by
  )
  FOR UPDATE SKIP LOCKED
), freed AS (
  UPDATE job j SET locked_until_ms = 0, stalled_marked = true FROM abandoned a
  WHERE j.queue = $1 AND j.id = a.id AND a.left_ms <= $2
  RETURNING j.id
), unchecked AS (
  DELETE FROM meta WHERE queue = $1 AND field = 'stalled-check' AND EXISTS (SELECT FROM freed)
)
SELECT (SELECT count(*) FROM freed) AS freed, (SELECT max(left_ms) - $2 FROM abandoned WHERE left_ms > $2) AS again`;

/** Of an `application_name`. */
const MOST_NAME_LENGTH = 63;
const LISTENERS = 1;

/** A schema's name: letters, digits and underscores, and never BullMQ's default, which another application may use. */
function schemaOf(prefix: string): string {
  const word = prefix
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, "_")
    .slice(0, 50);
  return word === "" ? `${DEFAULT_SCHEMA}_queues` : `${word}_queues`;
}

async function query<R>(connection: PostgresConnection, text: string, values: readonly unknown[]) {
  await connection.waitUntilReady();
  return connection.pool.query<R>(text, values);
}

class Backend extends PostgresQueueBackend {
  readonly #name: string;
  readonly #listenerName: string | undefined;
  readonly #clock: ServerClock;
  #named: Promise<void> | undefined;

  constructor(
    connection: PostgresConnection,
    name: string,
    opts: QueueBaseOptions<unknown>,
    ownsConnection: boolean,
    listenerName?: string,
  ) {
    super(connection, name, opts as QueueBaseOptions<never>, ownsConnection, listenerName);
    this.#name = name;
    this.#listenerName = listenerName;
    this.#clock = new ServerClock(connection);
  }

  override async waitUntilReady(): Promise<void> {
    await this.connection.waitUntilReady();
    if (this.#listenerName === undefined) return;
    this.#named ??= this.setName(this.#listenerName).catch((error) => {
      this.#named = undefined;
      throw error;
    });
    await this.#named;
  }

  /** BullMQ would sleep up to an hour after an error, trusting that no notification is ever lost. */
  override get maximumBlockTimeout(): number {
    return bullmqConfig.workers.idlePollSeconds;
  }

  override async moveToActive(token: string, name?: string) {
    await this.#clock.assertAgrees();
    return super.moveToActive(token, name);
  }

  override async moveStalledJobsToWait(): Promise<string[]> {
    await this.#clock.assertAgrees();
    await this.#forgetCheckFromTheFuture();
    return super.moveStalledJobsToWait();
  }

  /** Left by a worker whose clock was ahead: all others would wait for that moment before they look for stalled jobs again. */
  async #forgetCheckFromTheFuture(): Promise<void> {
    const text = "DELETE FROM meta WHERE queue = $1 AND field = 'stalled-check' AND value::bigint > $2";
    await query(this.connection, text, [this.#name, Date.now() + 2 * bullmqConfig.locks.maxClockSkewMs]);
  }
}

/**
 * BullMQ judges locks on PostgreSQL by the clock of each worker: one that is ahead takes running jobs from their healthy holders,
 * one that is behind has its own taken. So a worker that differs from the server by a quarter of the lock takes no jobs until it agrees.
 */
class ServerClock {
  readonly #connection: PostgresConnection;
  #checkedAt = Number.NEGATIVE_INFINITY;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  /** Asks the server now and then. @throws {Error} when the clocks differ too much. */
  async assertAgrees(): Promise<void> {
    const { maxClockSkewMs, clockCheckMs } = bullmqConfig.locks;
    const before = performance.now();
    if (before - this.#checkedAt < clockCheckMs) return;
    const text = "SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now";
    const { rows } = await query<{ now: string }>(this.#connection, text, []);
    const roundTripMs = performance.now() - before;
    const aheadMs = Date.now() - roundTripMs / 2 - Number(rows[0]?.now);
    if (Math.abs(aheadMs) - roundTripMs / 2 > maxClockSkewMs) {
      throw new Error(
        `the clock of this machine is ${Math.abs(aheadMs / 1_000).toFixed(1)} s ${aheadMs > 0 ? "ahead of" : "behind"} PostgreSQL's; no jobs are taken until they agree`,
      );
    }
    this.#checkedAt = performance.now();
  }
}
