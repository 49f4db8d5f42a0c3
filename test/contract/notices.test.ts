import { afterAll, beforeAll, describe } from "vitest";
import { createPostgresNotices } from "../../src/adapters/postgres/notices.ts";
import { createRedisNotices } from "../../src/adapters/redis/notices.ts";
import type { Notices } from "../../src/ports/notices.ts";
import { startPostgres, startRedis, type TestServer } from "../support/servers.ts";
import { noticesContract } from "./notices.contract.ts";

describe("RedisNotices", () => onServer(startRedis, ({ url }) => createRedisNotices({ url })));
describe("PostgresNotices", () =>
  onServer(
    () => startPostgres({ fsync: false }),
    ({ url }) => createPostgresNotices({ connectionString: url }),
  ));

function onServer(start: () => Promise<TestServer>, open: (server: TestServer) => Notices): void {
  let server: TestServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());
  noticesContract(
    () => open(server),
    () => server,
  );
}
