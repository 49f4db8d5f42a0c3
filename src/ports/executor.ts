import type { AnswerFact } from "../engine/facts.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import type { TaskReference } from "../values/task-reference.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { ResourceResult } from "./resources.ts";

/** What came of an activity: a result or the specification's error, to be recorded. */
export type Outcome = AnswerFact["outcome"];

/** One line of structured log. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Takes the messages of an activity that gives them before it ends: each is kept durably, and worked on in this order. */
export interface Intake {
  /** What earlier runs of the activity gave: how many messages, and the last of them. */
  readonly before: { readonly count: number; readonly last: Json | undefined };
  /** Since the activity was asked for, milliseconds. */
  readonly elapsedMs: number;
  /** Resolves once a message is kept, or with the reason why it cannot be. Throws the signal's reason when that aborts first. */
  keep(message: Json): Promise<Problem | undefined>;
  /** Resolves once all that was kept is worked on: whether more is wanted. Throws as `keep`. */
  goesOn(): Promise<boolean>;
}

export interface ActivityContext {
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly executionId: ExecutionId;
  readonly task: TaskReference;
  /** From 1. */
  readonly attempt: number;
  /** The same for every repeat of one logical call. */
  readonly idempotencyKey: string;
  /** Aborts when the activity is no longer owed, the lock is lost, or the process must go. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** The span of this activity, for what it asks of others. */
  readonly trace?: TraceContext | undefined;
  /** Until a timeout around the task fires, where the activity has a deadline. */
  readonly remainingMs?: number | undefined;
  /** Of an activity whose messages are worked on as they come. */
  readonly intake?: Intake | undefined;
  /** `tell` is called when this run is over: with true once its result is in the store, so that what it consumed may be acknowledged; with
   * false when it has none, or nobody is owed it. */
  readonly whenOver: (tell: (isRecorded: boolean) => Promise<void>) => void;
  /**
   * The document that the call refers to, fetched as its definition says and pinned for it at first use. `unfit` says why a content is of no use, which is
   * then not pinned. Of a file that a document refers to, `referrer` is the address of that document: only at the same origin is
   * the login of the document shown.
   */
  readonly resource: (
    uri: string,
    unfit: (content: string) => string | undefined,
    referrer?: string,
  ) => Promise<ResourceResult>;
}

/**
 * Carries out one kind of activity. Returns what is to be recorded; throws only when the job itself should be tried again
 * (or when `signal` aborted it).
 */
export type Executor = (
  activity: {
    readonly function?: string;
    readonly with: Json;
    /** The authentication policy, evaluated: its expressions and secrets are replaced by what they stand for. Never to be recorded. */
    readonly authentication?: JsonObject;
  },
  context: ActivityContext,
) => Promise<Outcome>;
