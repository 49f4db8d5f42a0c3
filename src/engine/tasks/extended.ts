import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import { entryOf, extensionList, inOwnSection, isInExtension, nextExtension, sectionAfter } from "../extensions.ts";
import { begin, finish } from "../flow.ts";
import type { Frame } from "../state.ts";
import { type Next, upwards } from "./list.ts";

/** Starts the tasks that extensions put before a task that is about to begin; undefined when there are none, or it has begun. */
export function beginBefore(turn: Turn): readonly Draft[] | undefined {
  return turn.frame.around?.section === "start" ? beginSection(turn, "before", 0) : undefined;
}

/** The turn of a task whose own work begins, or goes on. */
export function inOwnWork(turn: Turn): Turn {
  if (turn.frame.around === undefined) return turn;
  const visits = turn.frame.around.section === "own" ? turn.frame.visits : {};
  return { ...turn, frame: { ...turn.frame, ...inOwnSection(turn.frame), visits } };
}

/**
 * A task of an extension has ended. Its output goes to the next one of its list, and no further; but an `exit` before the extended
 * task makes it that task's raw output, and skips the task and all that comes after it. Undefined: now the task itself.
 */
export function nextInExtension(turn: Turn, step: Next): readonly Draft[] | undefined {
  const { state, situation, frame, task } = turn;
  if (!isInExtension(frame)) throw new Error(`frame ${frame.id} is in no extension`);
  const { around } = frame;
  if (step.move.to === "sibling") {
    const list = extensionList(task, around);
    const sibling = list[step.move.index];
    if (sibling === undefined) throw new Error(`the list has no task at ${step.move.index}`);
    return begin(state, situation, frame, sibling, step.move.index, list, step.output, entryOf(frame));
  }
  if (around.section === "before") {
    if (step.move.to === "end" || step.move.exit)
      return finish(state, situation, frame, task, step.output, { final: true, ...upwards(step) });
    return beginSection(turn, "before", around.at + 1);
  }
  const { held } = around;
  if (held === undefined) throw new Error(`frame ${frame.id} holds no output back`);
  const more = step.move.to === "end" ? undefined : beginSection(turn, "after", around.at + 1);
  return more ?? finish(state, situation, frame, task, held.output, { ...held, final: true, ...upwards(step) });
}

/** The tasks of the first extension at `from` or later that has some in this section. */
function beginSection(
  { state, situation, frame, task }: Turn,
  section: "before" | "after",
  from: number,
): readonly Draft[] | undefined {
  const { around } = frame;
  const at = around === undefined ? undefined : nextExtension(task, around, section, from);
  const list = at === undefined ? undefined : task.extensions[at]?.[section];
  const first = list?.[0];
  if (around === undefined || at === undefined || list === undefined || first === undefined) return undefined;
  const extension = { at, section };
  const parent: Frame = { ...frame, around: sectionAfter(around, extension), visits: {} };
  const input = section === "before" ? frame.input : (around.held?.output ?? null);
  return begin(state, situation, parent, first, 0, list, input, { extension });
}
