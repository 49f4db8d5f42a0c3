import type { ForTask } from "../../dsl/workflow.ts";
import type { Json } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import { loopVariables } from "../beginning.ts";
import type { Draft } from "../draft.ts";
import { definitionScope, finish } from "../flow.ts";
import { isTrue } from "../scope.ts";
import type { Frame, Loop } from "../state.ts";
import { beginFirst, beginSibling, type Next, upwards } from "./list.ts";

export function enterFor(turn: Turn<ForTask>): readonly Draft[] {
  return iterate(turn, turn.frame.input);
}

/** `exit` in the body ends that iteration only: the loop goes on. */
export function nextInFor(turn: Turn<ForTask>, step: Next): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  if (step.move.to === "end") return finish(state, situation, frame, task, step.output, upwards(step));
  return beginSibling(turn, task.do, step) ?? iterate(turn, step.output);
}

/** The next iteration on the output of the one before, or the end of the loop. */
function iterate(turn: Turn<ForTask>, value: Json): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const loop = nextIteration(frame);
  if (loop === null) return finish(state, situation, frame, task, value);
  const inside: Frame = { ...frame, loop, vars: loopVariables(loop), visits: {} };
  if (task.while !== null && !isTrue(task.while, value, definitionScope(state, situation, inside, task), situation)) {
    return finish(state, situation, frame, task, value);
  }
  const entry = { iteration: loop.index };
  return beginFirst(turn, task.do, value, entry, inside) ?? finish(state, situation, frame, task, value);
}

function nextIteration({ id, loop }: Frame): Loop | null {
  if (loop === null) throw new Error(`frame ${id} of a "for" has no loop`);
  return loop.index + 1 < loop.items.length ? { ...loop, index: loop.index + 1 } : null;
}
