import type { WaitTask } from "../../dsl/workflow.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import { durationEnd } from "../duration.ts";
import { definitionScope } from "../flow.ts";

/** A wait that is entered again after a redrive ends when it was to end. */
export function enterWait({ state, situation, frame, task }: Turn<WaitTask>): readonly Draft[] {
  const args = definitionScope(state, situation, frame, task);
  const fireAt = frame.waitUntil ?? durationEnd(task.wait, situation.now, frame.input, args, situation);
  return [decided("timer.scheduled", { task: task.reference, frame: frame.id, purpose: "wait", fireAt })];
}
