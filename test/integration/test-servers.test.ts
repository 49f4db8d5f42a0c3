import { Redis } from "ioredis";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshDatabase, startPostgres, startRedis, type TestServer } from "../support/servers.ts";

describe("the test Redis", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startRedis({ appendfsync: "always" });
  });
  afterAll(() => server.stop());

  test("given a write, when the server is killed and restarted, then the write is there", async () => {
    await usingRedis(server.url, (redis) => redis.set("key", "kept"));
    await server.kill();
    await server.restart();
    expect(await usingRedis(server.url, (redis) => redis.get("key"))).toBe("kept");
  });

  test("given a running server, when asked, then it evicts nothing", async () => {
    const policy = await usingRedis(server.url, (redis) => redis.config("GET", "maxmemory-policy"));
    expect(policy).toEqual(["maxmemory-policy", "noeviction"]);
  });
});

describe("the test PostgreSQL", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test("given a commit, when the server is killed and restarted, then the commit is there", async () => {
    const url = await freshDatabase(server);
    const before = server.pid;
    await query(url, "CREATE TABLE kept AS SELECT 1 AS n");
    await server.kill();
    await server.restart();
    expect(await query(url, "SELECT n FROM kept")).toEqual([{ n: 1 }]);
    expect(server.pid).not.toBe(before);
  });

  test("given two fresh databases, when one gets a table, then the other has none", async () => {
    const [one, other] = await Promise.all([freshDatabase(server), freshDatabase(server)]);
    await query(one, "CREATE TABLE mine ()");
    await expect(query(other, "SELECT * FROM mine")).rejects.toThrow("does not exist");
  });
});

async function usingRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
