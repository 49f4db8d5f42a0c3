import type { Problem } from "../../values/problem.ts";
import { askForResources } from "../ask-resources.ts";
import { type Draft, decided } from "../draft.ts";
import { durationEnd } from "../duration.ts";
import { problemFrom } from "../fault.ts";
import { begin, endInside, transformInput, transformOutput } from "../flow.ts";
import { recordable } from "../limits.ts";
import { type Situation, workflowScope } from "../scope.ts";
import { type ExecutionState, type Frame, ROOT } from "../state.ts";
import { beginSibling, type Next } from "./list.ts";

/** The whole workflow: its timeout, its input, its first task. */
export function enterWorkflow(state: ExecutionState, situation: Situation, root: Frame): readonly Draft[] {
  const { workflow, now } = situation;
  try {
    const args = inputScope(state, situation);
    const { needs } = workflow;
    if (needs.length > 0) {
      return [askForResources(state, { key: "", reference: "", frame: ROOT, needs }, state.input, args)];
    }
    const input = recordable(transformInput(workflow.input, state.input, args, situation), "the input", situation);
    const timers = timeoutOf(state, situation, now);
    const first = workflow.tasks[0];
    if (first === undefined) return completed(state, situation, root, input);
    return [...timers, ...begin(state, situation, root, first, 0, workflow.tasks, input, {}, timers.length)];
  } catch (thrown) {
    return failed(problemFrom(thrown, "/input"));
  }
}

export function nextInWorkflow(state: ExecutionState, situation: Situation, root: Frame, step: Next): readonly Draft[] {
  const more = beginSibling({ state, situation, frame: root }, situation.workflow.tasks, step);
  return more ?? completed(state, situation, root, step.output);
}

/** A redrive may enter again: its timeout runs already. */
function timeoutOf(state: ExecutionState, situation: Situation, now: number): readonly Draft[] {
  const { timeout } = situation.workflow;
  const running = Object.values(state.timers).some((timer) => timer.frame === ROOT);
  if (running || (timeout === null && state.defaultTimeoutMs === 0)) return [];
  const fireAt =
    timeout === null
      ? now + state.defaultTimeoutMs
      : durationEnd(timeout, now, state.input, inputScope(state, situation), situation);
  return [decided("timer.scheduled", { task: "", frame: ROOT, purpose: "timeout", fireAt })];
}

function completed(
  state: ExecutionState,
  situation: Situation,
  root: Frame,
  value: Parameters<typeof transformInput>[1],
) {
  try {
    const args = workflowScope(state, situation);
    const output = recordable(
      transformOutput(situation.workflow.output, value, args, situation, "output"),
      "the output",
      situation,
    );
    return [...endInside(state, situation, root, "the workflow ended"), decided("workflow.completed", { output })];
  } catch (thrown) {
    return failed(problemFrom(thrown, "/output"));
  }
}

function failed(error: Problem): readonly Draft[] {
  return [decided("workflow.failed", { error, frame: ROOT })];
}

/** The table of the specification gives `$context` to tasks, not to the workflow's input. */
function inputScope(state: ExecutionState, situation: Situation) {
  const { context: _context, authorization: _authorization, ...args } = workflowScope(state, situation);
  return args;
}
