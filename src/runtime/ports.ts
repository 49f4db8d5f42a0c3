import type { Workflow } from "../dsl/workflow.ts";
import type { Limits } from "../engine/index.ts";
import type { Database } from "../ports/database.ts";
import type { EventStore } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { RuntimeMetrics } from "../ports/metrics.ts";
import type { Queues } from "../ports/queues.ts";
import type { Retention } from "../ports/retention.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { TenantId } from "../values/ids.ts";
import type { EventDelivery } from "./deliver-events.ts";
import type { SinkSettings } from "./event-sinks.ts";
import type { Failpoints } from "./failpoints.ts";
import type { LocalActivities } from "./local-activities.ts";
import type { LifecycleChoice, Publisher } from "./publish-events.ts";
import type { Scheduler } from "./schedules/scheduler.ts";
import type { TimersHere } from "./timers-here.ts";
import type { GroupsInHand } from "./wakes-here.ts";

/** What the runtime works with; put together by compose. */
export interface Ports {
  readonly events: EventStore;
  readonly database: Database;
  readonly queues: Queues;
  readonly definitions: Definitions;
  /** Own queues of registered functions, by name. */
  readonly functionQueues: () => Promise<Readonly<Record<string, string>>>;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  readonly tracing: Tracing;
  readonly failpoints: Failpoints;
  readonly publisher: Publisher;
  readonly delivery: EventDelivery;
  readonly schedules: Scheduler;
  readonly local: LocalActivities;
  readonly wakesHere: GroupsInHand;
  readonly timersHere: TimersHere;
  readonly settings: RuntimeSettings;
}

/** Compiled definitions by digest: immutable, so kept as long as there is room. */
export interface Definitions {
  /** @throws {Error} when the database does not hold it. */
  get(tenant: TenantId, digest: string): Promise<Workflow>;
}

export interface RuntimeSettings {
  /** Facts taken per commit. */
  readonly eventBatchSize: number;
  /** Events decided per commit before others get their turn. */
  readonly sliceEvents: number;
  /** Time deciding may take per commit, in milliseconds: nothing else in the process runs meanwhile. */
  readonly sliceMs: number;
  /** Limit of one wake-up, in milliseconds. */
  readonly eventProcessingTimeoutMs: number;
  /** Engine faults before a dead letter, and the delay after each, times its number. */
  readonly eventRetryAttempts: number;
  readonly eventRetryDelayMs: number;
  /** Process deaths on one wake-up or activity, without progress, before its dead letter. */
  readonly maxDeaths: number;
  /** How long an activity may be in hand or queued before somebody looks whether its job lives. */
  readonly activityLeaseMs: number;
  /** The same for one that the process which decided it does itself: renewed four times as often, so short, for no job tells of its end. */
  readonly localLeaseMs: number;
  /** A timer unfired this long after it was due is dispatched again. */
  readonly timerPrecisionMs: number;
  /** Timers due later than this from now are armed later. */
  readonly timerHorizonMs: number;
  /** How long the store may be told later that all that was owed is in the queues; 0 = at once. Far less than `lookGraceMs`. */
  readonly settleAfterMs: number;
  /** Between two looks of the reconciler. */
  readonly reconcileEveryMs: number;
  readonly partitions: number;
  /** How deep workflows run by workflows may nest. */
  readonly childDepth: number;
  /** Of each execution. */
  readonly limits: Limits;
  readonly lifecycle: LifecycleChoice;
  readonly sinks: SinkSettings;
  /** How long what has ended is kept. */
  readonly retention: Retention;
  /** Events between two snapshots. */
  readonly snapshotEvery: number;
  /** For `$runtime`. */
  readonly runtime: { readonly name: string; readonly version: string };
}
