import type { Json, JsonObject } from "../values/json.ts";
import { problemToJson } from "../values/problem.ts";
import type {
  EventProcessed,
  EventReceived,
  EventSubscribed,
  ExecutionStarted,
  HistoryEvent,
  Move,
  TaskPrepared,
  TaskRequested,
  TaskRetried,
  TaskSkipped,
  TaskStarted,
  TimerFired,
} from "./events.ts";
import { extensionMark, inOwnSection, isInExtension, sectionAfter } from "./extensions.ts";
import { idle, omit, turn, withFrame, without, withoutAll, withoutWork } from "./frames.ts";
import { iterating, processed, received, subscribed } from "./listening.ts";
import { reopened } from "./reopen.ts";
import {
  type Around,
  descendantsOf,
  type ExecutionState,
  type Frame,
  frameOf,
  type Listen,
  type PendingActivity,
  ROOT,
} from "./state.ts";

/** The state after an event. Remembers only: evaluates nothing, so that a replay cannot differ. */
export function evolve(state: ExecutionState | null, event: HistoryEvent): ExecutionState {
  if (state === null) {
    if (event.type !== "execution.started")
      throw new Error(`a history starts with execution.started, not ${event.type}`);
    return opened(event);
  }
  if (event.sequence !== state.version + 1) {
    throw new Error(`event ${event.sequence} does not follow version ${state.version}`);
  }
  return { ...withoutChildren(state, applied(state, event), event), version: event.sequence };
}

/** A child nobody waits for any more is given up, however that came about; one that answered has ended. */
function withoutChildren(before: ExecutionState, after: ExecutionState, event: HistoryEvent): ExecutionState {
  if (after.children.length === 0) return after;
  const open = after.phase === "open";
  const gone = after.children.filter((name) => !open || after.activities[name] === undefined);
  if (gone.length === 0) return after;
  const answered = answeredBy(event);
  const recent = before.abandoned.filter(({ at }) => event.sequence - at < ABANDONED_KEPT);
  return {
    ...after,
    children: after.children.filter((name) => !gone.includes(name)),
    abandoned: [...recent, ...gone.filter((name) => name !== answered).map((name) => ({ name, at: event.sequence }))],
  };
}

/** The activity an event answers: of a task that ended, or that is extended and whose end is held back. */
function answeredBy(event: HistoryEvent): number | undefined {
  if (event.type === "task.completed" || event.type === "task.failed") return event.data.asked;
  if (event.type === "task.started" || event.type === "task.skipped") return event.data.extension?.asked;
  return undefined;
}

/** Events after which whoever decided them has told a child that was given up; more than any commit holds. */
const ABANDONED_KEPT = 10_000;

/** Folds events over a state; `null` is before the first. */
export function fold(events: readonly HistoryEvent[], from: ExecutionState | null = null): ExecutionState {
  const state = events.reduce<ExecutionState | null>(evolve, from);
  if (state === null) throw new Error("an empty history has no state");
  return state;
}

function applied(state: ExecutionState, event: HistoryEvent): ExecutionState {
  switch (event.type) {
    case "execution.started":
      throw new Error("execution.started stands only at the beginning");
    case "execution.paused":
      return { ...state, paused: true };
    case "execution.resumed":
      return { ...state, paused: false };
    case "execution.retried":
      return reopened(state, event.at);
    case "execution.cancelled":
      return emptied(closed(state, "cancelled"));
    case "workflow.completed":
      return emptied(closed(state, "completed"));
    case "workflow.failed":
      return closed(state, "failed");
    case "task.started":
      return taskStarted(state, event);
    case "task.skipped":
      return taskSkipped(state, event);
    case "task.requested":
      return {
        ...withFrame(idle(state, event.data.frame), event.data.frame, {
          ...inOwnSection(frameOf(state, event.data.frame)),
          activity: event.sequence,
          requests: event.data.attempt,
        }),
        activities: { ...state.activities, [event.sequence]: pendingActivity(event) },
        ...(event.data.activity.child?.await === true ? { children: [...state.children, event.sequence] } : {}),
      };
    case "task.prepared":
      return taskPrepared(state, event);
    case "task.completed": {
      const frame = frameOf(state, event.data.frame);
      const after = childEnded(without(state, frame), frame.parent, frame.index, event.data.output, event.data.move);
      return event.data.context === undefined ? after : { ...after, context: event.data.context };
    }
    case "task.failed": {
      const frame = frameOf(state, event.data.frame);
      if (event.data.unwound) return without(state, frame);
      const stripped = withoutWork(withoutAll(state, descendantsOf(state, frame.id)), frame.id);
      return turn(stripped, frame.id, { do: "fail", error: event.data.error });
    }
    case "task.retried":
      return taskRetried(state, event);
    case "task.cancelled":
      return without(state, frameOf(state, event.data.frame));
    case "timer.scheduled": {
      const { frame, purpose, fireAt } = event.data;
      const timers = { ...state.timers, [event.sequence]: { frame, purpose, scheduledAt: event.at, fireAt } };
      if (purpose === "timeout" || purpose === "attempt") {
        const limits = { ...frameOf(state, frame).limits, [purpose]: fireAt - event.at };
        return { ...withFrame(state, frame, { limits }), timers };
      }
      return purpose === "wait"
        ? {
            ...withFrame(idle(state, frame), frame, { ...inOwnSection(frameOf(state, frame)), waitUntil: fireAt }),
            timers,
          }
        : { ...state, timers };
    }
    case "timer.fired":
      return timerFired(state, event);
    case "timer.cancelled":
      return { ...state, timers: omit(state.timers, [event.data.timer]) };
    case "event.subscribed":
      return eventSubscribed(state, event);
    case "event.received":
      return eventReceived(state, event);
    case "event.processed":
      return eventProcessed(state, event);
    case "event.emitted":
      return state;
  }
}

function emptied(state: ExecutionState): ExecutionState {
  return { ...state, frames: {}, ready: [], activities: {}, timers: {}, subscriptions: {} };
}

function opened({ data, at }: ExecutionStarted): ExecutionState {
  const root = newFrame({
    id: ROOT,
    parent: 0,
    key: "",
    task: "",
    name: "",
    index: 0,
    input: data.input,
    at,
    path: "",
  });
  return {
    schema: 1,
    executionId: data.executionId,
    tenant: data.tenant,
    workflowId: data.workflowId,
    definition: data.definition,
    phase: "open",
    paused: false,
    version: 1,
    startedAt: at,
    input: data.input,
    defaultTimeoutMs: data.defaultTimeoutMs,
    parent: data.parent ?? null,
    ...(data.trace === undefined ? {} : { trace: data.trace }),
    ...(data.scheduledFor === undefined ? {} : { scheduledFor: data.scheduledFor }),
    context: {},
    frames: { [ROOT]: root },
    ready: [ROOT],
    activities: {},
    children: [],
    abandoned: [],
    timers: {},
    subscriptions: {},
  };
}

function pendingActivity({ data: { frame, activity } }: TaskRequested): PendingActivity {
  const { kind, queue, child } = activity;
  return {
    frame,
    ...(queue === undefined ? {} : { queue }),
    ...(child === undefined ? {} : { child: { await: child.await } }),
    ...(kind === "resource" ? { resource: true as const } : {}),
  };
}

function newFrame(of: {
  id: number;
  parent: number;
  key: string;
  task: string;
  name: string;
  index: number;
  input: Json;
  transformed?: Json;
  at: number;
  path: string;
}): Frame {
  return {
    id: of.id,
    parent: of.parent,
    key: of.key,
    task: of.task,
    name: of.name,
    index: of.index,
    rawInput: of.input,
    input: of.transformed === undefined ? of.input : of.transformed,
    startedAt: of.at,
    path: of.path,
    vars: {},
    step: { do: "enter" },
    begun: true,
    limits: {},
    visits: {},
    activity: null,
    requests: 0,
    waitUntil: null,
    loop: null,
    attempt: null,
    fork: null,
    listen: null,
  };
}

function taskStarted(state: ExecutionState, { data, sequence, at }: TaskStarted): ExecutionState {
  const before = entered(occupied(state, data), data);
  const parent = frameOf(before, data.parent);
  const visit = (parent.visits[data.index] ?? 0) + 1;
  const frame: Frame = {
    ...newFrame({ ...data, id: sequence, at, path: pathOf(parent, data.index, visit) }),
    loop: data.loop === undefined ? null : { ...data.loop, index: -1 },
    begun: data.begun !== false,
    attempt: data.kind === "try" ? { number: 1, section: "try", since: at } : null,
    fork: data.fork === undefined ? null : { ...data.fork, outputs: {} },
    ...(data.extensions === undefined
      ? {}
      : { around: { active: data.extensions, section: "start", at: -1 } satisfies Around }),
  };
  const counted = withFrame(before, parent.id, { visits: { ...parent.visits, [data.index]: visit } });
  return { ...counted, frames: { ...counted.frames, [sequence]: frame }, ready: [...counted.ready, sequence] };
}

function taskPrepared(state: ExecutionState, { data }: TaskPrepared): ExecutionState {
  const { frame, transformed, loop, fork, extensions } = data;
  const { rawInput } = frameOf(state, frame);
  const ready = withFrame(withoutWork(state, frame), frame, {
    input: transformed === undefined ? rawInput : transformed,
    loop: loop === undefined ? null : { ...loop, index: -1 },
    fork: fork === undefined ? null : { ...fork, outputs: {} },
    ...(extensions === undefined ? {} : { around: { active: extensions, section: "start", at: -1 } satisfies Around }),
    begun: true,
    requests: 0,
  });
  return turn(ready, frame, { do: "enter" });
}

/** A parent waits for its children; a fork that is decided already (by a branch that was skipped) stays decided. */
function occupied(state: ExecutionState, data: TaskStarted["data"]): ExecutionState {
  const parent = frameOf(state, data.parent);
  const isBranch = parent.fork !== null && data.extension === undefined && !isInExtension(parent);
  return isBranch && parent.step.do === "next" ? state : idle(state, parent.id);
}

/** Place of a child: its index, its visit when a `then` came back to it, the iteration or handler it runs in. */
function pathOf(parent: Frame, index: number, visit: number): string {
  if (isInExtension(parent))
    return `${parent.path}${extensionMark(parent.around)}/${index}${visit > 1 ? `#${visit}` : ""}`;
  const iteration = parent.loop === null ? "" : `[${parent.loop.index}]`;
  const handler = parent.attempt?.section === "catch" ? "!" : "";
  return `${parent.path}${iteration}${handler}/${index}${visit > 1 ? `#${visit}` : ""}`;
}

function taskSkipped(state: ExecutionState, { data }: TaskSkipped): ExecutionState {
  return childEnded(entered(state, data), data.parent, data.index, data.output, data.move);
}

/** What the first child of an iteration or of a handler says about its parent. */
function entered(before: ExecutionState, data: TaskStarted["data"] | TaskSkipped["data"]): ExecutionState {
  const state = sectioned(before, data);
  const parent = frameOf(state, data.parent);
  if (data.iteration !== undefined && parent.listen !== null) {
    return withFrame(state, parent.id, iterating(parent.listen, data.iteration));
  }
  if (data.iteration !== undefined && parent.loop !== null) {
    const loop = { ...parent.loop, index: data.iteration };
    return withFrame(state, parent.id, { loop, vars: loopVariables(loop), visits: {} });
  }
  if (data.caught !== undefined && parent.attempt !== null) {
    return withFrame(withoutAll(state, descendantsOf(state, parent.id)), parent.id, {
      attempt: { ...parent.attempt, section: "catch" },
      vars: { [data.caught.as]: problemToJson(data.caught.error) },
      visits: {},
    });
  }
  return state;
}

/** Which of its sections an extended parent is in, once this child has begun. An activity whose output is held back is over. */
function sectioned(state: ExecutionState, data: TaskStarted["data"] | TaskSkipped["data"]): ExecutionState {
  const parent = frameOf(state, data.parent);
  if (parent.around === undefined) return state;
  const around = sectionAfter(parent.around, data.extension);
  if (around === parent.around) return state;
  // What failed inside and was caught goes with the first task that comes after.
  const rest = around.section === "after" ? withoutAll(state, descendantsOf(state, parent.id)) : state;
  const moved = withFrame(rest, parent.id, { around, visits: {} });
  if (data.extension?.asked === undefined) return moved;
  const answered = withFrame(moved, parent.id, { activity: null });
  return { ...answered, activities: omit(answered.activities, [data.extension.asked]) };
}

/** The variables of an iteration. */
export function loopVariables(loop: { items: readonly Json[]; each: string; at: string; index: number }): JsonObject {
  return { [loop.each]: loop.items[loop.index] ?? null, [loop.at]: loop.index };
}

/** A child ended with an output: its parent gets its turn; a fork only when it is decided. The first decision stands. */
function childEnded(state: ExecutionState, parentId: number, index: number, output: Json, move: Move): ExecutionState {
  const parent = frameOf(state, parentId);
  if (parent.fork === null || isInExtension(parent)) return turn(state, parentId, { do: "next", output, move });
  const fork = { ...parent.fork, outputs: { ...parent.fork.outputs, [index]: output } };
  const kept = withFrame(state, parentId, { fork });
  if (parent.step.do === "next") return kept;
  const decided = fork.compete || move.to === "end" || Object.keys(fork.outputs).length === fork.branches;
  return decided ? turn(kept, parentId, { do: "next", output, move }, "first") : kept;
}

function taskRetried(state: ExecutionState, { data, at }: TaskRetried): ExecutionState {
  const cleared = withoutAll(state, descendantsOf(state, data.frame));
  const timers = Object.entries(cleared.timers).filter(([, t]) => t.frame === data.frame && t.purpose === "attempt");
  const fresh = withFrame(
    {
      ...cleared,
      timers: omit(
        cleared.timers,
        timers.map(([name]) => Number(name)),
      ),
    },
    data.frame,
    {
      attempt: { number: data.attempt, section: "try", since: frameOf(state, data.frame).attempt?.since ?? at },
      visits: {},
      vars: {},
    },
  );
  return data.delayMs === 0 ? turn(fresh, data.frame, { do: "enter" }) : idle(fresh, data.frame);
}

function timerFired(state: ExecutionState, { data }: TimerFired): ExecutionState {
  const fired = { ...state, timers: omit(state.timers, [data.timer]) };
  const frame = frameOf(fired, data.frame);
  switch (data.purpose) {
    case "wait":
      return turn(fired, frame.id, { do: "finish", output: frame.input });
    case "retry":
      return turn(fired, frame.id, { do: "enter" });
    case "timeout":
      return turn(fired, frame.id, { do: "expire", was: frame.step }, "first");
    case "attempt":
      return turn(fired, frame.id, { do: "expire-attempt", was: frame.step }, "first");
  }
}

function eventSubscribed(state: ExecutionState, event: EventSubscribed): ExecutionState {
  const frame = frameOf(state, event.data.frame);
  const subscriptions = { ...state.subscriptions, [event.sequence]: { frame: frame.id } };
  // After a redrive it goes on with whatever it was doing.
  const waiting = frame.listen === null ? idle(state, frame.id) : state;
  const begun = frame.listen === null ? inOwnSection(frame) : {};
  return { ...withFrame(waiting, frame.id, { ...begun, listen: subscribed(frame.listen, event) }), subscriptions };
}

function eventReceived(state: ExecutionState, { data }: EventReceived): ExecutionState {
  const frame = frameOf(state, data.frame);
  if (frame.listen === null) throw new Error(`frame ${frame.id} hears an event and does not listen`);
  return listenGoesOn(state, frame.id, received(frame.listen, data));
}

function eventProcessed(state: ExecutionState, { data }: EventProcessed): ExecutionState {
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

function closed(state: ExecutionState, phase: "completed" | "failed" | "cancelled"): ExecutionState {
  return { ...state, phase, paused: false };
}
