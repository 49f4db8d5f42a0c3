import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { type BullmqQueues, createBullmqQueues } from "../../../src/adapters/bullmq/queues.ts";
import { createPostgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { createPostgresEventStore } from "../../../src/adapters/postgres/event-store.ts";
import { createPostgresNotices } from "../../../src/adapters/postgres/notices.ts";
import { createRedisDatabase } from "../../../src/adapters/redis/database.ts";
import { createRedisEventStore } from "../../../src/adapters/redis/event-store.ts";
import { createRedisNotices } from "../../../src/adapters/redis/notices.ts";
import { type AppDeps, createApp } from "../../../src/api/app.ts";
import { dashboardPages } from "../../../src/dashboard/index.ts";
import { compileWorkflow } from "../../../src/dsl/index.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import type { Database } from "../../../src/ports/database.ts";
import type { EventStore, ExecutionHead } from "../../../src/ports/event-store.ts";
import type { Notices } from "../../../src/ports/notices.ts";
import { createDefinitions } from "../../../src/runtime/compiled-definitions.ts";
import { createDefinitionService } from "../../../src/runtime/definitions.ts";
import { createEventDelivery } from "../../../src/runtime/deliver-events.ts";
import { createEventService } from "../../../src/runtime/event-service.ts";
import { createFailpoints } from "../../../src/runtime/failpoints.ts";
import { noticingDatabase, noticingEvents } from "../../../src/runtime/noticing.ts";
import { createPublisher } from "../../../src/runtime/publish-events.ts";
import { createScaler } from "../../../src/runtime/scaler.ts";
import { createScheduler, type Scheduler } from "../../../src/runtime/schedules/scheduler.ts";
import { createScheduleService } from "../../../src/runtime/schedules/service.ts";
import { createExecutionService, type ExecutionService } from "../../../src/runtime/service.ts";
import { createStarter } from "../../../src/runtime/start-execution.ts";
import { tenantMaker } from "../../../src/runtime/tenant-maker.ts";
import { aCommit, type CommitOptions } from "../../support/build.ts";
import { freshDatabase, startPostgres, startRedis, type TestServer } from "../../support/servers.ts";

const PARTITIONS = 4;
/** Status changes of a tenant, about. */
export const CHANGES_KEPT = 200;
const STORE_OPTIONS = { lookGraceMs: 60_000, maxInbox: 3 };

export const QUICK = `document:
  dsl: 1.0.3
  namespace: test
  name: quick
  version: 1.0.0
  title: A quick one
do:
  - greet:
      set:
        greeting: hello
`;

const SCHEDULE_SETTINGS = {
  timeZone: "UTC",
  catchUp: "last",
  overlap: "allow",
  missedAfterMs: 60_000,
  catchUpWithinMs: 86_400_000,
  timerHorizonMs: 86_400_000,
  timerPrecisionMs: 1_000,
  payloadBytes: 100_000,
  repeatsKnownMs: 3_600_000,
} as const;

export interface ApiWorld {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly events: EventStore;
  readonly database: Database;
  readonly queues: BullmqQueues;
  readonly notices: Notices;
  readonly executions: ExecutionService;
  readonly scheduler: Scheduler;
  /** Commits what an engine would have decided, after the head as it is now. */
  decide(executionId: string, options: CommitOptions): Promise<ExecutionHead>;
  close(): Promise<void>;
}

export type StoreKind = "redis" | "postgres";

export function startServer(kind: StoreKind): Promise<TestServer> {
  return kind === "redis" ? startRedis() : startPostgres({ fsync: false });
}

/** The HTTP side over a real store and real queues, without workers: tests decide what an engine would. */
export async function openApiWorld(
  kind: StoreKind,
  server: Pick<TestServer, "url">,
  more: Partial<AppDeps> = {},
): Promise<ApiWorld> {
  const logger = pino({ level: "silent" });
  const { queues, notices, ...stores } = await openPorts(kind, server);
  const events = noticingEvents(stores.events, notices);
  const database = noticingDatabase(stores.database, notices);
  const executions = createExecutionService({
    events,
    database,
    queues,
    notices,
    partitions: await events.partitions(PARTITIONS),
    defaultTimeoutMs: 0,
    log: logger,
  });
  const failpoints = createFailpoints([], Math.random);
  const metrics = { delivered: () => undefined, deferred: () => undefined };
  const about = { events, database, queues, log: logger, metrics, failpoints };
  const partitions = await events.partitions(PARTITIONS);
  const settings = { ...SCHEDULE_SETTINGS, partitions };
  const starting = { ...{ events, database, queues, partitions }, defaultTimeoutMs: 0, log: logger, now: Date.now };
  const scheduler = createScheduler({
    ...{ events, database, queues, settings, failpoints, log: logger, metrics: createMetrics() },
    definitions: createDefinitions(database, compileWorkflow),
    start: createStarter({ ...starting, ensureTenant: tenantMaker(database) }),
  });
  const definitions = createDefinitions(database, compileWorkflow);
  const delivery = createEventDelivery({ ...about, definitions, schedules: scheduler });
  const publisher = createPublisher(database, { ms: 3_600_000, count: 100 });
  const eventService = createEventService({ database, notices, publisher, delivery, payloadBytes: 100_000 });
  const app = await createApp({
    executions,
    eventService,
    schedules: createScheduleService({ events, database, schedules: scheduler, settings, payloadBytes: 100_000 }),
    definitions: createDefinitionService({
      database,
      log: logger,
      runAllowed: [],
      schedules: scheduler,
      scheduleMinIntervalMs: 1_000,
    }),
    scaler: createScaler(queues, 2),
    health: {
      live: () => ({ ok: true, checks: {} }),
      ready: async () => ({ ok: true, checks: { store: { ok: true } }, durability: await events.durability() }),
      started: () => ({ ok: true, checks: {} }),
    },
    logger,
    version: "0.0.0-test",
    queues: () => queues.boardQueues(),
    pages: dashboardPages,
    ...more,
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    app,
    url,
    events,
    database,
    queues,
    notices,
    executions,
    scheduler,
    async decide(executionId, options) {
      const [head] = await events.heads([executionId]);
      if (!head) throw new Error(`there is no execution ${executionId}`);
      const committed = await events.commit(executionId, aCommit(head, { at: await events.now(), ...options }));
      if (committed.result !== "committed") throw new Error("the commit was refused");
      return committed.head;
    },
    async close() {
      await app.close();
      await delivery.idle();
      await queues.close();
      await notices.close();
      await database.close();
      await events.close();
    },
  };
}

async function openPorts(kind: StoreKind, server: Pick<TestServer, "url">) {
  const prefix = `test-${randomBytes(6).toString("hex")}`;
  const log = { warn: () => undefined };
  if (kind === "redis") {
    const url = server.url;
    const options = { ...STORE_OPTIONS, partitions: PARTITIONS };
    return {
      events: await createRedisEventStore({ url, prefix, options }),
      database: await createRedisDatabase({ url, prefix, changesKept: CHANGES_KEPT }),
      queues: createBullmqQueues({ connection: { kind: "redis", url }, prefix, lanes: 1, log }),
      notices: createRedisNotices({ url, prefix }),
    };
  }
  const connectionString = await freshDatabase(server);
  const connection = { kind: "postgres", connectionString } as const;
  return {
    events: await createPostgresEventStore({ connectionString, options: STORE_OPTIONS }),
    database: await createPostgresDatabase({ connectionString, changesKept: CHANGES_KEPT }),
    queues: createBullmqQueues({ connection, prefix, lanes: 1, log }),
    notices: createPostgresNotices({ connectionString }),
  };
}
