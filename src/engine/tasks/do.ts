import type { DoTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { finish } from "../flow.ts";
import { beginFirst, beginSibling, type Next, upwards } from "./list.ts";

export function enterDo(turn: Turn<DoTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  return beginFirst(turn, task.do, frame.input) ?? finish(state, situation, frame, task, frame.input);
}

export function nextInDo(turn: Turn<DoTask>, step: Next): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  return beginSibling(turn, task.do, step) ?? finish(state, situation, frame, task, step.output, upwards(step));
}
