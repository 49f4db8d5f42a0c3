import { createRedisDatabase } from "../../../src/adapters/redis/database.ts";
import { compileWorkflow } from "../../../src/dsl/index.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { NO_TRACING } from "../../../src/observability/tracing.ts";
import type { ExecutionHead } from "../../../src/ports/event-store.ts";
import { createDefinitions } from "../../../src/runtime/compiled-definitions.ts";
import { createFailpoints } from "../../../src/runtime/failpoints.ts";
import type { Ports, RuntimeSettings } from "../../../src/runtime/ports.ts";
import { startExecution } from "../../../src/runtime/start-execution.ts";
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
  timerPrecisionMs: 1_000,
  timerHorizonMs: 86_400_000,
  reconcileEveryMs: 1_000,
  limits: { payloadBytes: 1_048_576, historyEvents: 1_000_000 },
  retention: { closedForMs: Number.POSITIVE_INFINITY, letteredForMs: Number.POSITIVE_INFINITY },
  snapshotEvery: 500,
  childDepth: 10,
  cachedStates: 100,
  runtime: { name: "durabull", version: "test" },
};

export async function openRuntime(settings: Partial<RuntimeSettings> = {}): Promise<Runtime> {
  const store = await openFaultStore("redis");
  const database = await createRedisDatabase({ url: store.server.url, prefix: "durabull" });
  const partitions = await store.events.partitions(2);
  const rescues: string[] = [];
  const { events, queues } = store;
  const ports: Ports = {
    events,
    queues,
    database,
    definitions: createDefinitions(database, compileWorkflow),
    functionQueues: async () => ({}),
    log: NO_LOG,
    metrics: { ...createMetrics(), rescue: (kind) => rescues.push(kind) },
    tracing: NO_TRACING,
    failpoints: createFailpoints([], Math.random),
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
