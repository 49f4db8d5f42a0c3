import type { HistoryEvent, TaskRequested, TaskRetried, WorkflowFailed } from "../engine/events.ts";
import type { OwedEntry } from "../ports/event-store.ts";
import type { Json } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import type { TaskStatus } from "../values/status.ts";
import type { TaskReference } from "../values/task-reference.ts";

/** One run of one task, as the timeline shows it. Times are epoch milliseconds. */
export interface TaskEntry {
  /** Sequence of the event that began it: its name within the execution. */
  readonly frame: number;
  readonly task: TaskReference;
  readonly name: string;
  readonly type: string;
  readonly status: TaskStatus;
  /** From 1. */
  readonly attempt: number;
  /** Of the nearest `for` around it, from 0. */
  readonly iteration?: number;
  readonly input?: Json;
  readonly output?: Json;
  readonly error?: Problem;
  readonly startedAt: number;
  readonly endedAt?: number;
}

/**
 * Where a page of the list begins. With the iterations of the loops and the attempts of the tries that are open there, by frame, so
 * that a page needs no event before it.
 */
export interface TaskListStart {
  readonly after: number;
  readonly iterations: Readonly<Record<string, number>>;
  readonly attempts: Readonly<Record<string, number>>;
}

export const TASKS_FROM_THE_BEGINNING: TaskListStart = { after: 0, iterations: {}, attempts: {} };

export interface TaskListPage {
  readonly items: readonly TaskEntry[];
  readonly next?: TaskListStart;
}

/** Folds a history, piece by piece, into one page of runs of tasks, in the order they began. */
export interface TaskListFold {
  add(event: HistoryEvent): void;
  /** True once nothing later can change this page. */
  isComplete(): boolean;
  /** `owed` tells an activity in hand (RUNNING, with the worker's attempt) from one that waits (SCHEDULED). */
  page(owed: readonly OwedEntry[]): TaskListPage;
}

type Draft = { -readonly [Key in keyof TaskEntry]: TaskEntry[Key] } & { asked?: number; endedByClose?: true };

export function taskListFold(start: TaskListStart, limit: number): TaskListFold {
  const drafts = new Map<number, Draft>();
  const iterations = byFrame(start.iterations);
  const attempts = byFrame(start.attempts);
  let next: TaskListStart | undefined;

  function begin(event: HistoryEvent & { readonly type: "task.started" | "task.skipped" }): void {
    const { task, name, kind, parent } = event.data;
    if (drafts.size >= limit && next === undefined) {
      next = {
        after: event.sequence - 1,
        iterations: Object.fromEntries(iterations),
        attempts: Object.fromEntries(attempts),
      };
    }
    const iteration = event.data.iteration ?? iterations.get(parent);
    if (iteration !== undefined) {
      // Later siblings, and what runs below, belong to the same iteration.
      iterations.set(parent, iteration);
      if (event.type === "task.started") iterations.set(event.sequence, iteration);
    }
    if (next !== undefined) return;
    const base = { frame: event.sequence, task, name, type: kind, startedAt: event.at };
    const loop = iteration === undefined ? {} : { iteration };
    drafts.set(
      event.sequence,
      event.type === "task.started"
        ? { ...base, ...loop, status: "RUNNING", attempt: attempts.get(parent) ?? 1, input: event.data.input }
        : {
            ...base,
            ...loop,
            status: "SKIPPED",
            attempt: 1,
            input: event.data.output,
            output: event.data.output,
            endedAt: event.at,
          },
    );
  }

  function end(frame: number, at: number, change: Partial<Draft>): void {
    iterations.delete(frame);
    attempts.delete(frame);
    const draft = drafts.get(frame);
    if (!draft) return;
    delete draft.asked;
    delete draft.endedByClose;
    Object.assign(draft, change, { endedAt: at });
  }

  /** An execution that ends does not unwind its open tasks one by one. */
  function close(status: "COMPLETED" | "FAILED" | "CANCELLED", at: number): void {
    for (const draft of drafts.values()) {
      if (draft.endedAt !== undefined) continue;
      draft.status = status;
      draft.endedAt = at;
      draft.endedByClose = true;
    }
  }

  function fail(event: WorkflowFailed): void {
    const cause = drafts.get(event.data.frame);
    if (cause && cause.endedAt === undefined) cause.error = event.data.error;
    close("FAILED", event.at);
  }

  function reopen(draft: Draft): void {
    delete draft.endedAt;
    delete draft.error;
    delete draft.endedByClose;
    draft.status = "RUNNING";
  }

  function ask(event: TaskRequested): void {
    const draft = drafts.get(event.data.frame);
    if (!draft) return;
    reopen(draft);
    draft.asked = event.sequence;
    draft.status = "SCHEDULED";
    draft.attempt = Math.max(draft.attempt, event.data.attempt);
  }

  /** What it needed from outside is there. */
  function prepare(frame: number): void {
    const draft = drafts.get(frame);
    if (!draft) return;
    delete draft.asked;
    draft.status = "RUNNING";
  }

  /** It works on what its activity has given, whether that goes on or not. */
  function consume(frame: number): void {
    const draft = drafts.get(frame);
    if (draft) draft.status = "RUNNING";
  }

  function startOver(event: TaskRetried): void {
    attempts.set(event.data.frame, event.data.attempt);
    const draft = drafts.get(event.data.frame);
    if (draft) draft.attempt = event.data.attempt;
  }

  function reopenAll(): void {
    for (const draft of drafts.values()) if (draft.endedByClose) reopen(draft);
  }

  function add(event: HistoryEvent): void {
    if (event.type === "task.started" || event.type === "task.skipped") begin(event);
    else if (event.type === "task.requested") ask(event);
    else if (event.type === "task.prepared") prepare(event.data.frame);
    else if (event.type === "message.received") consume(event.data.frame);
    else if (event.type === "task.retried") startOver(event);
    else if (event.type === "task.completed") {
      end(event.data.frame, event.at, { status: "COMPLETED", output: event.data.output });
    } else if (event.type === "task.failed") {
      end(event.data.frame, event.at, { status: "FAILED", error: event.data.error });
    } else if (event.type === "task.cancelled") end(event.data.frame, event.at, { status: "CANCELLED" });
    else if (event.type === "workflow.completed") close("COMPLETED", event.at);
    else if (event.type === "workflow.failed") fail(event);
    else if (event.type === "execution.cancelled") close("CANCELLED", event.at);
    else if (event.type === "execution.retried") reopenAll();
  }

  return {
    add,
    isComplete: () =>
      next !== undefined &&
      [...drafts.values()].every((draft) => draft.status !== "FAILED" && draft.endedAt !== undefined),
    page(owed) {
      const inHand = new Map(owed.map((entry) => [entry.name, entry.attempt]));
      const items = [...drafts.values()].map(({ asked, endedByClose: _closed, ...entry }): TaskEntry => {
        const claims = asked === undefined ? 0 : (inHand.get(asked) ?? 0);
        return claims === 0 || entry.status !== "SCHEDULED"
          ? entry
          : { ...entry, status: "RUNNING", attempt: Math.max(entry.attempt, claims) };
      });
      return next === undefined ? { items } : { items, next };
    },
  };
}

function byFrame(record: Readonly<Record<string, number>>): Map<number, number> {
  return new Map(Object.entries(record).map(([frame, value]) => [Number(frame), value]));
}
