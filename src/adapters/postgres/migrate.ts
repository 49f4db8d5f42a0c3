import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { ConfigError } from "../../errors.ts";
import { sqlState, storeError } from "./pool.ts";
import { checkSchemaName, DEFAULT_SCHEMA, inSchema } from "./schema-name.ts";

const OLDEST_VERSION = 150_000;
const DIRECTORY = fileURLToPath(new URL("./migrations/", import.meta.url));
const INSUFFICIENT_PRIVILEGE = "42501";

interface Migration {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/**
 * Brings a schema to this build's tables and functions. Repeatable; several processes may do it at once.
 *
 * @throws {ConfigError} for a server or a user that will not do, or a schema that another build wrote.
 * @throws {StoreUnavailableError}
 */
export async function migratePostgres(connectionString: string, schema = DEFAULT_SCHEMA): Promise<void> {
  checkSchemaName(schema);
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000, application_name: "durabull" });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await checkServer(client);
    if ((await missing(client, schema)).length > 0) await apply(client, schema);
  } catch (error) {
    throw bootError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Mistakes that somebody must mend, told as such; they would look like an absent database later on. */
function bootError(error: unknown): unknown {
  const code = sqlState(error) ?? "";
  if (!/^(28|3D000)/.test(code) && code !== INSUFFICIENT_PRIVILEGE) return storeError(error);
  const message = error instanceof Error ? error.message : String(error);
  return new ConfigError(`DATABASE_URL does not let Durabull in: ${message}`, { cause: error });
}

async function checkServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ readonly number: string; readonly version: string }>(
    "SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version",
  );
  if (Number(rows[0]?.number) < OLDEST_VERSION) {
    throw new ConfigError(`PostgreSQL 15 or later is needed, DATABASE_URL leads to ${rows[0]?.version}`);
  }
}

async function apply(client: Client, schema: string): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`durabull migrations of ${schema}`]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
    await client.query(`CREATE TABLE IF NOT EXISTS "${schema}".migration (
      name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
    for (const { name, text, checksum } of await missing(client, schema)) {
      await client.query(inSchema(text, schema));
      await client.query(`INSERT INTO "${schema}".migration (name, checksum) VALUES ($1, $2)`, [name, checksum]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** @throws {ConfigError} when the schema holds what this build does not know. */
async function missing(client: Client, schema: string): Promise<readonly Migration[]> {
  const migrations = readMigrations();
  const applied = await appliedMigrations(client, schema);
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  const newer = [...applied.keys()].filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw new ConfigError(
      `The schema "${schema}" was written by a newer build of Durabull (${newer.join(", ")}). Start that build or a later one.`,
    );
  }
  for (const [name, checksum] of applied) {
    if (known.get(name) === checksum) continue;
    throw new ConfigError(
      `The schema "${schema}" was written by another build of Durabull: its ${name} differs. Start that build, or use another ` +
        "database.",
    );
  }
  return migrations.filter(({ name }) => !applied.has(name));
}

async function appliedMigrations(client: Client, schema: string): Promise<ReadonlyMap<string, string>> {
  const { rows: found } = await client.query(
    "SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'migration'",
    [schema],
  );
  if (found.length === 0) return new Map();
  const { rows } = await client.query<{ readonly name: string; readonly checksum: string }>(
    `SELECT name, checksum FROM "${schema}".migration`,
  );
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function readMigrations(): readonly Migration[] {
  const files = readdirSync(DIRECTORY).filter((file) => file.endsWith(".sql"));
  return files.sort().map((file) => {
    const text = readFileSync(`${DIRECTORY}${file}`, "utf8");
    return { name: file.replace(/\.sql$/, ""), text, checksum: createHash("sha256").update(text).digest("hex") };
  });
}
