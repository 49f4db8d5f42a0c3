/**
 * From the request that publishes an event to the end of the one execution that waits for it, among so many that wait for the same type
 * with other values, on Redis (AOF everysec) and PostgreSQL. The reference of the same run is what delivery costs with one waiting.
 *
 *   npm run bench -- events [subscriptions …]
 */
import { openService, type Service } from "../src/compose.ts";
import { loadConfig } from "../src/config/index.ts";
import { freshDatabase, startPostgres, startRedis } from "../test/support/servers.ts";
import { medianOf, table } from "./support.ts";

const given = process.argv.slice(2).map(Number);
const COUNTS = given.length > 0 ? given : [1, 100, 1_000, 10_000];
const MEASURED = 50;
const AT_ONCE = 20;
const TENANT = "bench";
const DEFINITION = `document: { dsl: 1.0.3, namespace: bench, name: waits, version: 1.0.0 }
do:
  - paid:
      listen:
        to:
          one:
            with: { type: bench.paid }
            correlate: { order: { from: .data.order, expect: "\${ .order }" } }
`;

async function open(env: Record<string, string>): Promise<Service> {
  const ports = { PORT: "0", HEALTH_PORT: "0", METRICS_PORT: "0" };
  const config = loadConfig({ ...ports, LOG_LEVEL: "error", EXAMPLES: "off", ALLOW_VOLATILE: "true", ...env });
  const service = await openService(config, ["api", "workflow", "task"]);
  await service.definitions.register(TENANT, DEFINITION);
  return service;
}

/** Starts executions until so many wait; gives them by order. */
async function fill(service: Service, waiting: Map<number, string>, wanted: number): Promise<void> {
  let next = Math.max(0, ...waiting.keys()) + 1;
  const lane = async () => {
    while (waiting.size < wanted) {
      const order = next++;
      const { head } = await service.executions.start({
        tenant: TENANT,
        definition: { namespace: "bench", name: "waits" },
        input: { order },
      });
      waiting.set(order, head.executionId);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, wanted) }, lane));
  while ((await service.adapters.database.countSubscriptions(TENANT)) < waiting.size) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Milliseconds from the request to the event in the history, as the execution's stream tells it, and to the answer of the request. */
async function deliver(service: Service, order: number, executionId: string) {
  const controller = new AbortController();
  const { pages } = await service.executions.followHistory(TENANT, executionId, 3, controller.signal);
  const received = pages.next();
  const event = { specversion: "1.0", id: `o-${order}`, source: "/bench", type: "bench.paid", data: { order } };
  const begun = performance.now();
  const answer = await fetch(`${service.addresses.api}/api/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tenant-id": TENANT },
    body: JSON.stringify(event),
  });
  await answer.arrayBuffer();
  const acceptedMs = performance.now() - begun;
  await received;
  const receivedMs = performance.now() - begun;
  controller.abort();
  await pages.return();
  return { acceptedMs, receivedMs };
}

async function measure(service: Service, waiting: Map<number, string>, count: number) {
  await fill(service, waiting, count);
  const times: { acceptedMs: number; receivedMs: number }[] = [];
  for (let i = 0; i < MEASURED; i++) {
    const orders = [...waiting.keys()];
    const order = orders[Math.floor(Math.random() * orders.length)] ?? 0;
    times.push(await deliver(service, order, waiting.get(order) ?? ""));
    waiting.delete(order);
    await fill(service, waiting, count);
  }
  return times;
}

const redis = await startRedis({ appendfsync: "everysec" });
const postgres = await startPostgres();
try {
  const stores = { Redis: { REDIS_URL: redis.url }, PostgreSQL: { DATABASE_URL: await freshDatabase(postgres) } };
  for (const [store, env] of Object.entries(stores)) {
    const rows: (string | number)[][] = [];
    const service = await open(env);
    const waiting = new Map<number, string>();
    let first: number | undefined;
    for (const count of COUNTS) {
      const times = await measure(service, waiting, count);
      const received = times.map(({ receivedMs }) => receivedMs).sort((a, b) => a - b);
      const median = medianOf(received);
      first ??= median;
      const p95 = received[Math.floor(received.length * 0.95)] ?? Number.NaN;
      const accepted = medianOf(times.map(({ acceptedMs }) => acceptedMs));
      rows.push([store, count, accepted.toFixed(1), median.toFixed(1), p95.toFixed(1), (median / first).toFixed(2)]);
    }
    await service.drain();
    const head = ["store", "subscriptions", "202 after ms, p50", "received after ms, p50", "p95", "of the first row"];
    console.log(`${MEASURED} events each\n\n${table(head, rows)}\n`);
  }
} finally {
  await redis.stop();
  await postgres.stop();
}
process.exit(0);
