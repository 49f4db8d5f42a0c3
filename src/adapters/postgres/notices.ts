import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Notices } from "../../ports/notices.ts";
import { createBus } from "../notices/bus.ts";
import { createOutbox } from "../notices/outbox.ts";
import { checkSchemaName, DEFAULT_SCHEMA } from "./schema-name.ts";

export interface PostgresNoticesOptions {
  readonly connectionString: string;
  /** Default: `durabull`. */
  readonly schema?: string;
}

const RECONNECT_MS = 1_000;
const QUERY_TIMEOUT_MS = 5_000;

/**
 * Notices by NOTIFY, each in a transaction of its own that follows the write it tells of, on one connection a process that also
 * listens: no other transaction ever takes the lock that NOTIFY takes.
 */
export function createPostgresNotices({ connectionString, schema = DEFAULT_SCHEMA }: PostgresNoticesOptions): Notices {
  const origin = randomUUID();
  const bus = createBus(origin);
  const channel = `${checkSchemaName(schema).slice(0, 48)}_notices`;
  let client: Promise<pg.Client> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isListening = false;
  let hears = false;
  let isOpen = true;

  async function connect(): Promise<pg.Client> {
    const connection = new pg.Client({
      connectionString,
      connectionTimeoutMillis: QUERY_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
      application_name: "durabull notices",
    });
    connection.on("error", () => undefined);
    connection.on("notification", ({ payload = "" }) => bus.message(payload));
    try {
      await connection.connect();
      connection.once("end", () => lost());
      // A hint need not outlive a power loss.
      await connection.query("SET synchronous_commit = off");
      if (isListening) await listenOn(connection);
      return connection;
    } catch (error) {
      connection.end().catch(() => undefined);
      lost();
      throw error;
    }
  }

  async function listenOn(connection: pg.Client): Promise<void> {
    try {
      await connection.query(`LISTEN "${channel}"`);
    } catch (error) {
      connection.end().catch(() => undefined);
      throw error;
    }
    hears = true;
    bus.gap();
  }

  function lost(): void {
    hears = false;
    client = undefined;
    if (!isOpen || !isListening) return;
    clearTimeout(timer);
    timer = setTimeout(() => opened().catch(() => undefined), RECONNECT_MS);
    timer.unref();
  }

  function opened(): Promise<pg.Client> {
    client ??= connect();
    return client;
  }

  const outbox = createOutbox(origin, async (messages) => {
    const connection = await opened();
    try {
      await connection.query({
        name: "notify",
        text: "SELECT pg_notify($1, message) FROM unnest($2::text[]) AS message",
        values: [channel, messages],
      });
    } catch (error) {
      // What has not answered may never do so.
      connection.end().catch(() => undefined);
      throw error;
    }
  });

  return {
    tell(notice) {
      bus.notice(notice);
      outbox.put(notice);
    },
    listen(listener) {
      if (!isListening) {
        isListening = true;
        const known = client;
        const listening = known === undefined ? opened() : known.then(listenOn);
        listening.catch(() => undefined); // it is tried again once the connection is lost
      }
      return bus.listen(listener);
    },
    connected: () => hears,
    async close() {
      isOpen = false;
      clearTimeout(timer);
      await outbox.close();
      const connection = await client?.catch(() => undefined);
      await connection?.end().catch(() => undefined);
    },
  };
}
