import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  checkRedis,
  connectRedis,
  createRedisDatabase,
  createRedisEventStore,
} from "../../src/adapters/redis/index.ts";
import { keysOf } from "../../src/adapters/redis/keys.ts";
import { ConfigError, CorruptRecordError, StoreUnavailableError, VersionConflictError } from "../../src/errors.ts";
import type { Attention, EventStore, ExecutionHead } from "../../src/ports/event-store.ts";
import { partitionOfExecution } from "../../src/values/ids.ts";
import {
  aCommit,
  aDefinition,
  aGroup,
  aLetter,
  aMessage,
  anActivity,
  anExecutionId,
  aStart,
  aSummary,
  nextSerial,
  taskRequested,
  taskStarted,
} from "../support/build.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { present, until } from "./event-store/world.ts";

const options = { lookGraceMs: 300, maxInbox: 100 };
const PARTITIONS = 4;

let server: TestServer;
let admin: Redis;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startRedis({ appendfsync: "always" });
  admin = new Redis(server.url);
  admin.on("error", () => undefined);
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

async function openStore(url = server.url): Promise<{ store: EventStore; prefix: string }> {
  const prefix = `test-${nextSerial()}`;
  const store = await createRedisEventStore({ url, prefix, options });
  opened.push(store);
  await store.partitions(PARTITIONS);
  return { store, prefix };
}

async function redriven(store: EventStore, head: ExecutionHead): Promise<void> {
  const letter = aLetter(head);
  await store.park(letter);
  expect(await store.unpark("acme", letter.id)).toMatchObject({ result: "redriven" });
}

async function started(store: EventStore) {
  return (await store.start(aStart(aGroup(), PARTITIONS))).head;
}

describe("boot", () => {
  // Its own: an append-only file that was just switched on is not whole before its first rewrite, nor does Redis stop before.
  let server: TestServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis({ appendfsync: "always" });
    admin = new Redis(server.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await server.kill();
  });
  const open = async (url: string) => {
    const connection = await connectRedis(url);
    opened.push({ close: async () => connection.disconnect() });
    return connection;
  };
  const check = async (allowVolatile: boolean, url = server.url) => checkRedis(await open(url), { allowVolatile });
  afterEach(async () => {
    await admin.config("SET", "maxmemory-policy", "noeviction");
    await admin.config("SET", "appendonly", "yes");
    await admin.config("SET", "appendfsync", "always");
  });

  test("given a Redis that keeps all it acknowledges, when it is checked, then nothing is wrong and nothing unchecked", async () => {
    expect(await check(false)).toEqual([]);
  });

  test("given a Redis that evicts and keeps nothing on disk, when it is checked, then both are refused with what to do", async () => {
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    await admin.config("SET", "appendonly", "no");
    const error = await check(false).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("maxmemory-policy is allkeys-lru");
    expect(String(error)).toContain("CONFIG SET maxmemory-policy noeviction");
    expect(String(error)).toContain("ALLOW_VOLATILE");
    const place = { url: server.url, prefix: "test" };
    await expect(createRedisEventStore({ ...place, options })).rejects.toThrow(ConfigError);
    await expect(createRedisDatabase(place)).rejects.toThrow(ConfigError);
  });

  test("given a Redis that keeps nothing on disk, when that is allowed, then it is accepted, and eviction is not", async () => {
    await admin.config("SET", "appendonly", "no");
    expect(await check(true)).toEqual([]);
    await admin.config("SET", "maxmemory-policy", "volatile-ttl");
    await expect(check(true)).rejects.toThrow("maxmemory-policy");
  });

  test("given a Redis of an older version, when it is checked, then it is refused", async () => {
    const proxy = await startTcpProxy(server.port);
    opened.push(proxy);
    proxy.answer((bytes) =>
      Buffer.from(bytes.toString("latin1").replace("redis_version:7.0.", "redis_version:6.2."), "latin1"),
    );
    await expect(check(false, `redis://127.0.0.1:${proxy.port}`)).rejects.toThrow("run Redis 7.0 or later");
  });

  test("given a user who may not use CONFIG, when it is checked, then it says what could not be, and promises the least", async () => {
    await admin.call("ACL", "SETUSER", "managed", "on", ">secret", "~*", "+@all", "-config");
    const url = `redis://managed:secret@127.0.0.1:${server.port}`;
    const unchecked = await check(false, url);
    expect(unchecked).toHaveLength(1);
    expect(unchecked[0]).toContain("appendfsync");
    const { store } = await openStore(url);
    expect(await store.durability()).toBe("process");
    await admin.config("SET", "maxmemory-policy", "allkeys-random");
    await expect(check(false, url)).rejects.toThrow(ConfigError);
  });

  test("given the settings of the log on disk, when durability is asked, then it has its name", async () => {
    const { store } = await openStore(server.url);
    expect(await store.durability()).toBe("disk");
    await admin.config("SET", "appendfsync", "everysec");
    expect(await store.durability()).toBe("process");
    await admin.config("SET", "appendonly", "no");
    expect(await store.durability()).toBe("process");
  });

  test("given an address where nothing listens, when a store is opened, then it is unavailable", async () => {
    const nowhere = startTcpProxy(1);
    const { port, close } = await nowhere;
    await close();
    const url = `redis://127.0.0.1:${port}`;
    await expect(createRedisEventStore({ url, options })).rejects.toThrow(StoreUnavailableError);
  });
});

describe("a server in trouble", () => {
  test("given a server that is killed, when operations come, then they fail; when it is back, then nothing acknowledged is gone", async () => {
    const { store } = await openStore();
    const database = await createRedisDatabase({ url: server.url, prefix: `test-${nextSerial()}` });
    opened.push(database);
    const head = await started(store);
    const committed = await store.commit(head.executionId, aCommit(head));
    await store.append(head.executionId, aMessage());
    await database.putDefinition(aDefinition());
    await server.kill();

    for (const operation of [
      () => store.start(aStart(aGroup(), PARTITIONS)),
      () => store.append(head.executionId, aMessage()),
      () => store.read(head.executionId, { after: 0, inboxLimit: 1 }),
      () => store.heads([head.executionId]),
      () => store.letters("acme", { limit: 1 }),
      () => store.now(),
      () => store.durability(),
      () => database.definition("acme", "shop", "order"),
      () => database.definitions("acme", {}, { limit: 1 }),
      () => database.project(aSummary()),
    ]) {
      await expect(operation()).rejects.toThrow(StoreUnavailableError);
    }

    await server.restart();
    const read = await until(() => store.read(head.executionId, { after: 0, inboxLimit: 9 }).catch(() => undefined));
    expect(read).toMatchObject({ head: committed.result === "committed" ? committed.head : null });
    expect(read?.events).toHaveLength(2);
    expect(read?.inbox).toHaveLength(1);
    expect(await store.append(head.executionId, aMessage())).toBe("accepted");
    const stored = await until(() => database.definition("acme", "shop", "order").catch(() => undefined));
    expect(stored).toMatchObject({ name: "order" });
  });

  test("given a server that hangs, when operations come, then they fail; when it goes on, then the store works again", async () => {
    const { store } = await openStore();
    const head = await started(store);
    process.kill(server.pid, "SIGSTOP");
    try {
      const operations = [store.append(head.executionId, aMessage()), store.heads([head.executionId]), store.now()];
      for (const result of await Promise.allSettled(operations)) {
        expect(result).toMatchObject({ status: "rejected", reason: expect.any(StoreUnavailableError) });
      }
    } finally {
      process.kill(server.pid, "SIGCONT");
    }
    expect(await until(() => store.append(head.executionId, aMessage()).catch(() => undefined))).toBe("accepted");
  });

  test("given a server out of memory, when operations come, then writes fail whole and reads go on; with memory all is well", async () => {
    const { store } = await openStore();
    const head = await started(store);
    await store.append(head.executionId, aMessage());
    await admin.config("SET", "maxmemory", "1");
    try {
      await expect(store.start(aStart(aGroup(), PARTITIONS))).rejects.toThrow(StoreUnavailableError);
      await expect(store.append(head.executionId, aMessage())).rejects.toThrow(StoreUnavailableError);
      const commit = aCommit(head, { taken: 1, remove: [9], status: "COMPLETED" });
      await expect(store.commit(head.executionId, commit)).rejects.toThrow(StoreUnavailableError);
      const read = present(await store.read(head.executionId, { after: 0, inboxLimit: 9 }));
      expect(read).toMatchObject({ head, inbox: [{ kind: "message" }] });
      expect(await store.due(head)).toEqual([head.executionId]);
    } finally {
      await admin.config("SET", "maxmemory", "0");
    }
    const committed = await store.commit(head.executionId, aCommit(head, { taken: 1, status: "COMPLETED" }));
    expect(committed).toMatchObject({ result: "committed" });
  });

  test("given a server that became a replica, when a write comes, then it is unavailable; when it is primary again, then not", async () => {
    const { store } = await openStore();
    const head = await started(store);
    await admin.replicaof("127.0.0.1", 1);
    await expect(store.append(head.executionId, aMessage())).rejects.toThrow(StoreUnavailableError);
    await admin.replicaof("NO", "ONE");
    expect(await until(() => store.append(head.executionId, aMessage()).catch(() => undefined))).toBe("accepted");
  });

  test("given a server that forgot all scripts, when operations come, then they run", async () => {
    const { store } = await openStore();
    const head = await started(store);
    await admin.script("FLUSH");
    expect(await store.append(head.executionId, aMessage())).toBe("accepted");
    expect(await store.due(head)).toEqual([head.executionId]);
    await admin.script("FLUSH");
    const many = await Promise.all(Array.from({ length: 20 }, () => store.append(head.executionId, aMessage())));
    expect(new Set(many)).toEqual(new Set(["accepted"]));
  });
});

describe("an answer that is lost after the command ran", () => {
  let proxy: TcpProxy;
  const lose = async (operation: () => Promise<unknown>) => {
    proxy.answer(() => null);
    await expect(operation()).rejects.toThrow(StoreUnavailableError);
    proxy.answer((bytes) => bytes);
  };
  const again = <Answer>(operation: () => Promise<Answer>) =>
    until(async () => {
      try {
        return { answer: await operation() };
      } catch (error) {
        if (error instanceof StoreUnavailableError) return undefined;
        throw error;
      }
    });

  test("given start, append, commit, settle, park and unpark, when each is repeated, then nothing happened twice", async () => {
    proxy = await startTcpProxy(server.port);
    opened.push(proxy);
    const { store } = await openStore(`redis://127.0.0.1:${proxy.port}`);
    // The server has to know the scripts: else what is lost is only its word that it does not.
    const warm = await started(store);
    await store.append(warm.executionId, aMessage());
    await store.commit(warm.executionId, aCommit(warm, { taken: 1 }));
    await store.settle(warm.executionId, 2);
    await redriven(store, warm);

    const command = aStart(aGroup(), PARTITIONS);
    await lose(() => store.start(command));
    const { answer: existing } = await again(() => store.start(command));
    expect(existing).toMatchObject({ result: "existing", head: { version: 1 } });

    const message = aMessage();
    await lose(() => store.append(command.executionId, message));
    expect((await again(() => store.append(command.executionId, message))).answer).toBe("duplicate");

    const commit = aCommit(existing.head, { taken: 1 });
    await lose(() => store.commit(command.executionId, commit));
    await expect(again(() => store.commit(command.executionId, commit))).rejects.toThrow(VersionConflictError);
    const read = present(await store.read(command.executionId, { after: 0, inboxLimit: 9 }));
    expect(read.events).toHaveLength(2);
    expect(read.inbox).toEqual([]);

    await lose(() => store.settle(command.executionId, 2));
    expect((await again(() => store.settle(command.executionId, 2))).answer).toBe(true);

    const letter = aLetter(existing.head);
    await lose(() => store.park(letter));
    await again(() => store.park(letter));
    expect((await store.letters("acme", { limit: 9 })).items.filter(({ id }) => id === letter.id)).toHaveLength(1);
    await lose(() => store.unpark("acme", letter.id));
    expect((await again(() => store.unpark("acme", letter.id))).answer).toEqual({ result: "already-redriven" });
  });
});

describe("records", () => {
  test("given an execution written by a later build, when anything touches it, then it is refused and stays as it is", async () => {
    const { store, prefix } = await openStore();
    const head = await started(store);
    const { executionId } = head;
    const keys = keysOf(prefix);
    const partition = partitionOfExecution(executionId);
    await admin.hset(keys.head(partition, executionId), "v", "2");
    const before = await admin.hgetall(keys.head(partition, executionId));
    for (const operation of [
      () => store.read(executionId, { after: 0, inboxLimit: 1 }),
      () => store.append(executionId, aMessage()),
      () => store.commit(executionId, aCommit(head)),
      () => store.settle(executionId, 1),
      () => store.heads([executionId]),
      () => store.describe(executionId),
      () => store.start(aStart(head, PARTITIONS, { onOpen: "terminate" })),
    ]) {
      await expect(operation()).rejects.toThrow(CorruptRecordError);
    }
    expect(await admin.hgetall(keys.head(partition, executionId))).toEqual(before);
    expect(await admin.exists(`${keys.head(partition, executionId)}:inbox`)).toBe(0);
  });

  test("given executions and owed work of a later build, when attention is asked, then it gives the others, and asks for these later", async () => {
    const { store, prefix } = await openStore();
    const [late, lateWork, readable] = [await started(store), await started(store), await started(store)];
    const add = [{ work: anActivity(2), lookAt: 1 }];
    await store.commit(lateWork.executionId, aCommit(lateWork, { events: [taskRequested()], add }));
    await store.settle(lateWork.executionId, 2);
    const keyOf = ({ executionId }: ExecutionHead) =>
      keysOf(prefix).head(partitionOfExecution(executionId), executionId);
    await admin.hset(keyOf(late), "v", "2");
    await admin.hset(`${keyOf(lateWork)}:owed`, "2", "2|whatever");
    const looks = (head: ExecutionHead) => `${keysOf(prefix).partition(partitionOfExecution(head.executionId))}:look`;
    // First in their turn, and one at a time: neither may stand before the others for ever.
    for (const head of [late, lateWork]) await admin.zadd(looks(head), 1, head.executionId);

    const lookedAt = async () => {
      const of = (head: ExecutionHead) => store.attention(partitionOfExecution(head.executionId), 1);
      return [...(await of(late)), ...(await of(lateWork)), ...(await of(readable))];
    };
    const seen = new Map<string, Attention>();
    await until(async () => {
      for (const each of await lookedAt()) {
        seen.set(each.executionId, each);
        await store.looked(each.executionId, { entries: [], lookAt: (await store.now()) + 3_600_000 });
      }
      return seen.has(readable.executionId) && seen.has(lateWork.executionId);
    });
    expect(seen.has(late.executionId)).toBe(false);
    expect(seen.get(lateWork.executionId)?.owed).toEqual([]);
    const soon = (await store.now()) + 5_000;
    expect(Number(await admin.zscore(looks(late), late.executionId))).toBeGreaterThan(soon);
    expect(Number(await admin.zscore(`${keyOf(lateWork)}:look`, "2"))).toBeGreaterThan(soon);
  });

  test("given an event, a fact, owed work or a snapshot of a later build, when it is read, then it is refused", async () => {
    const { store, prefix } = await openStore();
    const damaged = async (damage: (key: string) => Promise<unknown>) => {
      const head = await started(store);
      const committed = await store.commit(head.executionId, aCommit(head, { snapshot: {} }));
      expect(committed.result).toBe("committed");
      await damage(keysOf(prefix).head(partitionOfExecution(head.executionId), head.executionId));
      return store.read(head.executionId, { after: 0, inboxLimit: 9 });
    };
    const damages = [
      (key: string) => admin.rpush(`${key}:inbox`, '2 m 5 {"id":"x"}'),
      (key: string) => admin.hset(`${key}:owed`, "2", "2|whatever"),
      (key: string) => admin.set(`${key}:snapshot`, "2 2 {}"),
      async (key: string) => {
        await admin.del(`${key}:snapshot`, `${key}:log`);
        await admin.xadd(`${key}:log`, "1-0", "v", "1", "at", "5", "e", '{"sequence":1}');
        await admin.xadd(`${key}:log`, "2-0", "v", "2", "at", "5", "e", "{}");
      },
    ];
    for (const damage of damages) await expect(damaged(damage)).rejects.toThrow(CorruptRecordError);
  });

  test("given a log that lost an event, when it is read, then the gap is told", async () => {
    const { store, prefix } = await openStore();
    const head = await started(store);
    const events = [taskStarted(1), taskStarted(2), taskStarted(3)];
    await store.commit(head.executionId, aCommit(head, { events }));
    const log = keysOf(prefix).log(partitionOfExecution(head.executionId), head.executionId);
    await admin.xdel(log, "3-0");
    const read = store.read(head.executionId, { after: 0, inboxLimit: 0 });
    await expect(read).rejects.toThrow(`${head.executionId} has no event 3 of 4`);
    await expect(read).rejects.toBeInstanceOf(CorruptRecordError);
    await admin.xdel(log, "4-0");
    await expect(store.read(head.executionId, { after: 1, inboxLimit: 0 })).rejects.toThrow("no event 3 of 4");
    await expect(store.read(head.executionId, { after: 3, inboxLimit: 0 })).rejects.toThrow("no event 4 of 4");
  });
});

describe("keys", () => {
  test("given ids of all kinds, when keys are made, then those of a partition and those of a tenant share a hash tag", () => {
    const keys = keysOf("durabull");
    const strange = aGroup({ workflowId: "a:{b}:}c{" });
    const id = anExecutionId(strange, PARTITIONS);
    const ofPartition = [
      ...[keys.partition(3), keys.head(3, id), keys.log(3, id), keys.group(3, strange), keys.runs(3, strange)],
      ...[keys.letter(3, `${id}-e1`), keys.openLetters(3), keys.letters(3, "acme")],
    ];
    expect(new Set(ofPartition.map(hashTag))).toEqual(new Set(["3"]));
    const ofTenant = [
      ...[keys.lists("acme"), keys.document("acme", "d"), keys.versions("acme", "a/b"), keys.names("acme")],
      ...[keys.execution("acme", id), keys.executions("acme"), keys.executionsIn("acme", "FAILED")],
      ...[keys.executionsOf("acme", "h"), keys.openOf("acme", "a/b")],
    ];
    expect(new Set(ofTenant.map(hashTag))).toEqual(new Set(["t.acme"]));
  });

  test.each(["", "a{b", "}", "two words"])(
    "given the prefix '%s', when keys are made, then it is refused",
    (prefix) => {
      expect(() => keysOf(prefix)).toThrow(RangeError);
    },
  );

  test("given a start whose ID is of another partition than its workflow ID, when it comes, then it is refused", async () => {
    const { store } = await openStore();
    const command = aStart(aGroup(), PARTITIONS);
    const elsewhere = command.executionId.replace(/^x\d/, (start) => `x${(Number(start[1]) + 1) % PARTITIONS}`);
    await expect(store.start({ ...command, executionId: elsewhere })).rejects.toThrow(RangeError);
  });

  test("given a connection of the caller's, when the store is closed, then the connection still works", async () => {
    const connection = await connectRedis(server.url);
    opened.push({ close: async () => connection.disconnect() });
    const store = await createRedisEventStore({ connection, prefix: "test-shared", options });
    expect(await store.partitions(2)).toBe(2);
    await store.close();
    expect(await connection.ping()).toBe("PONG");
  });
});

/** What decides about the slot of a key in a cluster. */
function hashTag(key: string): string {
  return /\{([^}]+)\}/.exec(key)?.[1] ?? key;
}
