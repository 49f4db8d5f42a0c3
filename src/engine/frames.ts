import { descendantsOf, type ExecutionState, type Frame, frameOf, type Step } from "./state.ts";

/** Changes one frame. */
export function withFrame(state: ExecutionState, id: number, change: Partial<Frame>): ExecutionState {
  return { ...state, frames: { ...state.frames, [id]: { ...frameOf(state, id), ...change } } };
}

/** Gives a frame a step and its turn. A frame whose turn was not taken yet keeps its place. */
export function turn(state: ExecutionState, id: number, step: Step, place: "first" | "last" = "last"): ExecutionState {
  const others = state.ready.filter((other) => other !== id);
  return { ...withFrame(state, id, { step }), ready: place === "first" ? [id, ...others] : [...others, id] };
}

/** Nothing to do until something comes from outside, or a child ends. */
export function idle(state: ExecutionState, id: number): ExecutionState {
  const ready = state.ready.filter((other) => other !== id);
  return { ...withFrame(state, id, { step: { do: "idle" } }), ready };
}

/** Drops a frame with what is inside it. */
export function without(state: ExecutionState, frame: Frame): ExecutionState {
  return withoutAll(state, [...descendantsOf(state, frame.id), frame]);
}

/** Drops frames with all they asked for. */
export function withoutAll(state: ExecutionState, frames: readonly Frame[]): ExecutionState {
  if (frames.length === 0) return state;
  const ids = new Set(frames.map(({ id }) => id));
  const of = (work: Readonly<Record<number, { frame: number }>>) =>
    Object.entries(work)
      .filter(([, { frame }]) => ids.has(frame))
      .map(([name]) => Number(name));
  return {
    ...state,
    frames: omit(state.frames, [...ids]),
    ready: state.ready.filter((id) => !ids.has(id)),
    activities: omit(state.activities, of(state.activities)),
    timers: omit(state.timers, of(state.timers)),
    subscriptions: omit(state.subscriptions, of(state.subscriptions)),
  };
}

/** Drops what a frame itself asked for. */
export function withoutWork(state: ExecutionState, id: number): ExecutionState {
  const mine = (work: Readonly<Record<number, { frame: number }>>) =>
    Object.entries(work)
      .filter(([, { frame }]) => frame === id)
      .map(([name]) => Number(name));
  const stripped = {
    ...state,
    activities: omit(state.activities, mine(state.activities)),
    timers: omit(state.timers, mine(state.timers)),
    subscriptions: omit(state.subscriptions, mine(state.subscriptions)),
  };
  return withFrame(stripped, id, { activity: null, waitUntil: null });
}

/** Without some of its keys. */
export function omit<Value>(
  record: Readonly<Record<number, Value>>,
  keys: readonly number[],
): Readonly<Record<number, Value>> {
  if (keys.length === 0) return record;
  const rest = { ...record };
  for (const key of keys) delete rest[key];
  return rest;
}
