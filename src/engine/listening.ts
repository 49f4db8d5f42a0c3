import type { JsonObject } from "../values/json.ts";
import type { EventProcessed, EventReceived, EventSubscribed } from "./events.ts";
import type { Frame, Listen } from "./state.ts";

/** What a listen task remembers after each of its events. Nothing is evaluated here. */
export function subscribed(before: Listen | null, { sequence, data }: EventSubscribed): Listen {
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

export function received(listen: Listen, data: EventReceived["data"]): Listen {
  const heard: Listen = {
    ...listen,
    position: data.position,
    subscription: data.last ? null : listen.subscription,
    // The first value stands.
    seen: { ...data.correlation, ...listen.seen },
    filled: data.filter < 0 ? listen.filled : [...listen.filled, data.filter],
  };
  if (data.value === undefined) return heard;
  if (listen.each !== null) return { ...heard, waiting: [...listen.waiting, data.value] };
  return listen.forgets ? heard : { ...heard, consumed: [...listen.consumed, data.value] };
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

export function processed(listen: Listen, { output, last }: EventProcessed["data"]): Listen {
  const consumed = listen.forgets ? listen.consumed : [...listen.consumed, output];
  const done = { ...listen, consumed, isIterating: false };
  return last ? { ...done, subscription: null, waiting: [] } : done;
}
