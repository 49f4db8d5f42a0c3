import { authenticationOf } from "../dsl/tasks/render-call.ts";
import { renderTemplate } from "../dsl/template.ts";
import type { Consumption, InputFlow, OutputFlow, Task, TaskList, Then } from "../dsl/workflow.ts";
import type { EvaluationTime, ExpressionArguments } from "../expressions/index.ts";
import type { Json } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import { askForResources } from "./ask-resources.ts";
import { type Draft, decided } from "./draft.ts";
import { durationEnd } from "./duration.ts";
import type { Begun, ExtensionEntry, HeldOutput, Move } from "./events.ts";
import { extensionList, isInExtension, nextExtension, sectionAfter } from "./extensions.ts";
import { fault, problemFrom } from "./fault.ts";
import { recordable } from "./limits.ts";
import { extendedView, isTrue, type Situation, type TaskView, taskScope } from "./scope.ts";
import { descendantsOf, type ExecutionState, type Frame } from "./state.ts";

const CONTINUE: Then = { kind: "continue" };

/** Where a list goes after the task at `index`. Branches of a fork and the body of a function have no next sibling. */
export function moveOf(then: Then, index: number, list: TaskList | null, tellsExit = false): Move {
  if (then.kind === "end") return { to: "end" };
  if (then.kind === "task") return { to: "sibling", index: then.index };
  const hasNext = list !== null && index + 1 < list.length;
  if (then.kind === "continue" && hasNext) return { to: "sibling", index: index + 1 };
  return then.kind === "exit" && tellsExit ? { to: "leave", exit: true } : { to: "leave" };
}

/** The list a frame goes through one after another; null when its children have no order (fork) or it has none. */
export function listOf(task: Task | null, frame: Frame, situation: Situation): TaskList | null {
  if (task === null) return situation.workflow.tasks;
  if (isInExtension(frame)) return extensionList(task, frame.around);
  switch (task.kind) {
    case "do":
    case "for":
      return task.do;
    case "try":
      return frame.attempt?.section === "catch" ? (task.catch.do ?? []) : task.try;
    case "listen":
      return task.foreach?.do ?? null;
    case "call":
      return consumptionOf(task)?.foreach.do ?? null;
    default:
      return null;
  }
}

/** Of a call that works on each message it consumes; null for all others. */
export function consumptionOf(task: Task): Consumption | null {
  return task.kind === "call" && "consumes" in task ? task.consumes : null;
}

/** Input after `schema` and `from`. @throws {TaskFault | ExpressionError} */
export function transformInput(flow: InputFlow, raw: Json, args: ExpressionArguments, time: EvaluationTime): Json {
  const wrong = flow.schema?.check(raw);
  if (wrong !== undefined) throw fault("validation", `input: ${wrong}`);
  return flow.from === null ? raw : renderTemplate(flow.from, raw, args, time);
}

/** Output after `as` and `schema`. @throws {TaskFault | ExpressionError} */
export function transformOutput(
  flow: OutputFlow,
  raw: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
  what: string,
): Json {
  const output = flow.as === null ? raw : renderTemplate(flow.as, raw, args, time);
  const wrong = flow.schema?.check(output);
  if (wrong !== undefined) throw fault("validation", `${what}: ${wrong}`);
  return output;
}

/** What the first child of an iteration or of a handler tells its parent. */
export interface Entry {
  readonly iteration?: number;
  readonly caught?: { readonly error: Problem; readonly as: string };
  readonly extension?: ExtensionEntry;
}

/**
 * Starts a task (or skips it, by its `if`) under a parent: the events, in order.
 *
 * @param parent as it will be once the first of these events is folded in (loop variables bound).
 * @param offset events decided before these ones in the same step; frame ids come from it.
 */
export function begin(
  state: ExecutionState,
  situation: Situation,
  parent: Frame,
  task: Task,
  index: number,
  list: TaskList | null,
  raw: Json,
  entry: Entry = {},
  offset = 0,
): readonly Draft[] {
  const id = state.version + 1 + offset;
  const view: TaskView = { ...viewOf(task), rawInput: raw, startedAt: situation.now };
  const started = {
    task: task.reference,
    key: task.key,
    name: task.name,
    kind: task.kind,
    parent: parent.id,
    index,
    input: raw,
  };
  try {
    const args = taskScope(state, situation, parent, view);
    if (task.if !== null && !isTrue(task.if, raw, args, situation)) {
      const { key: _key, input: _input, ...skipped } = started;
      // "then" of a skipped task is not followed.
      return [decided("task.skipped", { ...skipped, ...entry, output: raw, move: moveOf(CONTINUE, index, list) })];
    }
    if (task.needs.length > 0) {
      return [
        decided("task.started", { ...started, ...entry, begun: false }),
        askForResources(state, { key: task.key, reference: task.reference, frame: id, needs: task.needs }, raw, args),
      ];
    }
    const opened = openingOf(state, situation, parent, task, view, args);
    const drafts: Draft[] = [decided("task.started", { ...started, ...entry, ...opened.begun })];
    if (opened.timeout !== undefined) {
      const { fireAt } = opened.timeout;
      drafts.push(decided("timer.scheduled", { task: task.reference, frame: id, purpose: "timeout", fireAt }));
    }
    return drafts;
  } catch (thrown) {
    const error = problemFrom(thrown, task.reference);
    return [
      decided("task.started", { ...started, ...entry, begun: false }),
      decided("task.failed", { task: task.reference, frame: id, error }),
    ];
  }
}

/** What a task knows once its input is transformed, as its event records it, and when its timeout fires. @throws {TaskFault | ExpressionError} */
export function openingOf(
  state: ExecutionState,
  situation: Situation,
  parent: Frame,
  task: Task,
  view: TaskView,
  args: ExpressionArguments,
): { readonly begun: Begun; readonly timeout?: { readonly fireAt: number } } {
  const raw = view.rawInput;
  const input = recordable(transformInput(task.input, raw, args, situation), "the input", situation);
  const inside = taskScope(state, situation, parent, view, { input });
  return {
    begun: {
      ...(task.input.from === null ? {} : { transformed: input }),
      ...(task.kind === "for"
        ? { loop: recordable(loopOf(task, input, inside, situation), "what the loop goes over", situation) }
        : {}),
      ...(task.kind === "fork" ? { fork: { branches: task.branches.length, compete: task.compete } } : {}),
      ...extensionsThatApply(task, input, inside, situation),
    },
    ...(task.timeout === null
      ? {}
      : { timeout: { fireAt: durationEnd(task.timeout, situation.now, input, inside, situation) } }),
  };
}

function loopOf(task: Extract<Task, { kind: "for" }>, input: Json, args: ExpressionArguments, time: EvaluationTime) {
  const items = renderTemplate(task.in, input, args, time);
  if (!Array.isArray(items)) throw fault("expression", `"for.in" gives ${describe(items)}, not an array`);
  return { items: items as readonly Json[], each: task.each, at: task.at };
}

/** Decided once, at the start of the task: what its `before` changes does not change it. */
function extensionsThatApply(
  task: Task,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): { readonly extensions?: readonly number[] } {
  if (task.extensions.length === 0) return {};
  const inExtension = { ...args, task: extendedView(task.definition, args.task) };
  const extensions = [...task.extensions.entries()]
    .filter(([, { when }]) => when === null || isTrue(when, input, inExtension, time))
    .map(([at]) => at);
  return extensions.length === 0 ? {} : { extensions };
}

function describe(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function viewOf(task: Task): Pick<TaskView, "name" | "reference" | "definition"> {
  return { name: task.name, reference: task.reference, definition: task.definition };
}

/** `$task` of a live frame. */
export function frameView(task: Task, frame: Frame): TaskView {
  const scheme = authenticationOf(task)?.scheme;
  const authorization = scheme === undefined ? null : { scheme, parameter: null };
  return { ...viewOf(task), rawInput: frame.rawInput, startedAt: frame.startedAt, authorization };
}

/** Variables of a task's own definition. */
export function definitionScope(
  state: ExecutionState,
  situation: Situation,
  frame: Frame,
  task: Task,
): ExpressionArguments {
  return taskScope(state, situation, frame, frameView(task, frame), { input: frame.input });
}

/** How a task ends, when not by its own `then`. */
export interface Ending {
  /** Where its list goes. */
  readonly move?: Move;
  readonly then?: Then;
  /** Leaves out `output` and `export` (an `end` in a branch of this fork). */
  readonly plain?: boolean;
  /** The activity that gave the output. */
  readonly asked?: number;
  /** Nothing comes after it: what extensions put there is done, or is skipped by an `exit` before it. */
  readonly final?: boolean;
  /** Events decided before these ones in the same step. */
  readonly offset?: number;
}

/**
 * Ends a task with its raw output: `output.as`, `export.as`, and the end of whatever still runs inside it.
 *
 * The tasks that extensions put after it come first; its output is held back until they are done.
 */
export function finish(
  state: ExecutionState,
  situation: Situation,
  frame: Frame,
  task: Task,
  rawOutput: Json,
  options: Ending = {},
): readonly Draft[] {
  const after = options.final ? undefined : beginAfter(state, situation, frame, task, rawOutput, options);
  if (after !== undefined) return after;
  const asked = options.asked === undefined ? {} : { asked: options.asked };
  const source =
    options.asked === undefined || (task.kind === "run" && task.run === "workflow")
      ? "workflow-engine"
      : "executor-service";
  const of = { task: task.reference, frame: frame.id };
  try {
    const view = frameView(task, frame);
    const scope = (output?: Json) =>
      taskScope(state, situation, parentFrame(state, frame), view, {
        input: frame.input,
        rawOutput,
        ...(output === undefined ? {} : { output }),
      });
    const whole = options.plain ? rawOutput : transformOutput(task.output, rawOutput, scope(), situation, "output");
    const output = recordable(whole, "the output", situation);
    const exported = !options.plain && (task.export.as !== null || task.export.schema !== null);
    // Without `as` the context stays as it is; its schema still judges it.
    const context = !exported
      ? undefined
      : task.export.as === null
        ? transformOutput(task.export, state.context, scope(output), situation, "export")
        : transformOutput(task.export, output, scope(output), situation, "export");
    if (context !== undefined) recordable(context, "the context", situation);
    const move = options.move ?? moveAfter(state, situation, frame, options.then ?? task.then);
    return [
      ...endInside(state, situation, frame, "its task ended"),
      {
        type: "task.completed",
        source,
        data: { ...of, output, ...(context === undefined ? {} : { context }), move, ...asked },
      },
    ];
  } catch (thrown) {
    const error = problemFrom(thrown, task.reference);
    return [{ type: "task.failed", source, data: { ...of, error, ...asked } }];
  }
}

function moveAfter(state: ExecutionState, situation: Situation, frame: Frame, then: Then): Move {
  const list = siblingsOf(state, situation, frame);
  return moveOf(then, frame.index, list, isInExtension(parentFrame(state, frame)));
}

/** Starts the first task that an extension puts after an extended one; undefined when there is none. */
function beginAfter(
  state: ExecutionState,
  situation: Situation,
  frame: Frame,
  task: Task,
  output: Json,
  { move, then = task.then, plain, asked, offset = 0 }: Ending,
): readonly Draft[] | undefined {
  if (frame.around === undefined) return undefined;
  const at = nextExtension(task, frame.around, "after", 0);
  const list = at === undefined ? undefined : task.extensions[at]?.after;
  const first = list?.[0];
  if (at === undefined || list === undefined || first === undefined) return undefined;
  const held: HeldOutput = {
    output: recordable(output, "the output", situation),
    move: move ?? moveAfter(state, situation, frame, then),
    ...(plain ? { plain } : {}),
  };
  const entry: ExtensionEntry = { at, section: "after", held, ...(asked === undefined ? {} : { asked }) };
  const parent: Frame = { ...frame, around: sectionAfter(frame.around, entry), visits: {} };
  const before = endInside(state, situation, frame, "its task ended", true);
  const ahead = offset + before.length;
  return [...before, ...begin(state, situation, parent, first, 0, list, output, { extension: entry }, ahead)];
}

function parentFrame(state: ExecutionState, frame: Frame): Frame {
  const parent = state.frames[frame.parent];
  if (parent === undefined) throw new Error(`frame ${frame.id} has no parent`);
  return parent;
}

/** The list a frame's task stands in. */
export function siblingsOf(state: ExecutionState, situation: Situation, frame: Frame): TaskList | null {
  const parent = parentFrame(state, frame);
  return listOf(taskOf(situation, parent), parent, situation);
}

/** The task of a frame; null for the root. @throws {Error} when the definition has no such task. */
export function taskOf(situation: Situation, frame: Frame): Task | null {
  if (frame.key === "") return null;
  const task = situation.workflow.byKey.get(frame.key);
  if (task === undefined) throw new Error(`the definition has no task "${frame.key}"`);
  return task;
}

/** Cancels all that runs inside a frame, and the frame's own timers; `goesOn`: but for its timeout. */
export function endInside(
  state: ExecutionState,
  situation: Situation,
  frame: Frame,
  reason: string,
  goesOn = false,
): readonly Draft[] {
  const inside = descendantsOf(state, frame.id);
  return [
    ...inside.flatMap((each) => [
      ...cancelTimers(state, each),
      decided("task.cancelled", { task: taskOf(situation, each)?.reference ?? "", frame: each.id, reason }),
    ]),
    ...cancelTimers(state, frame, goesOn),
  ];
}

export function cancelTimers(state: ExecutionState, frame: Frame, goesOn = false): readonly Draft[] {
  return Object.entries(state.timers)
    .filter(([, { frame: of, purpose }]) => of === frame.id && !(goesOn && purpose === "timeout"))
    .map(([name, { purpose }]) =>
      decided("timer.cancelled", { task: frame.task, frame: frame.id, timer: Number(name), purpose }),
    );
}
