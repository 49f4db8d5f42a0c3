import type { Task, TaskList } from "../../dsl/workflow.ts";
import type { Json } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { begin, type Entry } from "../flow.ts";
import type { Frame, Step } from "../state.ts";

type Next = Extract<Step, { do: "next" }>;

/** Starts the first task of a list; undefined for an empty list. */
export function beginFirst(
  turn: Omit<Turn, "task">,
  list: TaskList,
  input: Json,
  entry?: Entry,
  parent: Frame = turn.frame,
): readonly Draft[] | undefined {
  const first = list[0];
  if (first === undefined) return undefined;
  return begin(turn.state, turn.situation, parent, first, 0, list, input, entry);
}

/** Starts the sibling a finished child leads to; undefined when the list is done. */
export function beginSibling(turn: Omit<Turn, "task">, list: TaskList, step: Next): readonly Draft[] | undefined {
  if (step.move.to !== "sibling") return undefined;
  const sibling: Task | undefined = list[step.move.index];
  if (sibling === undefined) throw new Error(`the list has no task at ${step.move.index}`);
  return begin(turn.state, turn.situation, turn.frame, sibling, step.move.index, list, step.output);
}

/** An `end` inside goes on upwards. */
export function upwards(step: Next): { move: { to: "end" } } | Record<never, never> {
  return step.move.to === "end" ? { move: { to: "end" } } : {};
}

export type { Next };
