import { withoutAll } from "./frames.ts";
import { descendantsOf, type ExecutionState, type Frame } from "./state.ts";

/**
 * After a redrive: the failed frame starts over; so does every task whose activity, wait or retry delay was given up when the
 * execution failed. A frame that failed between two tasks, or was interrupted by a timeout, takes the step it was to take.
 */
export function reopened(state: ExecutionState, at: number): ExecutionState {
  const restarted = Object.values(state.frames).filter((frame) => frame.step.do === "fail");
  const inside = restarted.flatMap((frame) => descendantsOf(state, frame.id));
  const kept = withoutAll(state, inside);
  const frames = Object.values(kept.frames).map((frame) => [frame.id, reopenedFrame(kept, frame, at)] as const);
  const limits = Object.entries(kept.timers).filter(
    ([, { purpose }]) => purpose === "timeout" || purpose === "attempt",
  );
  return {
    ...kept,
    phase: "open",
    frames: Object.fromEntries(frames),
    ready: frames.filter(([, frame]) => frame.step.do !== "idle").map(([id]) => id),
    activities: {},
    timers: Object.fromEntries(limits),
    subscriptions: {},
  };
}

function reopenedFrame(state: ExecutionState, frame: Frame, at: number): Frame {
  const timed: Frame = { ...frame, attempt: frame.attempt === null ? null : { ...frame.attempt, since: at } };
  const { step } = timed;
  if (step.do === "fail") return restartedFrame(timed);
  if (step.do === "expire" || step.do === "expire-attempt") return givenUpAgain(state, { ...timed, step: step.was });
  return givenUpAgain(state, timed);
}

/** A task whose activity or timer was given up with the execution asks for it again. */
function givenUpAgain(state: ExecutionState, frame: Frame): Frame {
  const delayed = Object.values(state.timers).some(
    (timer) => timer.frame === frame.id && (timer.purpose === "wait" || timer.purpose === "retry"),
  );
  if (frame.activity === null && !delayed) return frame;
  // One that consumes messages may have been about to work on one.
  const { listen, step } = frame;
  const held = listen === null || step.do === "idle" ? {} : { listen: { ...listen, held: step } };
  return { ...frame, ...held, step: { do: "enter" }, activity: null };
}

function restartedFrame(frame: Frame): Frame {
  return {
    ...frame,
    step: frame.begun ? { do: "enter" } : { do: "begin" },
    activity: null,
    visits: {},
    vars: {},
    loop: frame.loop === null ? null : { ...frame.loop, index: -1 },
    attempt: frame.attempt === null ? null : { ...frame.attempt, number: 1, section: "try" },
    fork: frame.fork === null ? null : { ...frame.fork, outputs: {} },
    ...(frame.around === undefined ? {} : { around: { active: frame.around.active, section: "start", at: -1 } }),
    listen: null,
  };
}
