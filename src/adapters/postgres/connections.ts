import { Client } from "pg";
import { ConfigError } from "../../errors.ts";
import { storeError } from "./pool.ts";

export interface ConnectionBudget {
  readonly wanted: number;
  /** Of all processes together. */
  readonly allowed: number;
}

/**
 * Compares what the pools of this process may open with what the server allows this user in this database.
 *
 * @param pools name and size of each pool.
 * @throws {ConfigError} when they do not fit even with no other process.
 * @throws {StoreUnavailableError}
 */
export async function checkConnections(
  connectionString: string,
  pools: Readonly<Record<string, number>>,
): Promise<ConnectionBudget> {
  const wanted = Object.values(pools).reduce((sum, size) => sum + size, 0);
  const allowed = await allowedConnections(connectionString);
  if (wanted <= allowed) return { wanted, allowed };
  const list = Object.entries(pools).map(([name, size]) => `${name} ${size}`);
  throw new ConfigError(
    `This process may open ${wanted} connections to PostgreSQL (${list.join(", ")}), which allows ${allowed}: raise ` +
      "max_connections (or the limit of the user or the database), or lower the concurrency.",
  );
}

/** The least of the server's, the user's and the database's limit; -1 is none. */
const ALLOWED = `SELECT least(
    (SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END) FROM pg_settings
      WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
  )::int AS allowed`;

async function allowedConnections(connectionString: string): Promise<number> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ readonly allowed: number }>(ALLOWED);
    return rows[0]?.allowed ?? 0;
  } catch (error) {
    throw storeError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
