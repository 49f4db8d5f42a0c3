import type { JsonObject } from "../values/json.ts";
import type { EventProcessed, EventReceived, EventSubscribed } from "./events.ts";
import { inOwnSection } from "./extensions.ts";
import { idle, omit, turn, withFrame } from "./frames.ts";
import { type ExecutionState, type Frame, frameOf, type Listen } from "./state.ts";

/** What a listen task remembers after each of its events. Nothing is evaluated here. */
function subscribed(before: Listen | null, { sequence, data }: EventSubscribed): Listen {
  const begun: Listen = before ?? {
    subscription: null,
    position: 0,
    expected: data.expected,
    args: data.args ?? {},
    each: data.each ?? null,
    forgets: data.forgets === true,
    seen: {},
    filled: [],
    consumed: [],
    waiting: [],
    iteration: -1,
    isIterating: false,
  };
  return { ...begun, subscription: sequence, position: data.from };
}

function received(listen: Listen, data: EventReceived["data"]): Listen {
  const heard: Listen = {
    ...listen,
    position: data.position,
    subscription: data.last ? null : listen.subscription,
    // The first value stands.
    seen: { ...data.correlation, ...listen.seen },
    filled: data.filter < 0 ? listen.filled : [...listen.filled, data.filter],
    heard: heardSoFar(listen) + (data.until ? 0 : 1),
  };
  if (data.value === undefined) return heard;
  if (listen.each !== null) return { ...heard, waiting: [...listen.waiting, data.value] };
  return listen.forgets ? heard : { ...heard, consumed: [...listen.consumed, data.value] };
}

/** How many events a listen task has taken, without that of `until`. */
export function heardSoFar({ heard, consumed, waiting, isIterating }: Listen): number {
  return heard ?? consumed.length + waiting.length + (isIterating ? 1 : 0);
}

/** The first of the events that wait is worked on: the variables of its iteration. */
export function iterating(listen: Listen, iteration: number): Pick<Frame, "vars" | "visits"> & { listen: Listen } {
  const waiting = listen.waiting.slice(1);
  return {
    listen: { ...listen, waiting, iteration, isIterating: true },
    vars: eachVariables(listen, iteration),
    visits: {},
  };
}

export function eachVariables({ each, waiting }: Listen, iteration: number): JsonObject {
  return each === null ? {} : { [each.item]: waiting[0] ?? null, [each.at]: iteration };
}

function processed(listen: Listen, { output, last }: EventProcessed["data"]): Listen {
  const consumed = listen.forgets ? listen.consumed : [...listen.consumed, output];
  const done = { ...listen, consumed, isIterating: false };
  return last ? { ...done, subscription: null, waiting: [] } : done;
}

/** A listen task has subscribed, or does so again after a redrive. */
export function eventSubscribed(state: ExecutionState, event: EventSubscribed): ExecutionState {
  const frame = frameOf(state, event.data.frame);
  const subscriptions = { ...state.subscriptions, [event.sequence]: { frame: frame.id } };
  // After a redrive it goes on with whatever it was doing.
  const waiting = frame.listen === null ? idle(state, frame.id) : state;
  const begun = frame.listen === null ? inOwnSection(frame) : {};
  return { ...withFrame(waiting, frame.id, { ...begun, listen: subscribed(frame.listen, event) }), subscriptions };
}

export function eventReceived(state: ExecutionState, { data }: EventReceived): ExecutionState {
  const frame = frameOf(state, data.frame);
  if (frame.listen === null) throw new Error(`frame ${frame.id} hears an event and does not listen`);
  return listenGoesOn(state, frame.id, received(frame.listen, data));
}

export function eventProcessed(state: ExecutionState, { data }: EventProcessed): ExecutionState {
  const frame = frameOf(state, data.frame);
  if (frame.listen === null) throw new Error(`frame ${frame.id} is through with an event and does not listen`);
  const begun = frame.listen.isIterating ? frame.listen : iterating(frame.listen, data.iteration).listen;
  const after = listenGoesOn(withFrame(state, frame.id, { vars: {} }), frame.id, processed(begun, data));
  return data.context === undefined ? after : { ...after, context: data.context };
}

/** Works on the next event, ends, or waits for one. */
function listenGoesOn(state: ExecutionState, id: number, listen: Listen): ExecutionState {
  const kept = withFrame(state, id, { listen });
  const names = Object.entries(kept.subscriptions).filter(([, { frame }]) => frame === id);
  const isOver = listen.subscription === null;
  const subscriptions = isOver
    ? omit(
        kept.subscriptions,
        names.map(([name]) => Number(name)),
      )
    : kept.subscriptions;
  const after = { ...kept, subscriptions };
  if (listen.isIterating) return after;
  if (listen.waiting.length > 0) return turn(after, id, { do: "iterate" });
  return isOver ? turn(after, id, { do: "finish", output: listen.consumed }) : idle(after, id);
}
