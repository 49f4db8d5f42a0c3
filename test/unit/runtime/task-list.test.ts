import fc from "fast-check";
import { expect, test } from "vitest";
import type { HistoryEvent } from "../../../src/engine/events.ts";
import type { OwedEntry } from "../../../src/ports/event-store.ts";
import { TASKS_FROM_THE_BEGINNING, type TaskEntry, taskListFold } from "../../../src/runtime/task-list.ts";
import { problemOf } from "../../../src/values/problem.ts";
import type { EventDraft } from "../../support/build.ts";

const error = problemOf("runtime", "it broke");
const engine = { source: "workflow-engine" } as const;
const stay = { to: "leave" } as const;

function started(
  task: string,
  parent = 1,
  more: { readonly iteration?: number; readonly kind?: string } = {},
): EventDraft {
  const { kind = "set", ...rest } = more;
  const name = task.split("/").at(-1) ?? "";
  return {
    type: "task.started",
    ...engine,
    data: { task, key: task, name, kind, parent, index: 0, input: name, ...rest },
  };
}
const completed = (frame: number): EventDraft => ({
  type: "task.completed",
  ...engine,
  data: { task: "", frame, output: frame, move: stay },
});
const failed = (frame: number): EventDraft => ({ type: "task.failed", ...engine, data: { task: "", frame, error } });
const retried = (frame: number, attempt: number): EventDraft => ({
  type: "task.retried",
  ...engine,
  data: { task: "", frame, attempt, delayMs: 0, error },
});
const requested = (frame: number, attempt = 1): EventDraft => ({
  type: "task.requested",
  ...engine,
  data: { task: "", frame, activity: { kind: "http" }, idempotencyKey: "k", attempt },
});
const workflowFailed = (frame: number): EventDraft => ({ type: "workflow.failed", ...engine, data: { error, frame } });
const cancelled: EventDraft = { type: "execution.cancelled", ...engine, data: { terminated: false } };
const redriven: EventDraft = { type: "execution.retried", ...engine, data: {} };

/** Sequences count from 2, after `execution.started`; so does time, in seconds. */
function history(...drafts: readonly EventDraft[]): readonly HistoryEvent[] {
  return drafts.map((draft, index): HistoryEvent => ({ ...draft, sequence: index + 2, at: (index + 2) * 1_000 }));
}

function tasksOf(events: readonly HistoryEvent[], owed: readonly OwedEntry[] = []): readonly TaskEntry[] {
  const fold = taskListFold(TASKS_FROM_THE_BEGINNING, 1_000);
  for (const event of events) fold.add(event);
  return fold.page(owed).items;
}

const anEntry = (name: number, attempt: number): OwedEntry => ({
  kind: "activity",
  name,
  task: "",
  since: 0,
  lookAt: 0,
  dispatch: 0,
  attempt,
  deaths: 0,
  answered: false,
  parked: null,
});

test("given a task that completed, when the list is folded, then it has its input, output and times", () => {
  expect(tasksOf(history(started("/do/0/a"), completed(2)))).toEqual([
    {
      frame: 2,
      task: "/do/0/a",
      name: "a",
      type: "set",
      status: "COMPLETED",
      attempt: 1,
      input: "a",
      output: 2,
      startedAt: 2_000,
      endedAt: 3_000,
    },
  ]);
});

test("given an activity that waits, when a worker has claimed it, then it is RUNNING with the worker's attempt", () => {
  const events = history(started("/do/0/a"), requested(2));
  expect(tasksOf(events)).toMatchObject([{ status: "SCHEDULED", attempt: 1 }]);
  expect(tasksOf(events, [anEntry(3, 0)])).toMatchObject([{ status: "SCHEDULED" }]);
  expect(tasksOf(events, [anEntry(3, 2)])).toMatchObject([{ status: "RUNNING", attempt: 2 }]);
});

test("given a loop, when the list is folded, then all that runs in an iteration carries its number", () => {
  const loop = started("/do/0/loop", 1, { kind: "for" });
  const first = started("/do/0/loop/for/do/0/a", 2, { iteration: 0 });
  const group = started("/do/0/loop/for/do/1/b", 2, { kind: "do" });
  const inner = started("/do/0/loop/for/do/1/b/do/0/c", 5);
  const second = started("/do/0/loop/for/do/0/a", 2, { iteration: 1 });
  const after = started("/do/1/z");
  const events = history(
    loop,
    first,
    completed(3),
    group,
    inner,
    completed(6),
    completed(5),
    second,
    completed(9),
    completed(2),
    after,
  );
  expect(tasksOf(events).map(({ name, iteration }) => [name, iteration])).toEqual([
    ["loop", undefined],
    ["a", 0],
    ["b", 0],
    ["c", 0],
    ["a", 1],
    ["z", undefined],
  ]);
});

test("given a try that starts over, when the list is folded, then its tasks carry the attempt", () => {
  const tried = started("/do/0/t", 1, { kind: "try" });
  const call = () => started("/do/0/t/try/0/c", 2);
  const events = history(tried, call(), failed(3), retried(2, 2), call(), completed(6), completed(2));
  expect(tasksOf(events).map(({ name, attempt, status }) => [name, attempt, status])).toEqual([
    ["t", 2, "COMPLETED"],
    ["c", 1, "FAILED"],
    ["c", 2, "COMPLETED"],
  ]);
});

test("given an execution that failed, when it is redriven, then its open tasks go on and complete", () => {
  const events = history(
    started("/do/0/g", 1, { kind: "do" }),
    started("/do/0/g/do/0/c", 2),
    requested(3),
    workflowFailed(3),
  );
  expect(tasksOf(events)).toMatchObject([{ status: "FAILED" }, { status: "FAILED", error: { detail: "it broke" } }]);
  const again = [...events, ...history(redriven, requested(3, 2), completed(3), completed(2))].map((event, index) => ({
    ...event,
    sequence: index + 2,
  }));
  const [group, call] = tasksOf(again);
  expect(group).toMatchObject({ status: "COMPLETED" });
  expect(call).toMatchObject({ status: "COMPLETED", attempt: 2 });
  expect(call).not.toHaveProperty("error");
});

test("given a cancelled execution, when the list is folded, then what was open is CANCELLED and what had ended stays", () => {
  const events = history(started("/do/0/a"), completed(2), started("/do/1/b"), cancelled);
  expect(tasksOf(events).map(({ status }) => status)).toEqual(["COMPLETED", "CANCELLED"]);
});

test("given any page size, when the list is read page by page, then it is the whole list", () => {
  const loop = Array.from({ length: 12 }, (_, n) => [
    started("/do/0/loop/for/do/0/a", 2, { iteration: n }),
    completed(3 + 4 * n),
    started("/do/0/loop/for/do/1/b", 2),
    completed(5 + 4 * n),
  ]).flat();
  const events = history(started("/do/0/loop", 1, { kind: "for" }), ...loop, completed(2), started("/do/1/end"));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), (limit) => {
      const pages: TaskEntry[] = [];
      for (let start = TASKS_FROM_THE_BEGINNING; ; ) {
        const fold = taskListFold(JSON.parse(JSON.stringify(start)), limit);
        for (const event of events.slice(start.after === 0 ? 0 : start.after - 1)) {
          fold.add(event);
          if (fold.isComplete()) break;
        }
        const { items, next } = fold.page([]);
        pages.push(...items);
        if (next === undefined) break;
        start = next;
      }
      expect(pages).toEqual(tasksOf(events));
    }),
  );
});
