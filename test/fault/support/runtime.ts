import { createRedisDatabase } from "../../../src/adapters/redis/database.ts";
import { compileWorkflow } from "../../../src/dsl/index.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { NO_TRACING } from "../../../src/observability/tracing.ts";
import type { ExecutionHead } from "../../../src/ports/event-store.ts";
import { createDefinitions } from "../../../src/runtime/compiled-definitions.ts";
import { createEventDelivery } from "../../../src/runtime/deliver-events.ts";
import { createFailpoints } from "../../../src/runtime/failpoints.ts";
import { NO_LOCAL_ACTIVITIES } from "../../../src/runtime/local-activities.ts";
import type { Ports, RuntimeSettings } from "../../../src/runtime/ports.ts";
import { createPublisher } from "../../../src/runtime/publish-events.ts";
import type { Scheduler } from "../../../src/runtime/schedules/scheduler.ts";
import { startExecution } from "../../../src/runtime/start-execution.ts";
import { NO_TIMERS_HERE } from "../../../src/runtime/timers-here.ts";
import { NO_WAKES_HERE } from "../../../src/runtime/wakes-here.ts";
import { NO_LOG } from "../../support/activity.ts";
import { definitionOf, inputOf, type Kind } from "./definitions.ts";
import { type FaultStore, openFaultStore } from "./store.ts";

/** The runtime's parts in this process, on a Redis of their own; nothing takes jobs. */
export interface Runtime {
  readonly store: FaultStore;
  readonly ports: Ports;
  /** Kinds of the rescues so far. */
  readonly rescues: readonly string[];
  start(kind: Kind, workflowId: string): Promise<ExecutionHead>;
  close(): Promise<void>;
}

const SETTINGS: Omit<RuntimeSettings, "partitions"> = {
  settleAfterMs: 0,
  eventBatchSize: 500,
  sliceEvents: 1_000,
  sliceMs: 1_000,
  eventProcessingTimeoutMs: 30_000,
  eventRetryAttempts: 1,
  eventRetryDelayMs: 0,
  maxDeaths: 3,
  activityLeaseMs: 30_000,
  localLeaseMs: 1_000,
  timerPrecisionMs: 1_000,
  timerHorizonMs: 86_400_000,
  reconcileEveryMs: 1_000,
  limits: { payloadBytes: 1_048_576, historyEvents: 1_000_000 },
  retention: { closedForMs: Number.POSITIVE_INFINITY, letteredForMs: Number.POSITIVE_INFINITY },
  snapshotEvery: 500,
  lifecycle: "off",
  sinks: { ids: [], retries: 0 },
  childDepth: 10,
  runtime: { name: "durabull", version: "test" },
};

/** Nothing is scheduled here. */
const NO_SCHEDULES: Scheduler = {
  prepare: async () => {},
  sync: async () => {},
  look: async () => null,
  hear: async () => {},
  idle: async () => {},
  ended: async () => {},
  lookAtLate: async () => {},
  update: async () => null,
};

export async function openRuntime(settings: Partial<RuntimeSettings> = {}): Promise<Runtime> {
  const store = await openFaultStore("redis");
  const database = await createRedisDatabase({ url: store.server.url, prefix: "durabull" });
  const partitions = await store.events.partitions(2);
  const rescues: string[] = [];
  const { events, queues } = store;
  const definitions = createDefinitions(database, compileWorkflow);
  const metrics = { ...createMetrics(), rescue: (kind: string) => void rescues.push(kind) };
  const failpoints = createFailpoints([], Math.random);
  const ports: Ports = {
    events,
    queues,
    database,
    definitions,
    publisher: createPublisher(database, { ms: Number.POSITIVE_INFINITY, count: 100 }),
    delivery: createEventDelivery({
      schedules: NO_SCHEDULES,
      events,
      database,
      queues,
      definitions,
      log: NO_LOG,
      metrics,
      failpoints,
    }),
    schedules: NO_SCHEDULES,
    local: NO_LOCAL_ACTIVITIES,
    wakesHere: NO_WAKES_HERE,
    timersHere: NO_TIMERS_HERE,
    functionQueues: async () => ({}),
    log: NO_LOG,
    metrics,
    tracing: NO_TRACING,
    failpoints,
    settings: { ...SETTINGS, partitions, ...settings },
  };
  return {
    store,
    ports,
    rescues,
    async start(kind, workflowId) {
      const document = definitionOf(kind);
      const started = await startExecution(
        { events, database, partitions, defaultTimeoutMs: 0, now: Date.now, ensureTenant: async () => {} },
        {
          tenant: "default",
          workflowId,
          definition: { document, source: JSON.stringify(document) },
          input: inputOf("http://127.0.0.1:1", workflowId),
        },
      );
      return started.head;
    },
    async close() {
      await database.close();
      await store.close();
    },
  };
}
