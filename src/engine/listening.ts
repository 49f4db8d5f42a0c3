import type { JsonObject } from "../values/json.ts";
import type { EventProcessed, EventReceived, EventSubscribed, MessageReceived, TaskRequested } from "./events.ts";
import { inOwnSection } from "./extensions.ts";
import { idle, omit, turn, withFrame } from "./frames.ts";
import { type ExecutionState, type Frame, frameOf, type Listen } from "./state.ts";

const NOTHING_YET: Listen = {
  subscription: null,
  position: 0,
  expected: [],
  args: {},
  each: null,
  forgets: false,
  seen: {},
  filled: [],
  consumed: [],
  waiting: [],
  iteration: -1,
  isIterating: false,
};

/** What a listen task remembers after each of its events. Nothing is evaluated here. */
function subscribed(before: Listen | null, { sequence, data }: EventSubscribed): Listen {
  const { expected, args = {}, each = null, forgets = false } = data;
  const begun = before ?? { ...NOTHING_YET, expected, args, each, forgets };
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

/** The messages of an activity are worked on as they come. After a redrive its task goes on with whatever it was doing. */
export function consuming(state: ExecutionState, { sequence, data }: TaskRequested): ExecutionState {
  if (data.consumes === undefined) return state;
  const { each, forgets = false } = data.consumes;
  const { held, ...before } = frameOf(state, data.frame).listen ?? { ...NOTHING_YET, each, forgets };
  const after = withFrame(state, data.frame, { listen: { ...before, subscription: sequence } });
  return held === undefined ? after : turn(after, data.frame, held);
}

/** A message, or the end of the activity that gives them. */
export function messageReceived(state: ExecutionState, { data }: MessageReceived): ExecutionState {
  const frame = frameOf(state, data.frame);
  if (frame.listen === null) throw new Error(`frame ${frame.id} receives a message and consumes none`);
  const { error, value } = data;
  const listen =
    value === undefined
      ? { ...frame.listen, subscription: null, ...(error === undefined ? {} : { error }) }
      : { ...frame.listen, position: frame.listen.position + 1, waiting: [...frame.listen.waiting, value] };
  return listenGoesOn(state, frame.id, listen);
}

export function eventProcessed(state: ExecutionState, { data }: EventProcessed): ExecutionState {
  const frame = frameOf(state, data.frame);
  if (frame.listen === null) throw new Error(`frame ${frame.id} is through with an event and does not listen`);
  const begun = frame.listen.isIterating ? frame.listen : iterating(frame.listen, data.iteration).listen;
  const after = listenGoesOn(withFrame(state, frame.id, { vars: {} }), frame.id, processed(begun, data));
  return data.context === undefined ? after : { ...after, context: data.context };
}

/** Works on the next event, ends, or waits for one. Nothing that is over is owed any more. */
function listenGoesOn(state: ExecutionState, id: number, listen: Listen): ExecutionState {
  const kept = withFrame(state, id, { listen });
  const isOver = listen.subscription === null;
  const after = isOver ? withoutSource(kept, id) : kept;
  if (listen.isIterating) return after;
  if (listen.waiting.length > 0) return turn(after, id, { do: "iterate" });
  return isOver ? turn(after, id, { do: "finish", output: listen.consumed }) : idle(after, id);
}

/** Drops the subscription or activity that a frame hears from. */
function withoutSource(state: ExecutionState, id: number): ExecutionState {
  const namesIn = (work: Readonly<Record<number, { readonly frame: number }>>) =>
    Object.entries(work)
      .filter(([, { frame }]) => frame === id)
      .map(([name]) => Number(name));
  const subscriptions = omit(state.subscriptions, namesIn(state.subscriptions));
  const activities = omit(state.activities, namesIn(state.activities));
  return withFrame({ ...state, subscriptions, activities }, id, { activity: null });
}
