import type { DefinitionReference } from "../engine/events.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";
import type { ExecutionStatus } from "../values/status.ts";
import type { EventLog } from "./event-log.ts";
import type { Page, Paged } from "./event-store.ts";
import type { RetentionDatabase } from "./retention.ts";
import type { ScheduleStore } from "./schedules.ts";

/** Definitions, their schedules, the searchable lists, published events and who waits for them, and what workers announce. Lists may lag behind the logs. */
export interface Database extends RetentionDatabase, EventLog, ScheduleStore {
  /** Makes the tenant on first use. */
  ensureTenant(tenant: TenantId): Promise<void>;
  tenants(): Promise<readonly TenantId[]>;

  /** Immutable once registered. "created-first": the first version of that name. An unlisted version may be put again if identical. */
  putDefinition(definition: NewDefinition): Promise<"created-first" | "created" | "identical" | "conflict">;
  /** Without `version` the newest listed: highest semver, a prerelease only when there is no release. */
  definition(tenant: TenantId, namespace: string, name: string, version?: string): Promise<StoredDefinition | null>;
  /** Also of unlisted ones, while any log names them. */
  definitionByDigest(tenant: TenantId, digest: string): Promise<StoredDefinition | null>;
  /** Stores a document that is run without being registered (`POST /executions` with `document`): found by digest only. */
  keepDocument(definition: NewDefinition): Promise<void>;
  /** Listed versions by namespace, name, then semver descending. */
  definitions(tenant: TenantId, filter: DefinitionFilter, page: Page): Promise<Paged<StoredDefinition>>;
  /** Takes a version (or all of a name) out of the lists; its document stays for executions that run it. How many were unlisted. */
  unlistDefinition(tenant: TenantId, namespace: string, name: string, version?: string): Promise<number>;
  /**
   * Keeps what a definition (by its digest) refers to at `uri`, without NUL, as long as its document is kept. The first content stays:
   * it is given back, whoever pinned it.
   */
  pinResource(tenant: TenantId, definition: string, uri: string, content: string): Promise<string>;
  /** The content that was pinned; null when none was. */
  resource(tenant: TenantId, definition: string, uri: string): Promise<string | null>;
  /** URIs of all that is pinned for a definition, sorted. */
  resourceUris(tenant: TenantId, definition: string): Promise<readonly string[]>;
  /** True once any definition was ever put, by any tenant. */
  everHeldDefinition(): Promise<boolean>;

  /**
   * Upsert, ignored when a summary of a later or equal version is there already. Where the status is another one than before, the
   * change is put at the end of the tenant's log of changes, in the same step.
   */
  project(summary: ExecutionSummary): Promise<void>;
  /** Newest `startedAt` first. */
  executions(tenant: TenantId, filter: ExecutionFilter, page: Page): Promise<Paged<ExecutionSummary>>;
  /**
   * Status changes after a position, oldest first. Without one: none, and the end of the log. The log keeps about `changesKept` of
   * each tenant.
   * @throws {RangeError} for what is not a position.
   */
  changes(tenant: TenantId, after: string | undefined, limit: number): Promise<Changes>;
  /** How many executions that run this definition are open, as far as the lists know. */
  openExecutions(tenant: TenantId, namespace: string, name: string, version?: string): Promise<number>;

  /** A worker says which functions it has, for `ttlMs`. The names are kept for ever, so that a known name can be told from a typo. */
  announceFunctions(worker: string, functions: readonly AnnouncedFunction[], ttlMs: number): Promise<void>;
  functions(): Promise<readonly KnownFunction[]>;

  /**
   * Keeps what a key was used for, unless that was said less than `ttlMs` ago (by the store's clock): what stands then is given back.
   * `id` names the effect, so that whoever repeats it uses the same one.
   */
  reserveKey(use: KeyUse, ttlMs: number): Promise<KeyReservation>;
  /** Notes what came of it; ignored when the reservation is another one by now. */
  settleKey(use: KeyUse, outcome: string): Promise<void>;
  /** Forgets a reservation under which nothing was done; ignored when it is another one by now, or somebody else was given it too. */
  releaseKey(use: KeyUse): Promise<void>;

  close(): Promise<void>;
}

export interface Changes {
  /** Of executions that the lists still know. */
  readonly changes: readonly StatusChange[];
  /** What was asked for is not all there any more: `changes` is empty, and `end` is where to go on. */
  readonly gone: boolean;
  /** Position (see `isChangePosition`) up to which this answer tells everything. */
  readonly end: string;
  /** More is there, or about to be: ask again soon. */
  readonly more: boolean;
}
export interface StatusChange {
  readonly position: string;
  /** Status, version and end as of the change. */
  readonly summary: ExecutionSummary;
}

/** One use of an `Idempotency-Key`. */
export interface KeyUse {
  readonly tenant: TenantId;
  /** Method and path it was sent to. */
  readonly route: string;
  readonly key: string;
  /** Hash of the body. */
  readonly body: string;
  /** Of the effect: `[0-9a-z-]{1,64}`. */
  readonly id: string;
}
export interface KeyReservation {
  /** False: another use, or an earlier try of this one, reserved it. */
  readonly created: boolean;
  readonly body: string;
  readonly id: string;
  /** Null until it is settled. */
  readonly outcome: string | null;
}

export interface NewDefinition {
  readonly tenant: TenantId;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly document: JsonObject;
  /** What the author sent, to give back unchanged. */
  readonly source: string;
}
export interface StoredDefinition extends NewDefinition {
  readonly createdAt: number;
}
export interface DefinitionFilter {
  readonly namespace?: string;
  readonly name?: string;
}

export interface ExecutionSummary {
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly definition: DefinitionReference;
  readonly status: ExecutionStatus;
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAt: number;
  readonly endedAt: number | null;
}
export interface ExecutionFilter {
  readonly status?: readonly ExecutionStatus[];
  readonly namespace?: string;
  readonly name?: string;
  readonly workflowId?: WorkflowId;
  /** All must hold. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Epoch ms: startedAt in [startedAfter, startedBefore), endedAt likewise. */
  readonly startedAfter?: number;
  readonly startedBefore?: number;
  readonly endedAfter?: number;
  readonly endedBefore?: number;
}

export interface AnnouncedFunction {
  readonly name: string;
  readonly queue: string | null;
}
export interface KnownFunction extends AnnouncedFunction {
  readonly lastSeenAt: number;
  /** Some worker's announcement has not run out. */
  readonly online: boolean;
}
