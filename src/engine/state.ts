import type { ExecutionId, TenantId, WorkflowId } from "../values/ids.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import type { TaskReference } from "../values/task-reference.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { DefinitionReference, HeldOutput, Move, ParentReference } from "./events.ts";
import type { TimerPurpose } from "./owed-work.ts";

/** Frame of the workflow itself: opened by `execution.started`, event 1. */
export const ROOT = 1;

/**
 * All an execution remembers: plain JSON, live frames only. A frame is a task that has started and not ended; its id is the
 * sequence of its `task.started`.
 */
export interface ExecutionState {
  readonly schema: 1;
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  readonly definition: DefinitionReference;
  readonly phase: "open" | "completed" | "failed" | "cancelled";
  readonly paused: boolean;
  /** Events folded so far. */
  readonly version: number;
  readonly startedAt: number;
  /** Raw input. */
  readonly input: Json;
  readonly defaultTimeoutMs: number;
  /** The execution that asked for this one; null for one started from outside. */
  readonly parent: ParentReference | null;
  readonly trace?: TraceContext;
  /** Nominal time of a scheduled execution, epoch milliseconds. */
  readonly scheduledFor?: number;
  /** `$context`. */
  readonly context: Json;
  readonly frames: Readonly<Record<number, Frame>>;
  /** Frames whose step is not `idle`, in the order they get their turn. */
  readonly ready: readonly number[];
  /** Activities asked and not answered, by name. */
  readonly activities: Readonly<Record<number, PendingActivity>>;
  /** Children whose end is waited for, by name. */
  readonly children: readonly number[];
  /** Children whose end was waited for and no longer is: they must be cancelled. `at`: the event that gave them up. */
  readonly abandoned: readonly { readonly name: number; readonly at: number }[];
  /** Timers neither fired nor cancelled, by name. */
  readonly timers: Readonly<Record<number, PendingTimer>>;
  /** Subscriptions to events, by name. */
  readonly subscriptions: Readonly<Record<number, { readonly frame: number }>>;
}

export interface PendingActivity {
  readonly frame: number;
  readonly queue?: string;
  /** It is a child execution, and whether its end is waited for. */
  readonly child?: { readonly await: boolean };
  /** It pins what its frame needs before that can begin. */
  readonly resource?: true;
}

export interface PendingTimer {
  readonly frame: number;
  readonly purpose: TimerPurpose;
  readonly scheduledAt: number;
  readonly fireAt: number;
}

/** What a frame does when its turn comes. */
export type Step =
  | { readonly do: "enter" }
  /** Its current child ended. */
  | { readonly do: "next"; readonly output: Json; readonly move: Move }
  /** Its raw output is known. */
  | { readonly do: "finish"; readonly output: Json }
  | { readonly do: "fail"; readonly error: Problem }
  /** Its timeout has fired; `was` is what it would have done, and does after a redrive. */
  | { readonly do: "expire"; readonly was: Step }
  /** The limit of this attempt of a try has passed. */
  | { readonly do: "expire-attempt"; readonly was: Step }
  /** The first of the events that wait is worked on. */
  | { readonly do: "iterate" }
  /** After a redrive: it had failed before it could be entered, in its `if`, `input` or what it goes over. */
  | { readonly do: "begin" }
  /** It waits for children or the world. */
  | { readonly do: "idle" };

export interface Frame {
  readonly id: number;
  /** 0 for the root. */
  readonly parent: number;
  /** Key in `Workflow.byKey`; "" for the root. */
  readonly key: string;
  readonly task: TaskReference;
  readonly name: string;
  /** Place in the parent's list, or branch of a fork. */
  readonly index: number;
  readonly rawInput: Json;
  /** After `input.from`. */
  readonly input: Json;
  readonly startedAt: number;
  /** Where in the run it is, the same when a try repeats it: what idempotency keys are made of. */
  readonly path: string;
  /** Variables bound for everything inside: loop variables, a caught error. */
  readonly vars: JsonObject;
  readonly step: Step;
  /** False when its `if`, `input` or what it goes over could not be evaluated. */
  readonly begun: boolean;
  /** Milliseconds of its timeout and, of a try, of each attempt: a redrive starts them anew. */
  readonly limits: { readonly timeout?: number; readonly attempt?: number };
  /** How often each task of the current list was started, by index. */
  readonly visits: Readonly<Record<number, number>>;
  readonly activity: number | null;
  /** Activities asked so far. */
  readonly requests: number;
  /** Of a wait that was started before: when it ends. */
  readonly waitUntil: number | null;
  readonly loop: Loop | null;
  readonly attempt: Attempt | null;
  readonly fork: Fork | null;
  readonly listen: Listen | null;
  /** Present while extensions apply to the task. */
  readonly around?: Around;
}

/** Of a listen task, from when it has subscribed; or of a call that works on each message it consumes, from when it was asked for. */
export interface Listen {
  /** Name of its subscription, or of its activity; null once nothing more is heard. */
  readonly subscription: number | null;
  /** Of the last event taken, or where it began; of a call: how many messages it received. */
  readonly position: number;
  readonly expected: readonly JsonObject[];
  readonly args: JsonObject;
  readonly each: { readonly item: string; readonly at: string } | null;
  readonly forgets: boolean;
  /** The first value of each correlation, by key. */
  readonly seen: JsonObject;
  /** Places of the filters that have their event. */
  readonly filled: readonly number[];
  /** What the output will be, so far. */
  readonly consumed: readonly Json[];
  /** Taken, and not worked on yet. */
  readonly waiting: readonly Json[];
  /** Iteration under way, or the last one; -1 before the first. */
  readonly iteration: number;
  readonly isIterating: boolean;
  /** Events taken so far, without that of `until`. Absent in states that were kept before it was counted. */
  readonly heard?: number;
  /** Its activity has failed, and what it received is still worked on. */
  readonly error?: Problem;
  /** What it was about to do when a redrive had it ask for its activity again. */
  readonly held?: Step;
}

/** Where an extended task is: at its start, in the tasks before it, in its own, in those after it. */
export interface Around {
  /** Places of the extensions that apply. */
  readonly active: readonly number[];
  readonly section: "start" | "before" | "own" | "after";
  /** Extension under way, in `before` and `after`. */
  readonly at: number;
  /** In `after`. */
  readonly held?: HeldOutput;
}

export interface Loop {
  readonly items: readonly Json[];
  readonly each: string;
  readonly at: string;
  /** Iteration under way; -1 before the first. */
  readonly index: number;
}

/** Of a try. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  readonly section: "try" | "catch";
  /** When it first ran, or was redriven: what the limit of its whole duration counts from. */
  readonly since: number;
}

export interface Fork {
  readonly branches: number;
  readonly compete: boolean;
  /** By branch; absent while it runs. */
  readonly outputs: Readonly<Record<number, Json>>;
}

export function childrenOf(state: ExecutionState, id: number): readonly Frame[] {
  return Object.values(state.frames).filter((frame) => frame.parent === id);
}

/** All frames inside a frame, deepest first, without itself. */
export function descendantsOf(state: ExecutionState, id: number): readonly Frame[] {
  return childrenOf(state, id).flatMap((child) => [...descendantsOf(state, child.id), child]);
}

/** A live frame. @throws {Error} when there is none: the log contradicts itself. */
export function frameOf(state: ExecutionState, id: number): Frame {
  const frame = state.frames[id];
  if (frame === undefined)
    throw new Error(`the history names frame ${id}, which is not open at version ${state.version}`);
  return frame;
}
