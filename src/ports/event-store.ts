import type { DefinitionReference, HistoryEvent } from "../engine/events.ts";
import type { Fact, NewFact } from "../engine/facts.ts";
import type { OwedWork } from "../engine/owed-work.ts";
import type { ExecutionId, Group, TenantId, WorkflowId } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import type { ExecutionStatus } from "../values/status.ts";
import type { Blobs } from "./blobs.ts";
import type { QuotaStore } from "./quotas.ts";
import type { RetentionStore } from "./retention.ts";

/**
 * The one truth: a log per execution, with its head, inbox and owed work. Each operation is atomic. Times are the store's
 * own clock, epoch milliseconds. An execution that does not exist is `null` (reads) or "unknown" (writes), never an exception.
 *
 * Two moments are kept for each execution:
 * - `due`: from when a wake-up has something to decide. Now while unsettled or the inbox holds a fact; else the earliest
 *   `fireAt` of a timer owed; never while closed and settled, parked, or paused with an empty inbox; not before `notBefore`.
 * - `lookAt`: when somebody must look whether the queues still know of it (`attention`). After a start, append, commit or unpark:
 *   now + `lookGraceMs` (an append to what is due already does not put it off); after a settle: the earliest `lookAt` of anything owed; never when nothing is owed.
 *
 * @throws {StoreUnavailableError} from any operation when the store does not answer.
 */
export interface EventStore extends RetentionStore, QuotaStore, Blobs {
  /** Stores the number of partitions at the first boot ever; later boots get the stored number back. */
  partitions(wanted: number): Promise<number>;
  now(): Promise<number>;

  /** Opens an execution. Idempotent by `executionId`, before any policy. Head: version 1, settled 0, PENDING, due now. */
  start(command: StartCommand): Promise<StartResult>;
  /**
   * Puts a fact into the inbox; due = now. A repeated message id, or an answer to owed work that was answered already, is "duplicate".
   * An answer that names nothing owed is "not-owed". An inbox of `maxInbox` messages is "full" for messages, never for answers.
   */
  append(executionId: ExecutionId, fact: NewFact): Promise<AppendResult>;
  /** The executions of a group whose `due` has come, oldest first. */
  due(group: Group): Promise<readonly ExecutionId[]>;
  /**
   * `due` in one operation with `read` of the one that is most likely due; `log` is null unless it is.
   * @throws {CorruptRecordError} as `read`.
   */
  dueAndRead(group: Group, guess: ExecutionId, options: ReadOptions): Promise<DueAndRead>;
  /**
   * Head, events later than `after`, the first `inboxLimit` facts, the store's time. With `after: 0` and a stored snapshot: that
   * snapshot and only the events later than it (unless `snapshot: false`). Verifies that versions are contiguous.
   * @throws {CorruptRecordError} for a record of an unknown schema number, or a gap.
   */
  read(executionId: ExecutionId, options: ReadOptions): Promise<ReadResult | null>;
  /**
   * The fence: only at `expected` version, tip and facts heard. In one step: drops the first `taken` facts of the inbox, appends `events`,
   * removes and adds owed work, sets status and tip, stores the snapshot, resets faults to 0. `closing` status: clears owed work
   * and the group's pointer to it (if it is still this one). due = now; lookAt = now + lookGraceMs, or `lookAfterMs`.
   * With `refuseUnread`, a closing commit that would leave *messages* unread in the inbox is refused ("unread"); without, they are
   * dropped and counted in the result.
   * @throws {VersionConflictError} when another writer was first.
   */
  commit(executionId: ExecutionId, commit: Commit): Promise<CommitResult>;
  /**
   * All that was owed up to `version` is in the queues. True if version is still the head's and the inbox is empty: settled =
   * version, due and lookAt recomputed. Else false, and due stays now.
   */
  settle(executionId: ExecutionId, version: number): Promise<boolean>;

  /**
   * A worker is about to act. Null when `name` is not owed (any more), is answered or parked. Else attempt + 1 and the entry's lookAt
   * = now + leaseMs. `deaths` are earlier claims that neither answered nor released since the last unpark.
   */
  claim(executionId: ExecutionId, name: number, leaseMs: number): Promise<Claim | null>;
  /** Hands a claim back without blame: deaths do not count it. Harmless when it is not owed. */
  release(executionId: ExecutionId, name: number): Promise<void>;
  /** For work in hand: which of these are still owed (in order), each lease extended to now + leaseMs. */
  renew(
    claims: readonly { readonly executionId: ExecutionId; readonly name: number }[],
    leaseMs: number,
  ): Promise<readonly boolean[]>;

  /**
   * A wake-up failed ("error": the engine threw; due = now + delayMs) or died with its process ("death"). Counted apart in the head,
   * both reset by the next commit. Gives the count of that kind; 0 for an unknown or closed execution.
   */
  fault(executionId: ExecutionId, kind: "error" | "death", delayMs: number): Promise<number>;
  /** Writes a dead letter. Kind "event": the head is parked (never due). "activity": its owed entry is parked. Idempotent by id. */
  park(letter: NewDeadLetter): Promise<void>;
  /**
   * Redrives a letter, once: faults or deaths back to 0, unparked, due and lookAt now. Kind "execution": reopens it (status RUNNING,
   * the pointer its own again, a `retry` message in the inbox) unless its workflow ID has another open execution ("workflow-id-taken").
   */
  unpark(tenant: TenantId, letterId: string): Promise<UnparkResult>;
  letter(tenant: TenantId, letterId: string): Promise<DeadLetter | null>;
  /** Newest first. */
  letters(tenant: TenantId, page: Page): Promise<Paged<DeadLetter>>;
  /** Forgets a letter. "open": refused while its execution is open and parked by it. */
  removeLetter(tenant: TenantId, letterId: string): Promise<"removed" | "unknown" | "open">;
  /** Letters not yet redriven, of all tenants in this partition, oldest first: to rebuild lost letter jobs. */
  openLetters(partition: number, limit: number, offset?: number): Promise<readonly DeadLetter[]>;

  /** What must be looked at now in a partition: `lookAt` has come. Oldest first. */
  attention(partition: number, limit: number): Promise<readonly Attention[]>;
  /** Notes what the look found. `entries` get their new dispatch number and lookAt; the execution's lookAt = the earliest, or `lookAt`. */
  looked(executionId: ExecutionId, seen: Looked): Promise<void>;
  /**
   * Owed work must be looked at in `delayMs` at the latest, or as soon as the execution has settled after that. Puts no look off; harmless
   * for what is not owed, answered or parked.
   */
  lookSooner(executionId: ExecutionId, name: number, delayMs: number): Promise<void>;
  /** Whoever claimed work in this partition for no longer than `until` is gone: it is to be looked at now, and so is what is unsettled. */
  endLeases(partition: number, until: number): Promise<void>;

  /** Head, first and last event, all owed entries: in constant time, whatever the length of the history. */
  describe(executionId: ExecutionId): Promise<Description | null>;
  /** Many heads in one round trip; null for unknown ones. */
  heads(executionIds: readonly ExecutionId[]): Promise<readonly (ExecutionHead | null)[]>;
  history(executionId: ExecutionId, page: HistoryPage): Promise<readonly HistoryEvent[] | null>;
  /** All executions of a workflow ID, oldest first. */
  executionsOf(group: Group): Promise<readonly ExecutionId[]>;

  /** Name of the durability a 2xx has: `process`, `disk` or `replicated`. */
  durability(): Promise<"process" | "disk" | "replicated">;
  close(): Promise<void>;
}

export interface EventStoreOptions {
  /** How long after something became due somebody must look whether its wake-up is alive. */
  readonly lookGraceMs: number;
  readonly maxInbox: number;
}

export interface ExecutionHead {
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly definition: DefinitionReference;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: ExecutionStatus;
  /** Events in the history. */
  readonly version: number;
  /** Hash chain up to the last event. */
  readonly tip: string;
  /** All that was owed up to this version is in the queues. */
  readonly settled: number;
  /** Facts taken from the inbox so far. */
  readonly heard: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Engine faults and process deaths since the last commit. */
  readonly faults: number;
  readonly deaths: number;
  readonly notBefore: number;
  /** Id of the `event` letter that stops it, or null. */
  readonly parked: string | null;
}

/** An owed entry as the store keeps it. */
export type OwedEntry = OwedWork & {
  readonly since: number;
  readonly lookAt: number;
  /** Dispatches beyond the first: part of the job id. */
  readonly dispatch: number;
  /** Claims so far; 0 for timers. */
  readonly attempt: number;
  readonly deaths: number;
  /** An answer waits in the inbox. */
  readonly answered: boolean;
  /** Id of the `activity` letter that stops it, or null. */
  readonly parked: string | null;
};

/** What a commit was decided from; a head fits. */
export interface Expected {
  readonly version: number;
  readonly tip: string;
  /** Fences a commit that takes facts and records nothing: it moves neither version nor tip. */
  readonly heard: number;
}

export interface StartCommand {
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly definition: DefinitionReference;
  readonly labels: Readonly<Record<string, string>>;
  /** `execution.started`, sequence 1; the store sets its `at` (and `startedAt`) to its own time. */
  readonly event: HistoryEvent;
  /** Tip after that event. The chain hashes type, sequence, source and data, not `at`. */
  readonly tip: string;
  readonly onOpen: "reject" | "use-existing" | "terminate";
  readonly reuse: "always" | "failed-only" | "never";
}
export type StartResult =
  | { readonly result: "created"; readonly head: ExecutionHead; readonly terminated: ExecutionId | null }
  /** The same execution ID again, or `use-existing`. */
  | { readonly result: "existing"; readonly head: ExecutionHead }
  /** `open`: one is open. `reuse`: the policy forbids another (failed-only and the last one did not fail; never). */
  | { readonly result: "refused"; readonly because: "open" | "reuse"; readonly head: ExecutionHead };

export type AppendResult = "accepted" | "duplicate" | "not-owed" | "closed" | "full" | "unknown";

export interface ReadOptions {
  readonly after: number;
  readonly inboxLimit: number;
  readonly snapshot?: boolean;
}
export interface DueAndRead {
  readonly due: readonly ExecutionId[];
  readonly log: ReadResult | null;
}
export interface ReadResult {
  readonly head: ExecutionHead;
  readonly snapshot: { readonly version: number; readonly state: Json } | null;
  /** Ascending, contiguous. */
  readonly events: readonly HistoryEvent[];
  readonly inbox: readonly Fact[];
  /** Facts waiting beyond those given. */
  readonly inboxMore: boolean;
  readonly owed: readonly OwedEntry[];
  /** Store time. */
  readonly readAt: number;
}

export interface Commit {
  readonly expected: Expected;
  readonly taken: number;
  readonly events: readonly HistoryEvent[];
  /** Tip after the last event. */
  readonly tip: string;
  readonly owed: {
    /** `claimed`: the process that commits begins with it at once, as if it had claimed it a moment later; `lookAt` is the end of its lease. */
    readonly add: readonly { readonly work: OwedWork; readonly lookAt: number; readonly claimed?: boolean }[];
    readonly remove: readonly number[];
  };
  readonly status: ExecutionStatus;
  readonly snapshot?: Json;
  readonly refuseUnread?: boolean;
  /**
   * Decided without reading the inbox: refused ("unread") while any fact waits there, while the execution is parked, and before its
   * `notBefore`. So it neither overtakes what others have said nor makes those lose who read it.
   */
  readonly unreadInbox?: boolean;
  /** Looked at sooner than `lookGraceMs` after this, should nobody settle it. */
  readonly lookAfterMs?: number;
}
export type CommitResult =
  | { readonly result: "committed"; readonly head: ExecutionHead; readonly unheard: number }
  | { readonly result: "unread" };

export interface Claim {
  readonly head: ExecutionHead;
  /** The `task.requested` that asked. */
  readonly event: HistoryEvent;
  /** From 1. */
  readonly attempt: number;
  readonly deaths: number;
}

export interface Attention {
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly now: number;
  /** A wake-up has something to decide. */
  readonly due: boolean;
  /** Owed entries whose lookAt has come; empty while unsettled. */
  readonly owed: readonly OwedEntry[];
}
export interface Looked {
  readonly entries: readonly { readonly name: number; readonly dispatch: number; readonly lookAt: number }[];
  readonly lookAt: number;
}

export interface Description {
  readonly head: ExecutionHead;
  readonly first: HistoryEvent;
  readonly last: HistoryEvent;
  readonly owed: readonly OwedEntry[];
  readonly inbox: number;
  readonly now: number;
}

export interface HistoryPage {
  readonly after: number;
  readonly limit: number;
  /** `desc`: from `after` (0 = the end) downwards. */
  readonly order: "asc" | "desc";
}
export interface Page {
  readonly limit: number;
  /** Opaque; from the page before, else a RangeError. */
  readonly cursor?: string;
}
export interface Paged<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}

interface LetterBase {
  /** Derived from what failed: starts with the execution ID (so that its partition is known). `[a-z0-9-]{1,80}`. */
  readonly id: string;
  readonly kind: "event" | "activity" | "execution";
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly definition: DefinitionReference;
  /** Owed work, for `activity`. */
  readonly name: number | null;
  readonly task: string | null;
  readonly error: Problem;
  readonly stack: string | null;
  /** How often it was tried. */
  readonly attempts: number;
}
export type NewDeadLetter = LetterBase;
export interface DeadLetter extends LetterBase {
  readonly parkedAt: number;
  /** When it was redriven, or null. */
  readonly redrivenAt: number | null;
}
export type UnparkResult =
  | { readonly result: "redriven"; readonly letter: DeadLetter }
  | { readonly result: "already-redriven" | "unknown" | "workflow-id-taken" | "ended" };
