import type { Task } from "../dsl/workflow.ts";
import type { Json } from "../values/json.ts";
import { problemOf } from "../values/problem.ts";
import { type Draft, decided } from "./draft.ts";
import { entryOf, isInExtension } from "./extensions.ts";
import { handleFailure } from "./failure.ts";
import { problemFrom } from "./fault.ts";
import { begin, endInside, finish, siblingsOf, taskOf } from "./flow.ts";
import type { Situation } from "./scope.ts";
import { type ExecutionState, type Frame, frameOf, ROOT, type Step } from "./state.ts";
import { enterCall, nextInCall } from "./tasks/call.ts";
import { iterateConsumed } from "./tasks/consume.ts";
import { enterDo, nextInDo } from "./tasks/do.ts";
import { enterEmit } from "./tasks/emit.ts";
import { beginBefore, inOwnWork, nextInExtension } from "./tasks/extended.ts";
import { enterFor, nextInFor } from "./tasks/for.ts";
import { enterFork, nextInFork } from "./tasks/fork.ts";
import { enterListen, iterateListen, nextInListen } from "./tasks/listen.ts";
import { enterRaise } from "./tasks/raise.ts";
import { enterRun } from "./tasks/run.ts";
import { enterSet } from "./tasks/set.ts";
import { enterSwitch } from "./tasks/switch.ts";
import { enterTry, nextInTry } from "./tasks/try.ts";
import { enterWait } from "./tasks/wait.ts";
import { enterWorkflow, nextInWorkflow } from "./tasks/workflow.ts";

/** What a task's meaning is told: the state, the situation, its frame and its definition. */
export interface Turn<T = Task> {
  readonly state: ExecutionState;
  readonly situation: Situation;
  readonly frame: Frame;
  readonly task: T;
}

/** The next small step that needs nothing from the world: its events, or none when all must wait. */
export function advance(state: ExecutionState, situation: Situation): readonly Draft[] {
  if (state.phase !== "open" || state.paused) return [];
  const timer = dueTimer(state, situation.now);
  if (timer !== undefined) return [timer];
  const [id] = state.ready;
  return id === undefined ? [] : takeTurn(state, situation, frameOf(state, id));
}

/** The timer that is due first, by time and then by age. */
function dueTimer(state: ExecutionState, now: number): Draft | undefined {
  let first: number | undefined;
  for (const name of Object.keys(state.timers).map(Number)) {
    const fireAt = state.timers[name]?.fireAt ?? Number.POSITIVE_INFINITY;
    const best = first === undefined ? Number.POSITIVE_INFINITY : (state.timers[first]?.fireAt ?? 0);
    if (fireAt <= now && (fireAt < best || first === undefined)) first = name;
  }
  const timer = first === undefined ? undefined : state.timers[first];
  if (first === undefined || timer === undefined) return undefined;
  const { task } = frameOf(state, timer.frame);
  return {
    type: "timer.fired",
    source: "timer-service",
    data: { task, frame: timer.frame, timer: first, purpose: timer.purpose },
  };
}

function takeTurn(state: ExecutionState, situation: Situation, frame: Frame): readonly Draft[] {
  const { step } = frame;
  if (step.do === "fail") return handleFailure(state, situation, frame, step.error, frame.parent);
  if (step.do === "expire") return expired(state, situation, frame);
  if (step.do === "expire-attempt") {
    const error = problemOf("timeout", "the attempt took longer than its limit", { instance: frame.task });
    return handleFailure(state, situation, frame, error, frame.id);
  }
  if (step.do === "begin") return beginAnew(state, situation, frame);
  const task = taskOf(situation, frame);
  if (task === null) return workflowTurn(state, situation, frame, step);
  try {
    return taskTurn({ state, situation, frame, task }, step);
  } catch (thrown) {
    const error = problemFrom(thrown, task.reference);
    return [decided("task.failed", { task: task.reference, frame: frame.id, error })];
  }
}

/** A redriven task that could not even be entered: its `if`, `input` and all that follows, from the start. */
function beginAnew(state: ExecutionState, situation: Situation, frame: Frame): readonly Draft[] {
  const task = taskOf(situation, frame);
  if (task === null) throw new Error("the workflow itself has nothing to begin");
  const parent = frameOf(state, frame.parent);
  const list = siblingsOf(state, situation, frame);
  const gone = decided("task.cancelled", { task: frame.task, frame: frame.id, reason: "it begins anew" });
  return [gone, ...begin(state, situation, parent, task, frame.index, list, frame.rawInput, entryOf(parent), 1)];
}

function workflowTurn(state: ExecutionState, situation: Situation, frame: Frame, step: Step): readonly Draft[] {
  return step.do === "next" ? nextInWorkflow(state, situation, frame, step) : enterWorkflow(state, situation, frame);
}

function taskTurn(turn: Turn, step: Step): readonly Draft[] {
  if (step.do === "finish") return ended(turn, step.output);
  if (step.do === "iterate") return iterate(turn);
  if (step.do !== "next") return beginBefore(turn) ?? enter(inOwnWork(turn));
  return isInExtension(turn.frame) ? (nextInExtension(turn, step) ?? enter(inOwnWork(turn))) : next(turn, step);
}

/** What a task has worked on is all there was: its raw output, or the error of what gave it. */
function ended({ state, situation, frame, task }: Turn, output: Json): readonly Draft[] {
  const error = frame.listen?.error;
  if (error === undefined) return finish(state, situation, frame, task, output);
  return [decided("task.failed", { task: task.reference, frame: frame.id, error })];
}

function iterate(turn: Turn): readonly Draft[] {
  return turn.task.kind === "listen" ? iterateListen({ ...turn, task: turn.task }) : iterateConsumed(turn);
}

function enter(turn: Turn): readonly Draft[] {
  const { task } = turn;
  switch (task.kind) {
    case "do":
      return enterDo({ ...turn, task });
    case "set":
      return enterSet({ ...turn, task });
    case "switch":
      return enterSwitch({ ...turn, task });
    case "for":
      return enterFor({ ...turn, task });
    case "fork":
      return enterFork({ ...turn, task });
    case "raise":
      return enterRaise({ ...turn, task });
    case "try":
      return enterTry({ ...turn, task });
    case "wait":
      return enterWait({ ...turn, task });
    case "call":
      return enterCall({ ...turn, task });
    case "run":
      return enterRun({ ...turn, task });
    case "emit":
      return enterEmit({ ...turn, task });
    case "listen":
      return enterListen({ ...turn, task });
  }
}

function next(turn: Turn, step: Extract<Step, { do: "next" }>): readonly Draft[] {
  const { task } = turn;
  switch (task.kind) {
    case "do":
      return nextInDo({ ...turn, task }, step);
    case "for":
      return nextInFor({ ...turn, task }, step);
    case "fork":
      return nextInFork({ ...turn, task }, step);
    case "try":
      return nextInTry({ ...turn, task }, step);
    case "listen":
      return nextInListen({ ...turn, task }, step);
    case "call":
      return nextInCall({ ...turn, task }, step);
    default:
      throw new Error(`a ${task.kind} task has no children`);
  }
}

/** A timeout interrupts all inside; its error is the task's own, and on the workflow it cannot be caught. */
function expired(state: ExecutionState, situation: Situation, frame: Frame): readonly Draft[] {
  if (frame.id === ROOT) {
    const error = problemOf("timeout", "the workflow took longer than its timeout", { instance: "/timeout" });
    return [decided("workflow.failed", { error, frame: ROOT })];
  }
  const error = problemOf("timeout", `task "${frame.name}" took longer than its timeout`, { instance: frame.task });
  return [
    ...endInside(state, situation, frame, "its task timed out"),
    decided("task.failed", { task: frame.task, frame: frame.id, error }),
  ];
}
