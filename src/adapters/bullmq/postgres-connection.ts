import { type PgPool, PostgresConnection, runMigrations } from "bullmq";
import { Client, type ClientConfig } from "pg";

const DEADLOCK = "40P01";
const DEADLOCK_RETRIES = 3;
const ignore = () => undefined;

type ListenClient = Awaited<ReturnType<PostgresConnection["getListenClient"]>>;

export interface PostgresConnectionSettings {
  readonly connectionString: string;
  readonly schema: string;
  /** Clients of its pool; one that listens comes on top. */
  readonly max: number;
  readonly connectionTimeoutMillis: number;
}

/**
 * BullMQ's connection with what a service that outlives its server needs:
 *
 * - A first connection that failed is tried again at each use, and migrates; BullMQ's remembers the failure for ever.
 * - Every client has somebody who hears its errors from before it connects until after it has ended. An error that nobody hears ends the
 *   process, and a server that shuts down tells each of its clients so at any moment: while a client is checked out of the pool, with the
 *   very packet that completes a connection, or between the farewell and the end. BullMQ's listening client is deaf at the latter two.
 */
export class SelfHealingConnection extends PostgresConnection {
  readonly #listenConfig: ClientConfig;
  #ready: Promise<void> | undefined;
  #listener: Promise<Client> | undefined;
  #listening: Client | undefined;
  #listenerName: string | undefined;

  constructor({ schema, ...settings }: PostgresConnectionSettings) {
    const config = {
      ...settings,
      keepAlive: true,
      // A queue need not survive a power cut: what it knew is rebuilt from the log. So no statement waits for the disk.
      options: "-c synchronous_commit=off",
    };
    super({ ...config, schema, idleTimeoutMillis: 60_000 });
    this.#listenConfig = { ...config, options: `${config.options} -c search_path="${schema}"` };
    this.pool.on("connect", (client) => client.on("error", ignore));
    surviveDeadlocks(this.pool);
  }

  override waitUntilReady(): Promise<void> {
    this.#ready ??= this.#migrate().catch((error) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  override getListenClient(): Promise<ListenClient> {
    // One class, which BullMQ and pg describe with different overloads.
    return this.#listenClient() as Promise<unknown> as Promise<ListenClient>;
  }

  /** How others see who takes jobs; kept for a client that replaces this one. */
  override async setListenClientName(name: string): Promise<void> {
    this.#listenerName = name;
    await nameClient(await this.#listenClient(), name);
  }

  override async close(): Promise<void> {
    const closed = super.close();
    const client = await this.#listener?.catch(ignore);
    await client?.end().catch(ignore);
    await closed;
  }

  async #migrate(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await runMigrations(client, this.schema);
    } finally {
      client.release();
    }
  }

  #listenClient(): Promise<Client> {
    this.#listener ??= this.#listen();
    return this.#listener;
  }

  async #listen(): Promise<Client> {
    if (this.isClosing) throw new Error("the connection to PostgreSQL is closed");
    const client = new Client(this.#listenConfig);
    client.on("error", (error) => {
      this.#forget(client);
      this.#tell(error);
    });
    client.once("end", () => this.#forget(client));
    this.#listening = client;
    try {
      await client.connect();
      if (this.#listenerName !== undefined) await nameClient(client, this.#listenerName);
      return client;
    } catch (error) {
      this.#forget(client);
      throw error;
    }
  }

  /** What waits on this client would never be notified; it listens again on the next. */
  #forget(client: Client): void {
    if (this.#listening !== client) return;
    this.#listening = undefined;
    this.#listener = undefined;
    client.removeAllListeners("notification");
    client.end().catch(ignore);
    if (!this.isClosing) this.emit("listenerinvalidated");
  }

  #tell(error: Error): void {
    if (this.listenerCount("error") > 0) this.emit("error", error);
  }
}

async function nameClient(client: Client, name: string): Promise<void> {
  await client.query("SELECT set_config('application_name', $1, false)", [name]);
}

/**
 * BullMQ's statements meet in deadlocks now and then, and one that ends the completion of a job would count as the job's failure.
 * Each is a transaction of its own, so the one that PostgreSQL gave up has done nothing and may run again.
 */
function surviveDeadlocks(pool: PgPool): void {
  const query = pool.query.bind(pool);
  pool.query = async <R>(text: string, values?: readonly unknown[]) => {
    for (let left = DEADLOCK_RETRIES; ; left -= 1) {
      try {
        return await query<R>(text, values);
      } catch (error) {
        if (left === 0 || (error as { readonly code?: unknown }).code !== DEADLOCK) throw error;
      }
    }
  };
}
