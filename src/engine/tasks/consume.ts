import { withConsumed } from "../../dsl/tasks/asyncapi-conditions.ts";
import type { Consumption, Task } from "../../dsl/workflow.ts";
import type { Program } from "../../expressions/index.ts";
import type { Json } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import type { Consumes } from "../events.ts";
import type { AnswerFact, ConsumedMessage } from "../facts.ts";
import { problemFrom } from "../fault.ts";
import { consumptionOf, finish, taskOf } from "../flow.ts";
import { recordable } from "../limits.ts";
import { isTrue, type Situation } from "../scope.ts";
import { type ExecutionState, type Frame, frameOf } from "../state.ts";
import { type Each, iterateEach, nextInEach, scopeOf } from "./each.ts";
import type { Next } from "./list.ts";

/** What the activity of a call that works on each message is told; for one that has enough already, its end. */
export function consumesOf(turn: Turn): { readonly consumes?: Consumes; readonly ended?: readonly Draft[] } {
  const { frame, task } = turn;
  const consumption = consumptionOf(task);
  if (consumption === null) return {};
  const { foreach, until } = consumption;
  const consumed = frame.listen?.consumed ?? [];
  const isIdle = frame.listen === null || (frame.listen.waiting.length === 0 && !frame.listen.isIterating);
  if (until !== null && isIdle && holds(turn, until, consumed))
    return { ended: finish(turn.state, turn.situation, frame, task, [...consumed]) };
  return {
    consumes: {
      each: { item: foreach.item, at: foreach.at },
      received: frame.listen?.position ?? 0,
      ...(isEndless(consumption) ? { forgets: true as const } : {}),
    },
  };
}

/** `while: ${ true }`, `until: ${ false }`: its output is never asked for, so it need not grow with what is consumed. */
function isEndless(consumption: Consumption): boolean {
  return consumption.while?.source === "true" || consumption.until?.source === "false";
}

/** A message of an activity: it waits until those before it are worked on. One beyond `amount` is nobody's. */
export function consumedBy(
  state: ExecutionState,
  situation: Situation,
  { asked, value }: ConsumedMessage,
): readonly Draft[] {
  const pending = state.phase === "open" ? state.activities[asked] : undefined;
  if (pending === undefined) return [];
  const frame = frameOf(state, pending.frame);
  const { listen } = frame;
  const task = taskOf(situation, frame);
  const amount = task === null ? undefined : consumptionOf(task)?.amount;
  if (listen === null || amount === undefined || (amount !== null && listen.position >= amount)) return [];
  const of = { task: frame.task, frame: frame.id };
  const source = "executor-service";
  try {
    const data = { ...of, asked, place: listen.position, value: recordable(value, "the message", situation) };
    return [{ type: "message.received", source, data }];
  } catch (thrown) {
    return [{ type: "task.failed", source, data: { ...of, asked, error: problemFrom(thrown, frame.task) } }];
  }
}

/** The activity has ended, as was asked of it or with an error; what it gave before is worked on first. */
export function noMoreMessages(frame: Frame, { asked, outcome }: AnswerFact): readonly Draft[] {
  const of = { task: frame.task, frame: frame.id, asked, place: frame.listen?.position ?? 0 };
  const error = outcome.ok ? {} : { error: { ...outcome.error, instance: frame.task } };
  return [{ type: "message.received", source: "executor-service", data: { ...of, ...error } }];
}

export function iterateConsumed(turn: Turn): readonly Draft[] {
  return iterateEach(turn, eachOf(turn.task));
}

export function nextInConsumed(turn: Turn, step: Next): readonly Draft[] {
  return nextInEach(turn, eachOf(turn.task), step);
}

function eachOf(task: Task): Each {
  const consumption = consumptionOf(task);
  if (consumption === null) throw new Error(`task ${task.key} consumes no messages`);
  const { foreach, while: goesOn, until } = consumption;
  return {
    foreach,
    what: "message",
    isEnough: (turn, consumed) =>
      (goesOn !== null && !holds(turn, goesOn, consumed)) || (until !== null && holds(turn, until, consumed)),
  };
}

function holds(turn: Turn, condition: Program, consumed: readonly Json[]): boolean {
  return isTrue(condition, [...consumed], withConsumed(scopeOf(turn), consumed), turn.situation);
}
