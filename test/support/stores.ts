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

const KINDS = ["redis", "postgres", "embedded"] as const;

/** Of a list such as `redis,embedded`, or `all`. @throws {Error} for another word. */
function chosenStores(list: string): readonly string[] {
  const chosen = list === "all" ? KINDS : list.split(",");
  const unknown = chosen.find((kind) => !KINDS.some((known) => known === kind));
  if (unknown !== undefined) throw new Error(`STORES is "all" or some of ${KINDS.join(",")}, not ${unknown}`);
  return chosen;
}

/**
 * Runs the same tests on every store, or on those that `STORES` names. Of hooks after all tests, those registered first run last: the
 * servers outlive the services.
 *
 * @param usual the stores without `STORES`, for what takes long.
 */
export function onEachStore(tests: (store: StoreUnderTest) => void, usual = "all"): void {
  const chosen = chosenStores(process.env.STORES ?? usual);
  const left = KINDS.filter((kind) => !chosen.includes(kind));
  if (left.length > 0) console.warn(`on ${chosen.join(", ")}; with STORES=all also on ${left.join(", ")}`);
  const describeOn = (kind: (typeof KINDS)[number], title: string, block: () => void) => {
    if (chosen.includes(kind)) describe(title, block);
  };
  describeOn("redis", "on Redis", () => {
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
  describeOn("postgres", "on PostgreSQL", () => {
    const server = once(() => startPostgres({ fsync: false }));
    afterAll(server.stop);
    tests({
      name: "PostgreSQL",
      fresh: async () => ({ DATABASE_URL: await freshDatabase(await server.get()) }),
    });
  });
  describeOn("embedded", "on the embedded PostgreSQL", () => {
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
