import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { Client } from "pg";
import { look, newSweep, type Sweep } from "./canary.ts";
import { urlOfEmbedded } from "./embedded-url.ts";
import type { Environment } from "./stores.ts";

/** Everything a store holds, by asking for it, and everything it ever wrote that is still in its files. */
export async function sweepStore(env: Environment): Promise<{ readonly content: Sweep; readonly files: Sweep }> {
  if (env.REDIS_URL !== undefined) return sweepRedis(env.REDIS_URL);
  return sweepPostgres(env.DATABASE_URL ?? urlOfEmbedded(env.DURABULL_DATA_DIR ?? ""));
}

async function sweepRedis(url: string) {
  const client = new Redis(url);
  const content = newSweep();
  try {
    for await (const keys of client.scanStream({ count: 1_000 })) {
      for (const key of keys as string[]) look(content, key, `${key} ${JSON.stringify(await contentOf(client, key))}`);
    }
    const [, directory = ""] = (await client.config("GET", "dir")) as string[];
    return { content, files: sweepFiles(directory) };
  } finally {
    client.disconnect();
  }
}

async function contentOf(client: Redis, key: string): Promise<unknown> {
  const type = await client.type(key);
  switch (type) {
    case "string":
      return client.get(key);
    case "hash":
      return client.hgetall(key);
    case "list":
      return client.lrange(key, 0, -1);
    case "set":
      return client.smembers(key);
    case "zset":
      return client.zrange(key, "0", "-1");
    case "stream":
      return client.xrange(key, "-", "+");
    case "none":
      return null;
    default:
      throw new Error(`nobody looks into a ${type}: ${key}`);
  }
}

async function sweepPostgres(connectionString: string) {
  const client = new Client({ connectionString });
  await client.connect();
  const content = newSweep();
  try {
    const { rows: tables } = await client.query<{ place: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS place FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    for (const { place } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${place} t`);
      for (const { row } of rows) look(content, place, row);
    }
    // What is only in memory is put into the files.
    await client.query("CHECKPOINT");
    const { rows } = await client.query<{ data_directory: string }>("SHOW data_directory");
    return { content, files: sweepFiles(rows[0]?.data_directory ?? "") };
  } finally {
    await client.end();
  }
}

function sweepFiles(directory: string): Sweep {
  const files = newSweep();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    try {
      look(files, path, readFileSync(path));
    } catch (error) {
      // Servers remove files of theirs at any time.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  return files;
}
