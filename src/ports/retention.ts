import type { DefinitionReference } from "../engine/events.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";

/** How long what has ended is kept, by the store's clock; `Infinity`: for ever. */
export interface Retention {
  /** From the end of an execution on. */
  readonly closedForMs: number;
  /** The same for one with a dead letter that nobody redrove or discarded; never shorter than `closedForMs`. */
  readonly letteredForMs: number;
}

/** What is left of an execution that is gone: enough to take it out of lists and queues. */
export interface ExpiredExecution {
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly definition: DefinitionReference;
  readonly startedAt: number;
  /** Its dead letters, gone with it; `open`: nobody had dealt with it. */
  readonly letters: readonly { readonly id: string; readonly open: boolean }[];
}

/** The part of the event store that forgets. */
export interface RetentionStore {
  /**
   * Removes executions that are closed and settled and whose time is over, oldest first, each whole and in one step: head, history, inbox,
   * message ids, snapshot, letters, place among the runs of its workflow ID. One that is redriven at the same moment is either
   * open again or gone. Gives them until `forgotten` confirms them: together at most `limit`, so that nothing more is
   * removed while nobody confirms.
   */
  expire(partition: number, retention: Retention, limit: number): Promise<readonly ExpiredExecution[]>;
  /** Lists and queues know nothing of these any more. Repeatable. */
  forgotten(partition: number, executionIds: readonly ExecutionId[]): Promise<void>;
  /** Of each digest, in order: whether any execution that is kept runs that definition. */
  areNamed(tenant: TenantId, digests: readonly string[]): Promise<readonly boolean[]>;
}

/** The part of the database that forgets. */
export interface RetentionDatabase {
  /** Takes executions out of all lists. Repeatable. */
  forget(executions: readonly ExpiredExecution[]): Promise<void>;
  /**
   * Digests of documents that no new execution can be started with, for `idleMs` by now: kept without being registered and not run again, or
   * unlisted. Longest first.
   */
  idleDocuments(tenant: TenantId, idleMs: number, limit: number, offset?: number): Promise<readonly string[]>;
  /** Removes a document, and the version it was, unless it was used or listed again meanwhile. False when nothing was removed. */
  dropDocument(tenant: TenantId, digest: string, idleMs: number): Promise<boolean>;
}
