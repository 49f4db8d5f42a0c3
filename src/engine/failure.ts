import type { DurationSource, RetryPolicy, TryTask } from "../dsl/workflow.ts";
import { hashOf } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import { ownProperty } from "../values/json.ts";
import { canonicalErrorType, type Problem, problemToJson } from "../values/problem.ts";
import { type Draft, decided } from "./draft.ts";
import { durationEnd } from "./duration.ts";
import { isInExtension } from "./extensions.ts";
import { problemFrom } from "./fault.ts";
import { begin, cancelTimers, finish, frameView, taskOf } from "./flow.ts";
import { retryDelayMs } from "./retry-delay.ts";
import { isTrue, type Situation, taskScope } from "./scope.ts";
import { descendantsOf, type ExecutionState, type Frame, frameOf, type PendingTimer } from "./state.ts";

/**
 * What an error leads to: the nearest try around it that takes it repeats or handles it; without one the workflow has failed,
 * and nothing is unwound.
 *
 * @param failed where the error comes from.
 * @param from the first frame that may catch it.
 */
export function handleFailure(
  state: ExecutionState,
  situation: Situation,
  failed: Frame,
  error: Problem,
  from: number,
): readonly Draft[] {
  if (from === 0) return [decided("workflow.failed", { error, frame: failed.id, task: failed.task })];
  const frame = frameOf(state, from);
  const task = taskOf(situation, frame);
  if (task?.kind !== "try" || frame.attempt?.section !== "try" || isInExtension(frame)) {
    return handleFailure(state, situation, failed, error, frame.parent);
  }
  const at: Catching = { state, situation, frame, task, failed, error };
  try {
    return caught(at) ?? handleFailure(state, situation, failed, error, frame.parent);
  } catch (thrown) {
    // The filter itself failed: that error is the try's own.
    const own = problemFrom(thrown, task.reference);
    return [...unwind(at, own), decided("task.failed", { task: task.reference, frame: frame.id, error: own })];
  }
}

interface Catching {
  readonly state: ExecutionState;
  readonly situation: Situation;
  /** Of the try. */
  readonly frame: Frame;
  readonly task: TryTask;
  readonly failed: Frame;
  readonly error: Problem;
}

/** Retry, handler or plain end of the try; undefined when it does not take the error. */
function caught(at: Catching): readonly Draft[] | undefined {
  const { task, error } = at;
  if (!hasMembers(error, task.catch.with)) return undefined;
  if (!allows(at, task.catch)) return undefined;
  if (task.catch.retry !== null) {
    const repeated = repeat(at, task.catch.retry);
    if (repeated !== undefined) return repeated;
    if (task.catch.do === null) return undefined;
  }
  return handled(at);
}

/** Every given member equal; standard types under each of their hosts are one. */
function hasMembers(error: Problem, wanted: Readonly<Record<string, Json>>): boolean {
  const actual = problemToJson(error);
  return Object.entries(wanted).every(([member, value]) => {
    const found = ownProperty(actual, member);
    if (member !== "type" || typeof value !== "string" || typeof found !== "string") return found === value;
    return canonicalErrorType(found) === canonicalErrorType(value);
  });
}

function allows(at: Catching, filter: Pick<RetryPolicy, "when" | "exceptWhen">): boolean {
  const error = problemToJson(at.error);
  const args = errorScope(at);
  if (filter.when !== null && !isTrue(filter.when, error, args, at.situation)) return false;
  return filter.exceptWhen === null || !isTrue(filter.exceptWhen, error, args, at.situation);
}

function errorScope({ state, situation, frame, task, error }: Catching) {
  const args = taskScope(state, situation, frame, frameView(task, frame), { input: frame.input });
  return { ...args, [task.catch.as]: problemToJson(error) };
}

/** Undefined when the policy allows no further run. */
function repeat(at: Catching, policy: RetryPolicy): readonly Draft[] | undefined {
  const { state, situation, frame, task, error } = at;
  const attempt = (frame.attempt?.number ?? 1) + 1;
  if (policy.maxRetries !== null && attempt - 1 > policy.maxRetries) return undefined;
  if (!allows(at, policy)) return undefined;
  const args = errorScope(at);
  const endOf = (duration: DurationSource, from: number) => durationEnd(duration, from, frame.input, args, situation);
  const msOf = (duration: DurationSource) => endOf(duration, situation.now) - situation.now;
  const jitter = policy.jitter === null ? null : { from: msOf(policy.jitter.from), to: msOf(policy.jitter.to) };
  const baseMs = policy.delay === null ? 0 : msOf(policy.delay);
  const delayMs = retryDelayMs(policy.backoff, attempt, baseMs, jitter, chanceOf(state));
  const startsAt = situation.now + delayMs;
  const since = frame.attempt?.since ?? frame.startedAt;
  if (policy.maxDuration !== null && startsAt > endOf(policy.maxDuration, since)) return undefined;
  const of = { task: task.reference, frame: frame.id };
  const timer = decided("timer.scheduled", { ...of, purpose: "retry", fireAt: startsAt });
  return [
    ...unwind(at, error),
    decided("task.retried", { ...of, attempt, delayMs, error }),
    ...(delayMs === 0 ? [] : [timer]),
  ];
}

/** A number in [0, 1) that is random between histories and the same for each decision from this state. */
function chanceOf(state: ExecutionState): number {
  return Number.parseInt(hashOf(state.executionId, String(state.version)).slice(0, 12), 16) / 2 ** 48;
}

/** Runs `catch.do` on the try's transformed input; without one the try ends with that input. */
function handled(at: Catching): readonly Draft[] {
  const { state, situation, frame, task, error } = at;
  const before = unwind(at, error);
  const first = task.catch.do?.[0];
  if (first === undefined) {
    const ending = { offset: before.length, ...(task.catch.then === null ? {} : { then: task.catch.then }) };
    return [...before, ...finish(without(state, frame), situation, frame, task, frame.input, ending)];
  }
  const handler: Frame = {
    ...frame,
    attempt: { number: 1, since: frame.startedAt, ...frame.attempt, section: "catch" },
    vars: { [task.catch.as]: problemToJson(error) },
    visits: {},
  };
  const entry = { caught: { error, as: task.catch.as } };
  const list = task.catch.do ?? [];
  return [...before, ...begin(state, situation, handler, first, 0, list, frame.input, entry, before.length)];
}

/** The state as it is once all inside a frame is gone. */
function without(state: ExecutionState, frame: Frame): ExecutionState {
  const inside = new Set(descendantsOf(state, frame.id).map(({ id }) => id));
  const keep = ([, timer]: [string, PendingTimer]) =>
    !inside.has(timer.frame) && !(timer.frame === frame.id && timer.purpose === "attempt");
  return {
    ...state,
    frames: Object.fromEntries(Object.entries(state.frames).filter(([id]) => !inside.has(Number(id)))),
    timers: Object.fromEntries(Object.entries(state.timers).filter(keep)),
  };
}

/**
 * Ends what is inside the try: what the error passed through has failed, what ran beside it is cancelled. The frame the error comes from
 * has said so already; it goes with what follows.
 */
function unwind({ state, frame, failed }: Catching, error: Problem): readonly Draft[] {
  const passed = ancestry(state, failed);
  const attempt = Object.entries(state.timers).filter(([, t]) => t.frame === frame.id && t.purpose === "attempt");
  return [
    ...descendantsOf(state, frame.id).flatMap((inside) => {
      if (inside.id === failed.id) return cancelTimers(state, inside);
      const of = { task: inside.task, frame: inside.id };
      const end = passed.has(inside.id)
        ? decided("task.failed", { ...of, error, unwound: true as const })
        : decided("task.cancelled", { ...of, reason: "an error beside it was caught" });
      return [...cancelTimers(state, inside), end];
    }),
    ...attempt.map(([name]) =>
      decided("timer.cancelled", { task: frame.task, frame: frame.id, timer: Number(name), purpose: "attempt" }),
    ),
  ];
}

/** A frame and all around it. */
function ancestry(state: ExecutionState, frame: Frame): ReadonlySet<number> {
  const ids = new Set<number>();
  for (let each: Frame | undefined = frame; each !== undefined; each = state.frames[each.parent]) ids.add(each.id);
  return ids;
}
