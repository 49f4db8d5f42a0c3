import type { Program } from "../expressions/index.ts";
import type { ReadAs } from "../values/cloud-event.ts";
import type { Duration } from "../values/durations.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { TaskReference } from "../values/task-reference.ts";
import type { EventFilter } from "./event-filter.ts";
import type { Schedule } from "./schedule.ts";

/**
 * The instruction tree: what `compile` makes of a valid definition. Front ends (DSL 1.0.x now, 0.8 later) produce it, the
 * engine walks it. Named `use` entries are resolved already; each node carries its JSON pointer.
 */
export interface Workflow {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly dsl: string;
  /** SHA-256 (hex) of the canonical JSON of `document`. */
  readonly digest: string;
  readonly document: JsonObject;
  readonly input: InputFlow;
  readonly output: OutputFlow;
  readonly timeout: DurationSource | null;
  /** When it starts by itself, once it is registered. */
  readonly schedule: Schedule | null;
  /** `schedule.on`, compiled; what is stored of a schedule is plain data. */
  readonly startsOn: EventConsumption | null;
  readonly tasks: TaskList;
  /** Some task listens for events. */
  readonly listens: boolean;
  /**
   * Every task by a unique key: its reference, or for the body of a function, the calling task's reference followed by
   * `#function` (a function's tasks report the calling task as their reference).
   */
  readonly byKey: ReadonlyMap<string, Task>;
  /** External resources of its own `input` and `output` that were not at hand when it was compiled. */
  readonly needs: readonly Resource[];
  /** Nothing in it waits for an external resource. */
  readonly isComplete: boolean;
}

/** Something outside of the definition that the engine needs: a JSON Schema, an Avro schema, or the document of a function. */
export interface Resource {
  readonly kind: "schema" | "avro" | "function";
  /** http, https or file; or of the catalog that the service provides. */
  readonly uri: string;
  readonly authentication: Authentication | null;
}

export interface InputFlow {
  readonly schema: Schema | null;
  readonly from: Template | null;
}

export interface OutputFlow {
  readonly as: Template | null;
  readonly schema: Schema | null;
}

/** A schema, compiled. */
export interface Schema {
  /** Undefined when `value` is valid, else what is wrong, for the `detail` of a validation error. @throws {Error} while it is missing. */
  check(value: Json): string | undefined;
  /** The resource it is to be read from, while that is not at hand. */
  readonly missing?: Resource;
}

/** A value of the definition with expressions somewhere inside. `literal` parts hold none. */
export type Template =
  | { readonly kind: "literal"; readonly value: Json }
  | { readonly kind: "expression"; readonly program: Program }
  | { readonly kind: "array"; readonly items: readonly Template[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [key: string, value: Template])[] };

export type DurationSource =
  | { readonly kind: "fixed"; readonly duration: Duration }
  /** Gives an ISO 8601 duration or a duration object. */
  | { readonly kind: "expression"; readonly program: Program };

export type Then =
  | { readonly kind: "continue" }
  | { readonly kind: "exit" }
  | { readonly kind: "end" }
  /** A sibling, by its place in the list. */
  | { readonly kind: "task"; readonly index: number };

/** `key` is that of a task in `Workflow.byKey`; a list is `do`, `try/0/…` and so on, in declared order. */
export type TaskList = readonly Task[];

export interface TaskBase {
  readonly key: string;
  readonly reference: TaskReference;
  readonly name: string;
  /** The task as written, for `$task.definition`. */
  readonly definition: JsonObject;
  readonly if: Program | null;
  readonly input: InputFlow;
  readonly output: OutputFlow;
  readonly export: OutputFlow;
  readonly timeout: DurationSource | null;
  readonly then: Then;
  /** The definition's extensions that extend this kind of task, in the order they run. */
  readonly extensions: readonly Extension[];
  /** External resources that must be at hand before it can begin, and were not when it was compiled. */
  readonly needs: readonly Resource[];
}

/** An extension of the definition as it stands around one task: its own tasks have keys of their own for each task they extend. */
export interface Extension {
  readonly name: string;
  readonly when: Program | null;
  readonly before: TaskList;
  readonly after: TaskList;
}

/** How a call proves who calls; resolved where it is used. */
export interface Authentication {
  /** Of `$authorization`. */
  readonly scheme: "Basic" | "Bearer" | "Digest";
  /** Gives `{ <kind>: { … } }`; only an executor evaluates it, and its value is recorded nowhere. */
  readonly policy: Template;
  /** The secret that holds the members of the kind; null: they are in `policy`. */
  readonly secret: string | null;
  /** Names of all secrets it needs. */
  readonly secrets: readonly string[];
  /** Variables that `policy` reads. */
  readonly reads: readonly string[];
}

export interface DoTask extends TaskBase {
  readonly kind: "do";
  readonly do: TaskList;
}
export interface SetTask extends TaskBase {
  readonly kind: "set";
  readonly set: Template;
  /** An expression in it reads `$secrets`: an executor evaluates it, and only the result is recorded. */
  readonly readsSecrets: boolean;
}
export interface SwitchTask extends TaskBase {
  readonly kind: "switch";
  /** Declared order; `when: null` is the default case. */
  readonly cases: readonly { readonly name: string; readonly when: Program | null; readonly then: Then }[];
  /** A `when` reads `$secrets`: an executor says which case holds. */
  readonly readsSecrets: boolean;
}
export interface ForTask extends TaskBase {
  readonly kind: "for";
  /** An expression, or an array written in the definition. */
  readonly in: Template;
  /** Names of the variables, without `$`. */
  readonly each: string;
  readonly at: string;
  readonly while: Program | null;
  readonly do: TaskList;
}
export interface ForkTask extends TaskBase {
  readonly kind: "fork";
  readonly compete: boolean;
  readonly branches: TaskList;
}
export interface RaiseTask extends TaskBase {
  readonly kind: "raise";
  /** Gives `{type, status, title?, detail?}`. */
  readonly error: Template;
}
export interface TryTask extends TaskBase {
  readonly kind: "try";
  readonly try: TaskList;
  readonly catch: Catch;
}
export interface WaitTask extends TaskBase {
  readonly kind: "wait";
  readonly wait: DurationSource;
}
export interface EmitTask extends TaskBase {
  readonly kind: "emit";
  /** Gives the attributes and data of the event; what is missing is made up. */
  readonly event: Template;
}
/** Which events are consumed, and what ends that. */
export interface EventConsumption {
  readonly to: EventStrategy;
  /** Of `any`: a condition on what was consumed, or a strategy whose events end it; null: the first event does. */
  readonly until: Program | EventStrategy | null;
}
export interface ListenTask extends TaskBase, EventConsumption {
  readonly kind: "listen";
  readonly read: ReadAs;
  readonly foreach: Foreach | null;
}
export interface EventStrategy {
  readonly kind: "one" | "all" | "any";
  /** Declared order; `any` of none is every event. */
  readonly filters: readonly ListenFilter[];
}
export interface ListenFilter {
  readonly filter: EventFilter;
  /** What a correlation must be, by its key; without an entry the first value seen is it. */
  readonly expect: Readonly<Record<string, Template>>;
}
/** What is done with each event or message, one after another. */
export interface Foreach {
  /** Names of the variables, without `$`. */
  readonly item: string;
  readonly at: string;
  readonly do: TaskList;
  readonly output: OutputFlow;
  readonly export: OutputFlow;
}
export interface CallHttpTask extends TaskBase {
  readonly kind: "call";
  readonly call: "http";
  /** The `with` of `call: http`, an object; `renderHttpArguments` evaluates it and expands the URI template of `endpoint`. */
  readonly with: Template;
  /**
   * True when some expression in `with` reads `$secrets` or `$authorization`: the executor evaluates all of `with`, the log never
   * holds it.
   */
  readonly isLate: boolean;
  readonly authentication: Authentication | null;
}
/** An operation that an OpenAPI description, or one of Swagger 2.0, tells how to call. */
export interface CallOpenApiTask extends TaskBase {
  readonly kind: "call";
  readonly call: "openapi";
  /** An object; `document` is the URI. `renderOpenApiArguments` evaluates it. */
  readonly with: Template;
  readonly isLate: boolean;
  readonly authentication: Authentication | null;
  /** Of the document. */
  readonly resourceAuthentication: Authentication | null;
}
/** A method of a gRPC service. */
export interface CallGrpcTask extends TaskBase {
  readonly kind: "call";
  readonly call: "grpc";
  /** An object; `proto` is the URI. `renderGrpcArguments` evaluates it. */
  readonly with: Template;
  readonly isLate: boolean;
  readonly authentication: Authentication | null;
  /** Of the proto. */
  readonly resourceAuthentication: Authentication | null;
}
/** A service that is spoken to by a protocol of its own, each with its executor. */
export interface CallServiceTask extends TaskBase {
  readonly kind: "call";
  readonly call: "a2a" | "asyncapi" | "mcp";
  /** The `with` of the call, an object; `renderCallService` evaluates it. */
  readonly with: Template;
  readonly isLate: boolean;
  readonly authentication: Authentication | null;
  /** Of the document that an AsyncAPI call refers to. */
  readonly resourceAuthentication: Authentication | null;
  /** Of an AsyncAPI call that works on each message it consumes. */
  readonly consumes: Consumption | null;
}
/** How the messages of a subscription are worked on as they come. At most one of the three conditions is given. */
export interface Consumption {
  readonly foreach: Foreach;
  readonly amount: number | null;
  /** Judged when a message was worked on. */
  readonly while: Program | null;
  /** Judged before the first message, and when one was worked on. */
  readonly until: Program | null;
}
/** A TypeScript function registered by workers. */
export interface CallCodeTask extends TaskBase {
  readonly kind: "call";
  readonly call: "code";
  readonly function: string;
  /** The function's input; without a `with` it is the task's input. */
  readonly with: Template | null;
  readonly isLate: boolean;
  readonly authentication: null;
}
/** A function of `use.functions`, of a catalog or at a URL: a task of its own, run with `with` as its raw input. */
export interface CallFunctionTask extends TaskBase {
  readonly kind: "call";
  readonly call: "function";
  readonly function: string;
  readonly with: Template | null;
  /** Null while its document is not at hand. A text: why the document cannot be used. */
  readonly body: Task | string | null;
}
/** Another workflow, as an execution of its own. */
export interface RunWorkflowTask extends TaskBase {
  readonly kind: "run";
  readonly run: "workflow";
  /** Without a version: the newest when it starts. */
  readonly workflow: { readonly namespace: string; readonly name: string; readonly version?: string };
  /** Its input; null: none is given, which is `{}`. */
  readonly with: Template | null;
  /** `return: none`: the output of the other is not taken; null stands for it. */
  readonly discards: boolean;
  /** False: the task ends, with its transformed input, once the other has started. */
  readonly await: boolean;
}
export type ProcessReturn = "stdout" | "stderr" | "code" | "all" | "none";
/** A process of the machine that a task worker runs on. */
export interface RunProcessTask extends TaskBase {
  readonly kind: "run";
  readonly run: "script" | "shell" | "container";
  /** The description of the process, an object; `renderProcess` evaluates it. */
  readonly with: Template;
  /** What of the process is the output. */
  readonly return: ProcessReturn;
  /** False: the task ends, with its transformed input, once the process has started. */
  readonly await: boolean;
  readonly readsSecrets: boolean;
}
export type RunTask = RunWorkflowTask | RunProcessTask;
/** Calls that an executor makes. */
export type CallOutsideTask = CallHttpTask | CallOpenApiTask | CallGrpcTask | CallServiceTask | CallCodeTask;
export type CallTask = CallOutsideTask | CallFunctionTask;

export interface Catch {
  /** Members an error must have, equal; standard types are compared by `canonicalErrorType`. `details` is read as `detail`. */
  readonly with: Readonly<Record<string, Json>>;
  /** Name of the variable that holds the error, without `$`. */
  readonly as: string;
  readonly when: Program | null;
  readonly exceptWhen: Program | null;
  readonly retry: RetryPolicy | null;
  readonly do: TaskList | null;
  /** Where the list goes after an error was handled; null: as after any end of the try. */
  readonly then: Then | null;
}

export interface RetryPolicy {
  readonly when: Program | null;
  readonly exceptWhen: Program | null;
  readonly delay: DurationSource | null;
  readonly backoff: "constant" | "linear" | "exponential";
  readonly jitter: { readonly from: DurationSource; readonly to: DurationSource } | null;
  /** Retries, not runs; null = no limit. */
  readonly maxRetries: number | null;
  /** Known when the attempt starts: its expression knows no error. */
  readonly maxAttemptDuration: DurationSource | null;
  readonly maxDuration: DurationSource | null;
}

export type Task =
  | DoTask
  | SetTask
  | SwitchTask
  | ForTask
  | ForkTask
  | RaiseTask
  | TryTask
  | WaitTask
  | EmitTask
  | ListenTask
  | CallTask
  | RunTask;
