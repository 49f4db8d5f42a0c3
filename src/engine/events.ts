import type { EventEnvelope } from "../values/cloud-event.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import type { TaskReference } from "../values/task-reference.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { TimerPurpose } from "./owed-work.ts";

/** Who says so. */
export type EventSource = "api-service" | "workflow-engine" | "executor-service" | "timer-service";

/** Which definition an execution runs; `digest` finds the document even after it was unlisted. */
export interface DefinitionReference {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
}

/** Who asked for an execution. */
export interface ParentReference {
  readonly executionId: ExecutionId;
  readonly workflowId: WorkflowId;
  /** Sequence of the event that asked. */
  readonly asked: number;
  /** The parent waits for the end. */
  readonly await: boolean;
  /** Executions above this one, from 1. */
  readonly depth: number;
}

/**
 * Where the list or branch goes after a task; recorded when decided, so that a replay needs no definition.
 * `sibling`: to the task at `index` of the same list. `end`: the whole workflow ends. `leave`: the list is done.
 */
export type Move =
  | { readonly to: "sibling"; readonly index: number }
  /** `exit`: by the directive, not because the list was done; told only in the lists of an extension, where it matters. */
  | { readonly to: "leave"; readonly exit?: true }
  | { readonly to: "end" };

interface Recorded<Type extends string, Data> {
  /** `io.flunq.` + type at every border; stored without the prefix. */
  readonly type: Type;
  /** Its place in the history, from 1. The event's name is `<executionId>.<sequence>`. */
  readonly sequence: number;
  /** Store time, epoch milliseconds. */
  readonly at: number;
  readonly source: EventSource;
  readonly data: Data;
}

export type ExecutionStarted = Recorded<
  "execution.started",
  {
    readonly executionId: ExecutionId;
    readonly tenant: TenantId;
    readonly workflowId: WorkflowId;
    readonly definition: DefinitionReference;
    readonly input: Json;
    /** Limit in milliseconds for a definition without its own; 0 = none. */
    readonly defaultTimeoutMs: number;
    /** The execution whose `run` task asked for this one. */
    readonly parent?: ParentReference;
    /** The trace in which it was asked for: what the execution does later belongs to it. */
    readonly trace?: TraceContext;
    /** Nominal time of a scheduled execution, epoch milliseconds. */
    readonly scheduledFor?: number;
  }
>;
export type ExecutionPaused = Recorded<"execution.paused", { readonly reason?: string }>;
export type ExecutionResumed = Recorded<"execution.resumed", { readonly reason?: string }>;
/** A dead letter was redriven: the failed task runs again in place. */
export type ExecutionRetried = Recorded<"execution.retried", { readonly letter?: string }>;
export type ExecutionCancelled = Recorded<
  "execution.cancelled",
  { readonly reason?: string; readonly terminated: boolean }
>;
export type WorkflowCompleted = Recorded<"workflow.completed", { readonly output: Json }>;
/** `frame` is where the error came from; an uncaught error does not unwind, so that a redrive goes on there. */
export type WorkflowFailed = Recorded<
  "workflow.failed",
  { readonly error: Problem; readonly frame: number; readonly task?: TaskReference }
>;

/** A task of an extension stands in this list; the first one after the task it extends brings the raw output that is held back. */
export interface ExtensionEntry {
  /** Place of the extension among those of the task it extends. */
  readonly at: number;
  readonly section: "before" | "after";
  readonly held?: HeldOutput;
  /** The activity that gave the output. */
  readonly asked?: number;
}

/** The end of an extended task, kept until what comes after it is done. */
export interface HeldOutput {
  /** Raw. */
  readonly output: Json;
  readonly move: Move;
  readonly plain?: true;
}

/** Members every task event has. `frame` is the sequence of the task's `task.started`. */
export interface OfTask {
  readonly task: TaskReference;
  readonly frame: number;
}
/** What is decided when a task begins. */
export interface Begun {
  /** After `input.from`; absent when the same. */
  readonly transformed?: Json;
  /** What a `for` goes over, decided once at its start. */
  readonly loop?: { readonly items: readonly Json[]; readonly each: string; readonly at: string };
  /** Of a fork: how many branches, and whether the first to end wins. */
  readonly fork?: { readonly branches: number; readonly compete: boolean };
  /** Places of the extensions that apply to it. */
  readonly extensions?: readonly number[];
}
export type TaskStarted = Recorded<
  "task.started",
  Begun & {
    readonly task: TaskReference;
    /** Key in `Workflow.byKey`. */
    readonly key: string;
    readonly name: string;
    readonly kind: string;
    readonly parent: number;
    /** Place in the parent's list (or branch number of a fork). */
    readonly index: number;
    /** Raw input. */
    readonly input: Json;
    /**
     * Its `if`, `input` or what it goes over could not be evaluated: `task.failed` follows. Or it waits for external resources:
     * `task.requested` follows, and `task.prepared` when they are pinned.
     */
    readonly begun?: false;
    /** Iteration of the `for` around it (from 0), when this is the first task of that iteration. */
    readonly iteration?: number;
    /** Set when this is the first task of a handler: the try's error is bound to `as`. */
    readonly caught?: { readonly error: Problem; readonly as: string };
    /** Set when this is a task of an extension. */
    readonly extension?: ExtensionEntry;
  }
>;
export type TaskSkipped = Recorded<
  "task.skipped",
  {
    readonly task: TaskReference;
    readonly name: string;
    readonly kind: string;
    readonly parent: number;
    readonly index: number;
    readonly output: Json;
    readonly iteration?: number;
    readonly caught?: { readonly error: Problem; readonly as: string };
    readonly extension?: ExtensionEntry;
    readonly move: Move;
  }
>;
/** An activity is asked for. Its name is this event's sequence. */
export type TaskRequested = Recorded<
  "task.requested",
  OfTask & {
    readonly activity: ActivityRequest;
    readonly idempotencyKey: string;
    /** Runs of this task asked so far in this frame, from 1 (a redrive asks again). */
    readonly attempt: number;
    /** It gives messages before it ends, each of which is worked on. */
    readonly consumes?: Consumes;
  }
>;
/** How the messages of an activity are worked on. */
export interface Consumes {
  /** Names of the variables. */
  readonly each: { readonly item: string; readonly at: string };
  /** Messages that were received before it was asked, by one that a redrive asks for again. */
  readonly received: number;
  /** It never ends by itself, so that nobody asks for what it consumed. */
  readonly forgets?: true;
}
/** The external resources it waited for are pinned: it begins. `frame` may be the workflow's own. */
export type TaskPrepared = Recorded<"task.prepared", OfTask & Begun & { readonly asked: number }>;
export type TaskCompleted = Recorded<
  "task.completed",
  OfTask & {
    /** After `output.as`. */
    readonly output: Json;
    /** The new `$context`, when the task has an `export`. */
    readonly context?: Json;
    readonly move: Move;
    /** The activity it answers. */
    readonly asked?: number;
  }
>;
/** `unwound`: not its own error, one that passed through it on the way to the try that caught it. */
export type TaskFailed = Recorded<
  "task.failed",
  OfTask & { readonly error: Problem; readonly asked?: number; readonly unwound?: true }
>;
/** A try starts over. */
export type TaskRetried = Recorded<
  "task.retried",
  OfTask & { readonly attempt: number; readonly delayMs: number; readonly error: Problem }
>;
export type TaskCancelled = Recorded<"task.cancelled", OfTask & { readonly reason: string }>;
/** The timer's name is this event's sequence. */
export type TimerScheduled = Recorded<
  "timer.scheduled",
  OfTask & { readonly purpose: TimerPurpose; readonly fireAt: number }
>;
export type TimerFired = Recorded<"timer.fired", OfTask & { readonly timer: number; readonly purpose: TimerPurpose }>;
export type TimerCancelled = Recorded<
  "timer.cancelled",
  OfTask & { readonly timer: number; readonly purpose: TimerPurpose }
>;

/**
 * A listen task hears events from here on. The subscription's name is this event's sequence. What its filters need to know stands
 * here, so that whoever delivers events and whoever takes them judge alike.
 */
export type EventSubscribed = Recorded<
  "event.subscribed",
  OfTask & {
    /** Key in `Workflow.byKey`. */
    readonly key: string;
    /** Position in the tenant's log of events after which they count. */
    readonly from: number;
    /** What the correlations must be, by key, for each filter in declared order, those of `until` last. */
    readonly expected: readonly JsonObject[];
    /** Variables that the filters read. */
    readonly args?: JsonObject;
    /** Each event is worked on, under these names. */
    readonly each?: { readonly item: string; readonly at: string };
    /** It never ends by itself, so that nobody asks for what it consumed. */
    readonly forgets?: true;
  }
>;
/** An event that a listen task takes: `filter` is the place of the filter it fills, -1 where every event counts. */
export type EventReceived = Recorded<
  "event.received",
  OfTask & {
    readonly subscription: number;
    readonly position: number;
    readonly event: { readonly id: string; readonly source: string; readonly type: string };
    readonly filter: number;
    /** As the task reads it; absent for one of `until`, which is no part of the output. */
    readonly value?: Json;
    readonly until?: true;
    /** What its correlations are, by key. */
    readonly correlation?: JsonObject;
    /** Nothing more is heard. */
    readonly last?: true;
  }
>;
/** An activity has given a message, to be worked on; or, without a `value`, it has ended, and nothing more comes. */
export type MessageReceived = Recorded<
  "message.received",
  OfTask & {
    /** The activity. */
    readonly asked: number;
    /** Place of the message among those of the task, from 0; of the end: how many there were. */
    readonly place: number;
    readonly value?: Json;
    /** The activity has failed: so does the task, once what it received is worked on. */
    readonly error?: Problem;
  }
>;
/** The `foreach` of a listen task or of a subscription is through with an event or message. */
export type EventProcessed = Recorded<
  "event.processed",
  OfTask & {
    readonly iteration: number;
    /** It was a message, no event that a listen task heard. */
    readonly message?: true;
    /** After `foreach.output`. */
    readonly output: Json;
    readonly context?: Json;
    /** `until` holds: nothing more is heard, nor worked on. */
    readonly last?: true;
  }
>;
/** An event to be published, whole; its name in the log is its id, unless the author gave one. */
export type EventEmitted = Recorded<"event.emitted", OfTask & { readonly event: EventEnvelope }>;

export type HistoryEvent =
  | ExecutionStarted
  | ExecutionPaused
  | ExecutionResumed
  | ExecutionRetried
  | ExecutionCancelled
  | WorkflowCompleted
  | WorkflowFailed
  | TaskStarted
  | TaskSkipped
  | TaskRequested
  | TaskPrepared
  | TaskCompleted
  | TaskFailed
  | TaskRetried
  | TaskCancelled
  | TimerScheduled
  | TimerFired
  | TimerCancelled
  | EventSubscribed
  | EventReceived
  | EventProcessed
  | EventEmitted
  | MessageReceived;

/** What an executor is asked to do (`evaluate`: give the value of a `set`, or the place of the case of a `switch` that holds; `resource`: pin what the task needs) or, for `workflow`, the runtime. */
export interface ActivityRequest {
  readonly kind:
    | "http"
    | "openapi"
    | "grpc"
    | "a2a"
    | "asyncapi"
    | "mcp"
    | "code"
    | "script"
    | "shell"
    | "container"
    | "evaluate"
    | "resource"
    | "workflow";
  /** The function's name, for `code`. */
  readonly function?: string;
  /** The definition to start, for `workflow`; `with` is its input. */
  readonly child?: {
    readonly namespace: string;
    readonly name: string;
    readonly version?: string;
    readonly await: boolean;
  };
  /** When the first timeout around it fires, for `grpc`; epoch milliseconds of the store. */
  readonly deadline?: number;
  /** Own queue: `durabull-tasks-<queue>`. */
  readonly queue?: string;
  /** Evaluated arguments: the `with` of a call, a function's input, or the description of a process. Absent when the executor must evaluate. */
  readonly with?: Json;
  /**
   * The executor evaluates what belongs to the task found by `key`, on `input` with these variables and `$secrets`: its authentication
   * where it has one, and, without `with`, its arguments.
   */
  readonly deferred?: { readonly key: string; readonly input: Json; readonly args: JsonObject };
}

/** Members of `HistoryEvent` shared by all: for stores, which never look inside `data`. */
export interface LogEvent {
  readonly type: string;
  readonly sequence: number;
  readonly at: number;
  readonly source: EventSource;
  readonly data: unknown;
}
