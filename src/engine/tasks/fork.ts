import type { ForkTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { begin, finish } from "../flow.ts";
import type { Next } from "./list.ts";

/** Every branch gets the fork's transformed input. */
export function enterFork({ state, situation, frame, task }: Turn<ForkTask>): readonly Draft[] {
  if (task.branches.length === 0) return finish(state, situation, frame, task, []);
  const drafts: Draft[] = [];
  task.branches.forEach((branch, index) => {
    drafts.push(...begin(state, situation, frame, branch, index, null, frame.input, {}, drafts.length));
  });
  return drafts;
}

/** Outputs in declared order; with `compete` only the winner's, and the others are cancelled. */
export function nextInFork({ state, situation, frame, task }: Turn<ForkTask>, step: Next): readonly Draft[] {
  if (step.move.to === "end") {
    return finish(state, situation, frame, task, step.output, { move: { to: "end" }, plain: true });
  }
  const outputs = task.branches.map((_, index) => frame.fork?.outputs[index] ?? null);
  return finish(state, situation, frame, task, task.compete ? step.output : outputs);
}
