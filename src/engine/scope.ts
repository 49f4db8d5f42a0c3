import type { Workflow } from "../dsl/workflow.ts";
import type { EvaluationTime, ExpressionArguments, Program } from "../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { isInExtension } from "./extensions.ts";
import type { Limits } from "./limits.ts";
import { type ExecutionState, type Frame, frameOf } from "./state.ts";

/** What deciding may know besides the state. Time is handed in. */
export interface Situation {
  /** Store time, epoch milliseconds. */
  readonly now: number;
  readonly workflow: Workflow;
  /** Position in the tenant's log of events, read before the decision: who begins to listen hears what comes after it. Default 0. */
  readonly eventsEnd?: number;
  /** For `$runtime`. */
  readonly runtime: { readonly name: string; readonly version: string };
  /** How deep workflows run by workflows may nest; 0: not at all. */
  readonly childDepth: number;
  /** Own queues of registered functions, by name; those without one are absent. */
  readonly functionQueues: Readonly<Record<string, string>>;
  /** Absent: none, as when a definition is tried out in memory. */
  readonly limits?: Limits;
}

/** The same few moments are asked for again and again: a decision has one time. */
const MOMENTS_KEPT = 64;
const moments = new Map<number, JsonObject>();

/** `{iso8601, epoch: {seconds, milliseconds}}` of the specification. */
function momentOf(epochMs: number): JsonObject {
  const known = moments.get(epochMs);
  if (known !== undefined) return known;
  const epoch = { seconds: Math.floor(epochMs / 1000), milliseconds: epochMs };
  const moment = { iso8601: new Date(epochMs).toISOString(), epoch };
  if (moments.size >= MOMENTS_KEPT) moments.clear();
  moments.set(epochMs, moment);
  return moment;
}

/** Variables every expression may read: `$workflow` and `$runtime`; `$authorization` is null but for a call that authenticates. */
export function workflowScope(state: ExecutionState, { workflow, runtime }: Situation): ExpressionArguments {
  return {
    workflow: {
      id: state.executionId,
      definition: workflow.document,
      input: state.input,
      startedAt: momentOf(state.startedAt),
      ...(state.scheduledFor === undefined ? {} : { scheduledFor: momentOf(state.scheduledFor) }),
    },
    runtime: { ...runtime, metadata: { tenant: state.tenant, workflowId: state.workflowId } },
    context: state.context,
    authorization: null,
  };
}

/** `$task` before the task has a frame, or of a live frame; `output` is the raw output. */
export interface TaskView {
  readonly name: string;
  readonly reference: string;
  readonly definition: JsonObject;
  readonly rawInput: Json;
  readonly startedAt: number;
  /** `$authorization`. Its parameter is known only where the call is made: the engine records what it evaluates. */
  readonly authorization?: Json;
}

/** Variables bound by the `for` and `catch` around a frame, and by the frame itself for what is inside it. */
export function variablesOf(state: ExecutionState, frame: Frame): JsonObject {
  const outer = frame.parent === 0 ? {} : variablesOf(state, frameOf(state, frame.parent));
  return { ...outer, ...frame.vars };
}

/**
 * Variables of an expression of a task.
 *
 * @param around the frame whose variables hold: the parent for what is evaluated before the task, or the task itself.
 * @param more `input` and `output` where the specification's table has them.
 */
export function taskScope(
  state: ExecutionState,
  situation: Situation,
  around: Frame,
  task: TaskView,
  more: { readonly input?: Json; readonly rawOutput?: Json; readonly output?: Json } = {},
): ExpressionArguments {
  return {
    ...workflowScope(state, situation),
    ...variablesOf(state, around),
    task: extendedTask(state, situation, around) ?? descriptorOf(task, more.rawOutput),
    ...(task.authorization === undefined ? {} : { authorization: task.authorization }),
    ...(more.input === undefined ? {} : { input: more.input }),
    ...(more.output === undefined ? {} : { output: more.output }),
  };
}

function descriptorOf(task: TaskView, rawOutput?: Json): JsonObject {
  return {
    name: task.name,
    reference: task.reference,
    definition: task.definition,
    input: task.rawInput,
    ...(rawOutput === undefined ? {} : { output: rawOutput }),
    startedAt: momentOf(task.startedAt),
  };
}

/** For the tasks of an extension `$task` is the task that is extended. Undefined elsewhere. */
function extendedTask(state: ExecutionState, situation: Situation, around: Frame): JsonObject | undefined {
  for (let frame: Frame | undefined = around; frame !== undefined; frame = state.frames[frame.parent]) {
    if (!isInExtension(frame)) continue;
    const definition = situation.workflow.byKey.get(frame.key)?.definition ?? {};
    const view = { ...frame, reference: frame.task, definition };
    return extendedView(definition, descriptorOf(view, frame.around.held?.output));
  }
  return undefined;
}

/** The examples of the specification read the members of an extended task (`$task.with`) beside its descriptor, which wins. */
export function extendedView(definition: JsonObject, descriptor: Json | undefined): JsonObject {
  return { ...definition, ...(isJsonObject(descriptor) ? descriptor : {}) };
}

/** jq's truth: everything but `false` and `null`; no output counts as false. */
export function isTrue(program: Program, input: Json, args: ExpressionArguments, time: EvaluationTime): boolean {
  const value = program.first(input, args, time);
  return value !== undefined && value !== false && value !== null;
}
