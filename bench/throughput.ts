/**
 * Executions through the whole service in one process, by concurrency, on Redis (AOF everysec) and PostgreSQL: ten `set` tasks (one
 * wake-up each), and five calls of a TypeScript function one after another (a hop through two queues each). The reference of the
 * same run is raw BullMQ: no-op jobs on the same server.
 *
 *   npm run bench -- throughput [executions] [concurrency …]
 */
import { Queue, Worker } from "bullmq";
import { openService, type Service } from "../src/compose.ts";
import { loadConfig } from "../src/config/index.ts";
import { defineFunction } from "../src/functions/index.ts";
import { freshDatabase, startPostgres, startRedis } from "../test/support/servers.ts";
import { medianOf, table } from "./support.ts";

const [executions = 500, ...concurrencies] = process.argv.slice(2).map(Number);
const CONCURRENCIES = concurrencies.length > 0 ? concurrencies : [5, 20, 50, 100];
const ROUNDS = 3;

const DEFINITIONS = {
  sets: Array.from({ length: 10 }, (_, i) => `  - s${i}: { set: { n: ${i} } }`).join("\n"),
  calls: Array.from({ length: 5 }, (_, i) => `  - c${i}: { call: nothing, with: { n: ${i} } }`).join("\n"),
};
type Workload = keyof typeof DEFINITIONS;

const nothing = defineFunction({ name: "nothing", handler: async () => null });

async function withService<Result>(
  env: Record<string, string>,
  use: (service: Service) => Promise<Result>,
): Promise<Result> {
  const ports = { PORT: "0", HEALTH_PORT: "0", METRICS_PORT: "0" };
  const config = loadConfig({ ...ports, LOG_LEVEL: "error", EXAMPLES: "off", ALLOW_VOLATILE: "true", ...env });
  const service = await openService(config, ["api", "workflow", "task"], { functions: [nothing] });
  try {
    for (const [name, tasks] of Object.entries(DEFINITIONS)) {
      await service.definitions.register(
        "bench",
        `document: { dsl: 1.0.3, namespace: bench, name: ${name}, version: 1.0.0 }\ndo:\n${tasks}\n`,
      );
    }
    return await use(service);
  } finally {
    await service.drain();
  }
}

/** Executions per second, from the first start to the last end. */
async function rate(service: Service, name: Workload): Promise<number> {
  const begun = performance.now();
  const definition = { namespace: "bench", name };
  const one = async () => {
    const { head } = await service.executions.start({ tenant: "bench", definition, input: {} });
    if (!(await service.executions.waitForEnd(head.executionId, 120_000)))
      throw new Error(`${head.executionId} did not end`);
  };
  await Promise.all(Array.from({ length: executions }, one));
  return (executions * 1000) / (performance.now() - begun);
}

async function rawJobsPerSecond(url: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const connection = { host: hostname, port: Number(port) };
  const queue = new Queue("raw", { connection });
  const jobs = 5_000;
  await queue.addBulk(Array.from({ length: jobs }, () => ({ name: "j", data: {}, opts: { removeOnComplete: true } })));
  const begun = performance.now();
  let done = 0;
  await new Promise<void>((resolve) => {
    const worker = new Worker("raw", async () => null, {
      connection: { ...connection, maxRetriesPerRequest: null },
      concurrency: 50,
    });
    worker.on("completed", () => {
      done += 1;
      if (done === jobs) void worker.close().then(resolve);
    });
  });
  const seconds = (performance.now() - begun) / 1000;
  await queue.close();
  return jobs / seconds;
}

const redis = await startRedis({ appendfsync: "everysec" });
const postgres = await startPostgres();
try {
  const raw = await rawJobsPerSecond(redis.url);
  const stores = { Redis: { REDIS_URL: redis.url }, PostgreSQL: { DATABASE_URL: await freshDatabase(postgres) } };
  const rows: (string | number)[][] = [];
  for (const [store, env] of Object.entries(stores)) {
    for (const concurrency of CONCURRENCIES) {
      const both = { ...env, WORKER_CONCURRENCY: String(concurrency), TASK_CONCURRENCY: String(concurrency) };
      await withService(both, async (service) => {
        for (const workload of ["sets", "calls"] as const) {
          const rates = [];
          for (let round = 0; round < ROUNDS; round++) rates.push(await rate(service, workload));
          const median = medianOf(rates);
          rows.push([store, workload, concurrency, Math.round(median), (median / raw).toFixed(3)]);
        }
      });
    }
  }
  console.log(
    `raw BullMQ on the same Redis: ${Math.round(raw)} no-op jobs/s; ${executions} executions, median of ${ROUNDS}\n`,
  );
  console.log(table(["store", "workload", "concurrency", "executions/s", "of raw jobs/s"], rows));
} finally {
  await redis.stop();
  await postgres.stop();
}
process.exit(0);
