import type { Json } from "../values/json.ts";
import { answeredBy } from "./answered.ts";
import { entered, newFrame, taskPrepared, taskStarted } from "./beginning.ts";
import type {
  ExecutionStarted,
  HistoryEvent,
  Move,
  TaskRequested,
  TaskRetried,
  TaskSkipped,
  TimerFired,
} from "./events.ts";
import { inOwnSection, isInExtension } from "./extensions.ts";
import { idle, omit, turn, withFrame, without, withoutAll, withoutWork } from "./frames.ts";
import { consuming, eventProcessed, eventReceived, eventSubscribed, messageReceived } from "./listening.ts";
import { reopened } from "./reopen.ts";
import { descendantsOf, type ExecutionState, frameOf, type PendingActivity, ROOT } from "./state.ts";

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
      return consuming(taskRequested(state, event), event);
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
    case "message.received":
      return messageReceived(state, event);
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

function taskRequested(state: ExecutionState, event: TaskRequested): ExecutionState {
  const { frame, attempt, activity } = event.data;
  return {
    ...withFrame(idle(state, frame), frame, {
      ...inOwnSection(frameOf(state, frame)),
      activity: event.sequence,
      requests: attempt,
    }),
    activities: { ...state.activities, [event.sequence]: pendingActivity(event) },
    ...(activity.child?.await === true ? { children: [...state.children, event.sequence] } : {}),
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

function taskSkipped(state: ExecutionState, { data }: TaskSkipped): ExecutionState {
  return childEnded(entered(state, data), data.parent, data.index, data.output, data.move);
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

function closed(state: ExecutionState, phase: "completed" | "failed" | "cancelled"): ExecutionState {
  return { ...state, phase, paused: false };
}
