import { renderTemplate } from "../../dsl/template.ts";
import type { ListenTask } from "../../dsl/workflow.ts";
import type { Program } from "../../expressions/index.ts";
import { readEvent } from "../../values/cloud-event.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import { filtersOf, isComplete, isStrategy, taken } from "../consumption.ts";
import { type Draft, decided } from "../draft.ts";
import type { EventSource } from "../events.ts";
import type { EventMessage } from "../facts.ts";
import { problemFrom } from "../fault.ts";
import { definitionScope, taskOf } from "../flow.ts";
import { recordable } from "../limits.ts";
import { isTrue, type Situation } from "../scope.ts";
import { type ExecutionState, type Frame, frameOf, type Listen } from "../state.ts";
import { type Each, iterateEach, nextInEach, scopeOf } from "./each.ts";
import type { Next } from "./list.ts";

/** Subscribes: from now on each event that fits is taken, in the order in which they were published. */
export function enterListen({ state, situation, frame, task }: Turn<ListenTask>): readonly Draft[] {
  const args = definitionScope(state, situation, frame, task);
  const filters = filtersOf(task);
  const expected = filters.map(({ expect }) =>
    Object.fromEntries(
      Object.entries(expect).map(([key, wanted]) => [key, renderTemplate(wanted, frame.input, args, situation)]),
    ),
  );
  const reads = new Set(filters.flatMap(({ filter }) => filter.reads));
  const read = Object.entries(args).filter(([name]) => reads.has(name));
  const { foreach } = task;
  return [
    decided("event.subscribed", {
      task: task.reference,
      frame: frame.id,
      key: task.key,
      from: situation.eventsEnd ?? 0,
      expected,
      ...(read.length === 0
        ? {}
        : { args: recordable(Object.fromEntries(read) as JsonObject, "what the filters read", situation) }),
      ...(foreach === null ? {} : { each: { item: foreach.item, at: foreach.at } }),
      ...(isEndless(task) ? { forgets: true as const } : {}),
    }),
  ];
}

/** After a redrive a task that still listened goes on after the last event it has taken. */
export function listensAgain({ listen, step, task, key, id, activity }: Frame): readonly Draft[] {
  // A call that consumes messages asks for them again by itself.
  if (listen === null || listen.subscription === null || activity !== null || step.do === "fail") return [];
  const { position: from, expected, args, each, forgets } = listen;
  return [
    decided("event.subscribed", {
      ...{ task, frame: id, key, from, expected, args },
      ...(each === null ? {} : { each }),
      ...(forgets ? { forgets: true as const } : {}),
    }),
  ];
}

/** `until: ${ false }`: its output is never asked for, so it need not grow with what is heard. */
function isEndless({ until }: ListenTask): boolean {
  return until !== null && !isStrategy(until) && until.source === "false";
}

/** What an event means for a subscription: it is taken, or nothing. */
export function heardBy(
  state: ExecutionState,
  situation: Situation,
  message: EventMessage,
  source: EventSource,
): readonly Draft[] {
  const pending = state.phase === "open" ? state.subscriptions[message.subscription] : undefined;
  if (pending === undefined) return [];
  const frame = frameOf(state, pending.frame);
  const task = taskOf(situation, frame);
  if (task?.kind !== "listen" || frame.listen === null || isOwnBefore(state, message)) return [];
  try {
    return heard({ state, situation, frame, task }, frame.listen, message, source);
  } catch (thrown) {
    const error = problemFrom(thrown, task.reference);
    return [decided("task.failed", { task: task.reference, frame: frame.id, error })];
  }
}

/** Emitted by this execution before it began to listen, and published after. */
function isOwnBefore({ executionId }: ExecutionState, { origin, subscription }: EventMessage): boolean {
  const [emitter, sequence] = origin?.split(".") ?? [];
  return emitter === executionId && Number(sequence) < subscription;
}

function heard(turn: Turn<ListenTask>, listen: Listen, message: EventMessage, source: EventSource): readonly Draft[] {
  const { situation, task, frame } = turn;
  const { event, position, subscription } = message;
  const { id, source: origin, type } = event;
  const of = { task: task.reference, frame: frame.id, subscription, position, event: { id, source: origin, type } };
  const draft = (more: {
    filter: number;
    value?: Json;
    until?: true;
    correlation?: JsonObject;
    last: boolean;
  }): readonly Draft[] => {
    const { last, correlation, ...rest } = more;
    const seen = correlation === undefined || Object.keys(correlation).length === 0 ? {} : { correlation };
    return [{ type: "event.received", source, data: { ...of, ...rest, ...seen, ...(last ? { last: true } : {}) } }];
  };
  if (isStrategy(task.until)) {
    const end = taken(task.until, task.to.filters.length, listen, message);
    if (end !== undefined)
      return draft({ ...end, until: true, last: isComplete(task.until, task.to.filters.length, listen, end.filter) });
  }
  const hit = taken(task.to, 0, listen, message);
  if (hit === undefined) return [];
  const value = recordable(readEvent(event, task.read, message.raw), "the event", situation);
  const isDone = task.until === null ? isComplete(task.to, 0, listen, hit.filter) : endsBy(turn, listen, value);
  return draft({ ...hit, value, last: isDone });
}

/** An `until` that is an expression judges what was consumed; with a `foreach` that is known only once it was worked on. */
function endsBy(turn: Turn<ListenTask>, listen: Listen, value: Json): boolean {
  const { task } = turn;
  if (task.until === null || isStrategy(task.until) || listen.each !== null || listen.forgets) return false;
  return holdsUntil(turn, task.until, recordable([...listen.consumed, value], "what was consumed", turn.situation));
}

function holdsUntil({ state, situation, frame, task }: Turn<ListenTask>, until: Program, consumed: Json): boolean {
  return isTrue(until, consumed, definitionScope(state, situation, frame, task), situation);
}

/** Begins with the first of the events that wait. */
export function iterateListen(turn: Turn<ListenTask>): readonly Draft[] {
  return iterateEach(turn, eachOf(turn.task));
}

/** `exit` ends the work on this event only, as in a `for`. */
export function nextInListen(turn: Turn<ListenTask>, step: Next): readonly Draft[] {
  return nextInEach(turn, eachOf(turn.task), step);
}

function eachOf({ foreach, until }: ListenTask): Each {
  if (foreach === null) throw new Error("a listen task without foreach works on no events");
  return {
    foreach,
    what: "event",
    isEnough: (turn, consumed) =>
      until !== null && !isStrategy(until) && isTrue(until, consumed, scopeOf(turn), turn.situation),
  };
}
