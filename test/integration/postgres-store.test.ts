import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { checkConnections } from "../../src/adapters/postgres/connections.ts";
import { createPostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { createPostgresEventStore } from "../../src/adapters/postgres/event-store.ts";
import { migratePostgres } from "../../src/adapters/postgres/migrate.ts";
import { ConfigError, CorruptRecordError, StoreUnavailableError } from "../../src/errors.ts";
import type { EventStore } from "../../src/ports/event-store.ts";
import { aCommit, aGroup, anActivity, aStart, aSummary, taskRequested } from "../support/build.ts";
import { freshDatabase, startPostgres, type TestServer } from "../support/servers.ts";

const OPTIONS = { lookGraceMs: 300, maxInbox: 5 };

let server: TestServer;
let url: string;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startPostgres();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
afterAll(() => server.stop());

async function openStore(more: { poolSize?: number; queryTimeoutMs?: number } = {}): Promise<EventStore> {
  url = await freshDatabase(server);
  const store = await createPostgresEventStore({ connectionString: url, options: OPTIONS, ...more });
  open.push(store);
  return store;
}

async function sql(statement: string, connectionString = url): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

/** The URL of the same database for a new user who owns it. */
async function asNewUser(name: string, limits = ""): Promise<string> {
  await sql(`CREATE ROLE ${name} LOGIN PASSWORD 'x' ${limits}`);
  await sql(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" OWNER TO ${name}`);
  const own = new URL(url);
  own.username = name;
  own.password = "x";
  return own.href;
}

describe("migrations", () => {
  test("given an empty database, when 8 processes migrate it at once, then all succeed and each step is done once", async () => {
    url = await freshDatabase(server);
    await Promise.all(Array.from({ length: 8 }, () => migratePostgres(url)));
    const applied = await sql("SELECT name FROM durabull.migration ORDER BY name");
    expect(applied.length).toBeGreaterThan(5);
    expect(applied[0]).toEqual({ name: "0001-tables" });
  });

  test("given a schema of a newer build, when it is opened, then it is refused and says by what", async () => {
    await openStore();
    await sql("INSERT INTO durabull.migration (name, checksum) VALUES ('9999-from-the-future', 'x')");
    await expect(migratePostgres(url)).rejects.toThrow(ConfigError);
    await expect(migratePostgres(url)).rejects.toThrow(/newer build.*9999-from-the-future/);
  });

  test("given a step that was changed after it was done, when the schema is opened, then it is refused", async () => {
    await openStore();
    await sql("UPDATE durabull.migration SET checksum = 'x' WHERE name = '0002-records'");
    await expect(migratePostgres(url)).rejects.toThrow(/0002-records differs/);
  });

  test("given a wrong password, no database or no right to make a schema, when it is opened, then the message says so", async () => {
    await openStore();
    const own = new URL(await asNewUser("nobody_much"));
    await sql("REVOKE ALL ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO PUBLIC", server.url);
    own.pathname = "/postgres";
    const wrongPassword = new URL(url);
    wrongPassword.password = "wrong";
    const noDatabase = new URL(url);
    noDatabase.pathname = "/no_such_database";
    const failures = [
      [wrongPassword, /password authentication failed/],
      [noDatabase, /no_such_database.*does not exist/],
      [own, /permission denied/],
    ] as const;
    for (const [{ href }, message] of failures) {
      await expect(migratePostgres(href)).rejects.toThrow(ConfigError);
      await expect(migratePostgres(href)).rejects.toThrow(message);
    }
  });

  test("given a name that is no schema, when it is opened, then it is refused before anything runs", async () => {
    await expect(migratePostgres(server.url, 'x"; DROP SCHEMA public; --')).rejects.toThrow(ConfigError);
  });
});

describe("a database that is not there", () => {
  test("given no server, when the store is opened, then it is not available", async () => {
    const nowhere = "postgresql://postgres:x@127.0.0.1:1/postgres";
    await expect(migratePostgres(nowhere)).rejects.toThrow(StoreUnavailableError);
    await expect(createPostgresDatabase({ connectionString: nowhere })).rejects.toThrow(StoreUnavailableError);
  });

  test("given a server that is stopped and comes back, when it is used, then it is not available, then as before", async () => {
    const store = await openStore();
    const { head } = await store.start(aStart(aGroup(), await store.partitions(4)));
    await server.stop();
    await expect(store.now()).rejects.toThrow(StoreUnavailableError);
    await expect(store.read(head.executionId, { after: 0, inboxLimit: 1 })).rejects.toThrow(StoreUnavailableError);
    await server.restart();
    expect(await store.heads([head.executionId])).toEqual([head]);
  });

  test("given a server that does not answer, when it is used, then it is not available, and as before once it answers", async () => {
    const store = await openStore({ queryTimeoutMs: 300, poolSize: 2 });
    const { head } = await store.start(aStart(aGroup(), await store.partitions(4)));
    const backends = (await sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")).map(
      ({ pid }) => Number(pid),
    );
    const pids = [server.pid, ...backends.filter((pid) => isRunning(pid))];
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    try {
      const results = await Promise.allSettled(Array.from({ length: 6 }, () => store.now()));
      for (const result of results) {
        expect(result).toMatchObject({ status: "rejected", reason: expect.any(StoreUnavailableError) });
      }
    } finally {
      for (const pid of pids) if (isRunning(pid)) process.kill(pid, "SIGCONT");
    }
    expect(await store.heads([head.executionId])).toEqual([head]);
  });

  test("given more connections than the user may have, when another is needed, then the store is not available", async () => {
    await openStore();
    const connectionString = await asNewUser("only_one", "CONNECTION LIMIT 1");
    const taken = new Client({ connectionString });
    await taken.connect();
    try {
      await expect(migratePostgres(connectionString, "own")).rejects.toThrow(StoreUnavailableError);
    } finally {
      await taken.end();
    }
  });

  test("given a database that became read-only, when it is written to, then it is not available for writing", async () => {
    const store = await openStore({ poolSize: 1 });
    const head = (await store.start(aStart(aGroup(), await store.partitions(4)))).head;
    await sql(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET default_transaction_read_only = on`);
    await sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    await sleep(50);
    await expect(store.commit(head.executionId, aCommit(head))).rejects.toThrow(StoreUnavailableError);
    expect(await store.heads([head.executionId])).toEqual([head]);
  });
});

describe("records", () => {
  test("given an event of a later schema, when it is read, then it is refused, not guessed", async () => {
    const store = await openStore();
    const { head } = await store.start(aStart(aGroup(), await store.partitions(4)));
    await sql("UPDATE durabull.event SET schema_number = 2");
    const read = store.read(head.executionId, { after: 0, inboxLimit: 1 });
    await expect(read).rejects.toThrow(CorruptRecordError);
    await expect(read).rejects.toThrow(/schema 2/);
  });

  test("given an execution and owed work of a later schema, when attention is asked, then they do not keep it from the others", async () => {
    const store = await openStore();
    const partitions = await store.partitions(1);
    const heads = await Promise.all([1, 2, 3].map(() => store.start(aStart(aGroup(), partitions))));
    const [late, lateWork, readable] = heads.map(({ head }) => head.executionId);
    for (const { head } of heads.slice(1, 2)) {
      const add = [{ work: anActivity(2), lookAt: 1 }];
      await store.commit(head.executionId, aCommit(head, { events: [taskRequested()], add }));
      await store.settle(head.executionId, 2);
    }
    await sql(`UPDATE durabull.execution SET schema_number = 2 WHERE id = '${late}'`);
    await sql("UPDATE durabull.owed SET schema_number = 2");
    await sql("UPDATE durabull.attention SET look_at = key");
    const seen = (await store.attention(0, 200)).map(({ executionId }) => executionId);
    expect(seen).toEqual(expect.arrayContaining([lateWork, readable]));
  });

  test.each([2, 4])("given a history without event %i, when it is read, then the gap is told", async (lost) => {
    const store = await openStore();
    const { head } = await store.start(aStart(aGroup(), await store.partitions(4)));
    await store.commit(
      head.executionId,
      aCommit(head, { events: [1, 2, 3].map(() => aCommit(head).events[0]).flatMap((event) => event ?? []) }),
    );
    await sql(`DELETE FROM durabull.event WHERE sequence = ${lost}`);
    const read = store.read(head.executionId, { after: 0, inboxLimit: 1 });
    await expect(read).rejects.toThrow(CorruptRecordError);
    await expect(read).rejects.toThrow(new RegExp(`event ${lost} is missing`));
  });

  test("given events that do not follow the version, when they are committed, then it is a mistake of ours", async () => {
    const store = await openStore();
    const { head } = await store.start(aStart(aGroup(), await store.partitions(4)));
    const commit = aCommit({ ...head, version: 7 });
    await expect(store.commit(head.executionId, { ...commit, expected: head })).rejects.toThrow(RangeError);
  });

  test("given labels that no jsonb could hold, when they are projected, then they come back and are found", async () => {
    await openStore();
    const database = await createPostgresDatabase({ connectionString: url });
    open.push(database);
    const summary = aSummary({ labels: { "app/x": 'nul \u0000 quote " brace {a,b}' } });
    await database.project(summary);
    expect((await database.executions("acme", { labels: summary.labels }, { limit: 5 })).items).toEqual([summary]);
  });

  test("given a cursor that no page gave, when it is used, then it is refused", async () => {
    const store = await openStore();
    await expect(store.letters("acme", { limit: 5, cursor: "nonsense" })).rejects.toThrow(RangeError);
  });
});

describe("the server's settings", () => {
  test("given synchronous commits, when they are turned off, then a 2xx is only as durable as the process", async () => {
    const store = await openStore();
    expect(await store.durability()).toBe("disk");
    await sql(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET synchronous_commit = off`);
    const later = await createPostgresEventStore({ connectionString: url, options: OPTIONS });
    open.push(later);
    expect(await later.durability()).toBe("process");
  });

  test("given pools, when they are compared with what the server allows, then too many are refused with their names", async () => {
    await openStore();
    const { allowed } = await checkConnections(url, { store: 10, database: 5 });
    expect(allowed).toBeGreaterThan(150);
    await expect(checkConnections(url, { store: 10, queues: allowed })).rejects.toThrow(
      /store 10, queues \d+.*max_connections/,
    );
    const limited = await asNewUser("only_seven", "CONNECTION LIMIT 7");
    expect(await checkConnections(limited, { store: 7 })).toEqual({ wanted: 7, allowed: 7 });
    await expect(checkConnections(limited, { store: 8 })).rejects.toThrow(ConfigError);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
