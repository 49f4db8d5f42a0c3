import type { TryTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import { durationEnd } from "../duration.ts";
import { begin, definitionScope, finish, listOf } from "../flow.ts";
import { beginSibling, type Next, upwards } from "./list.ts";

/** A run of the whole list from its first task, with the try's own input. */
export function enterTry(turn: Turn<TryTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const first = task.try[0];
  if (first === undefined) return finish(state, situation, frame, task, frame.input);
  const timers = attemptTimer(turn);
  return [...timers, ...begin(state, situation, frame, first, 0, task.try, frame.input, {}, timers.length)];
}

/** The output of the list, or of the handler, is the try's output. */
export function nextInTry(turn: Turn<TryTask>, step: Next): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const list = listOf(task, frame, situation) ?? [];
  const then = frame.attempt?.section === "catch" && task.catch.then !== null ? { then: task.catch.then } : {};
  const more = beginSibling(turn, list, step);
  return more ?? finish(state, situation, frame, task, step.output, { ...then, ...upwards(step) });
}

/** No error is known yet: its variable is null in the expression of the limit. */
function attemptTimer({ state, situation, frame, task }: Turn<TryTask>): readonly Draft[] {
  const limit = task.catch.retry?.maxAttemptDuration ?? null;
  if (limit === null) return [];
  const args = { ...definitionScope(state, situation, frame, task), [task.catch.as]: null };
  const fireAt = durationEnd(limit, situation.now, frame.input, args, situation);
  return [decided("timer.scheduled", { task: task.reference, frame: frame.id, purpose: "attempt", fireAt })];
}
