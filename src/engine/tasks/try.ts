import type { TryTask } from "../../dsl/workflow.ts";
import { addDuration } from "../../values/durations.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import { begin, finish, listOf } from "../flow.ts";
import { beginSibling, type Next, upwards } from "./list.ts";

/** A run of the whole list from its first task, with the try's own input. */
export function enterTry({ state, situation, frame, task }: Turn<TryTask>): readonly Draft[] {
  const first = task.try[0];
  if (first === undefined) return finish(state, situation, frame, task, frame.input);
  const limit = task.catch.retry?.maxAttemptDuration ?? null;
  const timers =
    limit === null
      ? []
      : [
          decided("timer.scheduled", {
            task: task.reference,
            frame: frame.id,
            purpose: "attempt",
            fireAt: addDuration(situation.now, limit),
          }),
        ];
  return [...timers, ...begin(state, situation, frame, first, 0, task.try, frame.input, {}, timers.length)];
}

/** The output of the list, or of the handler, is the try's output. */
export function nextInTry(turn: Turn<TryTask>, step: Next): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const list = listOf(task, frame, situation) ?? [];
  return beginSibling(turn, list, step) ?? finish(state, situation, frame, task, step.output, upwards(step));
}
