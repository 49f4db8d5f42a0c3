import { Redis } from "ioredis";
import { afterAll, beforeAll, describe } from "vitest";
import { createRedisDatabase, createRedisEventStore } from "../../src/adapters/redis/index.ts";
import { withBlobs } from "../../src/adapters/with-blobs.ts";
import { nextSerial } from "../support/build.ts";
import { startRedis, type TestServer } from "../support/servers.ts";

import { CHANGES_KEPT, databaseContract } from "./database.contract.ts";
import { CONTRACT_OPTIONS, eventStoreContract, wholeValuesContract } from "./event-store.contract.ts";

/** Bytes beyond which a value is kept apart. */
const NEARLY_ALL = 4;
/** A fresh prefix is a store that holds nothing yet. */
const freshPrefix = () => `test-${nextSerial()}`;

describe("on Redis", () => bothContracts(() => startRedis()));
describe("on Redis, with nearly all values kept apart", () => {
  const redis = serverOf(() => startRedis());
  wholeValuesContract(async () =>
    withBlobs(
      await createRedisEventStore({ url: redis().url, prefix: freshPrefix(), options: CONTRACT_OPTIONS }),
      NEARLY_ALL,
    ),
  );
});
// Refuses scripts whose keys are in several slots, so it shows that none has any.
describe("on a Redis Cluster of one node", () => bothContracts(startCluster));

function bothContracts(start: () => Promise<TestServer>): void {
  const server = serverOf(start);
  describe("the event store", () =>
    eventStoreContract(() =>
      createRedisEventStore({ url: server().url, prefix: freshPrefix(), options: CONTRACT_OPTIONS }),
    ));
  describe("the database", () =>
    databaseContract(() =>
      createRedisDatabase({ url: server().url, prefix: freshPrefix(), changesKept: CHANGES_KEPT }),
    ));
}

function serverOf(start: () => Promise<TestServer>): () => TestServer {
  let server: TestServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());
  return () => server;
}

async function startCluster(): Promise<TestServer> {
  const server = await startRedis({ cluster: true });
  const connection = new Redis(server.url);
  await connection.cluster("ADDSLOTSRANGE", 0, 16_383);
  while (!(await connection.cluster("INFO")).includes("cluster_state:ok"));
  await connection.quit();
  return server;
}
