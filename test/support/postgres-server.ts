import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { postgresBinaries } from "../../src/adapters/postgres/embedded/binaries.ts";
import { openCluster, serverUid } from "../../src/adapters/postgres/embedded/cluster.ts";
import { freePort } from "./free-port.ts";
import { dataDirectory, startServer, type TestServer } from "./server-process.ts";

export interface PostgresOptions {
  readonly port?: number;
  /** An empty directory, or one that an earlier call filled; default: a fresh one, removed at exit. */
  readonly dir?: string;
  /** False: quicker, and a power loss would lose data (a killed process does not). Default: true. */
  readonly fsync?: boolean;
}

export async function startPostgres(options: PostgresOptions = {}): Promise<TestServer> {
  const port = options.port ?? (await freePort());
  const dir = dataDirectory(options.dir, "durabull-postgres-");
  const uid = serverUid(join(dir.path, "data"));
  if (uid !== undefined) chmodSync(dir.path, 0o711);
  const binaries = postgresBinaries(uid);
  const { data, password } = openCluster(dir.path, binaries, { uid, sync: false });
  const url = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
  return startServer({
    url,
    port,
    command: binaries.postgres,
    args: postgresArgs(data, port, options.fsync ?? true),
    uid,
    dir,
    stopSignal: "SIGINT",
    abortSignal: "SIGQUIT",
    isReady: () => answersQuery(url),
  });
}

/** Creates a database with a random name in a running test PostgreSQL and returns its URL. */
export async function freshDatabase(server: Pick<TestServer, "url">): Promise<string> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withClient(server.url, (client) => client.query(`CREATE DATABASE ${name}`));
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url.href;
}

function postgresArgs(data: string, port: number, fsync: boolean): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 200,
    fsync: fsync ? "on" : "off",
  };
  return ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

async function answersQuery(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.query("SELECT 1"));
    return true;
  } catch {
    return false;
  }
}

async function withClient<T>(connectionString: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
