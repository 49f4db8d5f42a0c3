import { rmSync } from "node:fs";
import { afterAll, describe } from "vitest";
import { freshDatabase, startPostgres, startRedis, type TestServer } from "./servers.ts";
import { freshDirectory } from "./service-process.ts";

export type Environment = Readonly<Record<string, string>>;

/** One of the stores the service runs on; its server is started at the first need, once a file. */
export interface StoreUnderTest {
  readonly name: "Redis" | "PostgreSQL" | "embedded PostgreSQL";
  /** The variables that name a store without any content. */
  fresh(): Promise<Environment>;
}

/** The databases of a Redis with its default configuration. */
const REDIS_DATABASES = 16;

/** Runs the same tests on every store. Of hooks after all tests, those registered first run last: the servers outlive the services. */
export function onEachStore(tests: (store: StoreUnderTest) => void): void {
  describe("on Redis", () => {
    const server = once(() => startRedis());
    let database = 0;
    afterAll(server.stop);
    tests({
      name: "Redis",
      async fresh() {
        if (database === REDIS_DATABASES) throw new Error("this file has used all databases of its Redis");
        const { url } = await server.get();
        database += 1;
        return { REDIS_URL: `${url}/${database - 1}` };
      },
    });
  });
  describe("on PostgreSQL", () => {
    const server = once(() => startPostgres({ fsync: false }));
    afterAll(server.stop);
    tests({
      name: "PostgreSQL",
      fresh: async () => ({ DATABASE_URL: await freshDatabase(await server.get()) }),
    });
  });
  describe("on the embedded PostgreSQL", () => {
    const directories: string[] = [];
    afterAll(() => {
      for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    });
    tests({
      name: "embedded PostgreSQL",
      async fresh() {
        const directory = freshDirectory();
        directories.push(directory);
        return { DURABULL_DATA_DIR: directory };
      },
    });
  });
}

function once(start: () => Promise<TestServer>) {
  let started: Promise<TestServer> | undefined;
  return {
    get(): Promise<TestServer> {
      started ??= start();
      return started;
    },
    async stop(): Promise<void> {
      await (await started)?.stop();
    },
  };
}
