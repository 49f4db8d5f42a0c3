import type { Schedule } from "../dsl/schedule.ts";
import type { DefinitionReference } from "../engine/events.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { Page, Paged } from "./event-store.ts";

/** Schedules: one record for each name of a definition, written by compare-and-set. */
export interface ScheduleStore {
  schedule(key: ScheduleKey): Promise<StoredSchedule | null>;
  /** By namespace, then name. */
  schedules(tenant: TenantId, filter: { readonly namespace?: string }, page: Page): Promise<Paged<StoredSchedule>>;
  /**
   * Writes a record if its revision is still the one expected (null: there is none). Gives the new revision, which no record ever
   * had; null when another writer was first.
   */
  putSchedule(key: ScheduleKey, expected: number | null, next: ScheduleWrite): Promise<number | null>;
  /** Removes a record if its revision is still the one expected. */
  removeSchedule(key: ScheduleKey, expected: number): Promise<boolean>;
  /** Those of these tenants that somebody must look at before or at a moment, by that moment, about `limit` of each tenant. */
  schedulesToLookAt(tenants: readonly TenantId[], before: number, limit: number): Promise<readonly StoredSchedule[]>;
}

export interface ScheduleKey {
  readonly tenant: TenantId;
  readonly namespace: string;
  readonly name: string;
}
export interface ScheduleWrite {
  /** Epoch ms, store time; null: nothing is owed. */
  readonly lookAt: number | null;
  readonly record: ScheduleRecord;
}
export interface StoredSchedule extends ScheduleKey, ScheduleWrite {
  readonly revision: number;
}

/** What is known of a schedule. All times are epoch milliseconds of the store's clock. */
export interface ScheduleRecord {
  /** The newest version, whose schedule this is; null while it is being registered. */
  readonly definition: DefinitionReference | null;
  readonly schedule: Schedule | null;
  readonly state: "active" | "paused";
  readonly pausedReason: string | null;
  /** Intervals are counted from here. */
  readonly since: number;
  /** Nominal time of the next firing; null while it is paused, or waits for the end of an execution. */
  readonly nextAt: number | null;
  /** `nextAt` when it was paused. */
  readonly heldAt: number | null;
  /** Decided and not started yet, oldest first. */
  readonly pending: readonly Firing[];
  /** To be started when none of `open` is open any more. */
  readonly buffered: Firing | null;
  /** Started, and not known to have ended; the latest few. */
  readonly open: readonly ExecutionId[];
  readonly last: PastFiring | null;
  /** The last few firings, the latest first; absent in records of earlier builds. */
  readonly recent?: readonly PastFiring[];
  /** Of a schedule that starts on events. */
  readonly hearing?: Hearing | null;
  readonly fired: number;
  readonly skipped: number;
}

/**
 * What a schedule has heard. Events are delivered to it in the order of the log; those between `position` and `behindTo` it must look at
 * by itself, so that an event is never lost to a record that was not ready for it, and never heard twice.
 */
export interface Hearing {
  /** Id of its subscription in the index of events. */
  readonly subscription: string;
  /** The subscription stands in the index. */
  readonly joined: boolean;
  /** All events up to here are heard. */
  readonly position: number;
  /** At least `position`. */
  readonly behindTo: number;
  /** For each filter, what its correlations must be. */
  readonly expected: readonly JsonObject[];
  /** Begun and not complete, oldest first; more than one only where correlations tell them apart. */
  readonly collections: readonly EventCollection[];
}
/** Events that were consumed and have not led to a firing yet. */
export interface EventCollection {
  /** When its first event was published. */
  readonly since: number;
  /** Places of the filters that are filled, those of `until` last. */
  readonly filled: readonly number[];
  /** First value of each correlation. */
  readonly seen: JsonObject;
  readonly events: readonly CollectedEvent[];
}
export interface CollectedEvent extends EventName {
  /** The event as it is read. */
  readonly value: Json;
}
export interface EventName {
  readonly source: string;
  readonly id: string;
  readonly type: string;
}

/** One start of a scheduled execution; its ids are made of the schedule and the nominal time, or its events, so that starting again finds it. */
export interface Firing {
  readonly kind: "time" | "trigger" | "event";
  /** Nominal time, or when it was triggered, or when the event was published that completed it. */
  readonly at: number;
  /** Names the start, see `StartRequest.once`. */
  readonly once: string;
  readonly workflowId: WorkflowId;
  readonly executionId: ExecutionId;
  /** Absent: `{}`. */
  readonly input?: Json;
  /** Of the events that led to it, the first few. */
  readonly events?: readonly EventName[];
  /** That of the event that completed it. */
  readonly trace?: TraceContext;
}
/** A firing that was started; kept without its input. */
export type PastFiring = Omit<Firing, "input" | "once" | "trace">;
