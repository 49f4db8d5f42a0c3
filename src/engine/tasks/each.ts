import type { Foreach, Task } from "../../dsl/workflow.ts";
import type { ExpressionArguments } from "../../expressions/index.ts";
import type { Json } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import { definitionScope, finish, frameView, transformOutput } from "../flow.ts";
import { recordable } from "../limits.ts";
import { eachVariables } from "../listening.ts";
import { taskScope } from "../scope.ts";
import type { Frame } from "../state.ts";
import { beginFirst, beginSibling, type Next, upwards } from "./list.ts";

/** What is done with each event or message, and when it was the last one. */
export interface Each {
  readonly foreach: Foreach;
  readonly what: "event" | "message";
  /** Whether what was consumed is all there shall be; asked when one was worked on. */
  isEnough(turn: Turn, consumed: readonly Json[]): boolean;
}

/** Begins with the first of those that wait. */
export function iterateEach(turn: Turn, each: Each): readonly Draft[] {
  const { frame } = turn;
  const { listen } = frame;
  if (listen === null) throw new Error(`frame ${frame.id} has nothing to work on`);
  const [value = null] = listen.waiting;
  const iteration = listen.iteration + 1;
  const inside: Frame = { ...frame, vars: eachVariables(listen, iteration), visits: {} };
  return (
    beginFirst(turn, each.foreach.do, value, { iteration }, inside) ??
    through({ ...turn, frame: inside }, each, iteration, value)
  );
}

/** `exit` ends the work on this one only, as in a `for`. */
export function nextInEach(turn: Turn, each: Each, step: Next): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  if (step.move.to === "end") return finish(state, situation, frame, task, step.output, upwards(step));
  return beginSibling(turn, each.foreach.do, step) ?? through(turn, each, frame.listen?.iteration ?? 0, step.output);
}

export function scopeOf({ state, situation, frame, task }: Turn): ExpressionArguments {
  return definitionScope(state, situation, frame, task);
}

/** `foreach.output` and `foreach.export`, then what ends it. */
function through(turn: Turn<Task>, each: Each, iteration: number, raw: Json): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const { foreach } = each;
  if (frame.listen === null) throw new Error(`frame ${frame.id} works on nothing`);
  const scope = (output?: Json) =>
    taskScope(state, situation, frame, frameView(task, frame), {
      input: frame.input,
      rawOutput: raw,
      ...(output === undefined ? {} : { output }),
    });
  const output = recordable(
    transformOutput(foreach.output, raw, scope(), situation, "output"),
    "the output",
    situation,
  );
  const exported = foreach.export.as !== null || foreach.export.schema !== null;
  const exports = foreach.export.as === null ? state.context : output;
  const context = exported ? transformOutput(foreach.export, exports, scope(output), situation, "export") : undefined;
  if (context !== undefined) recordable(context, "the context", situation);
  const consumed = frame.listen.forgets
    ? []
    : recordable([...frame.listen.consumed, output], "what was consumed", situation);
  const after = context === undefined ? state : { ...state, context };
  const last = each.isEnough({ ...turn, state: after }, consumed);
  return [
    decided("event.processed", {
      ...{ task: task.reference, frame: frame.id, iteration, output },
      ...(each.what === "message" ? { message: true as const } : {}),
      ...(context === undefined ? {} : { context }),
      ...(last ? { last: true as const } : {}),
    }),
  ];
}
