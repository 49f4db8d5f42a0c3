import { describe, expect, test } from "vitest";
import type { DeadLetter, Description, ExecutionHead, OwedEntry } from "../../../src/ports/event-store.ts";
import type { Listening } from "../../../src/runtime/listening.ts";
import { type Surroundings, waitingFor } from "../../../src/runtime/waiting-for.ts";
import { EXECUTION_STATUSES, isClosed } from "../../../src/values/status.ts";
import { aGroup, aLetter, aStart } from "../../support/build.ts";

const NOW = 1_000_000;
const nothing: Surroundings = {
  requests: new Map(),
  functions: [],
  workers: new Map(),
  workflowWorkers: undefined,
  letters: new Map(),
  children: new Map(),
  listening: new Map(),
};

function described(head: Partial<ExecutionHead> = {}, more: Partial<Omit<Description, "head">> = {}): Description {
  const start = aStart(aGroup(), 1);
  const full: ExecutionHead = {
    executionId: start.executionId,
    tenant: start.tenant,
    workflowId: start.workflowId,
    definition: start.definition,
    labels: {},
    status: "RUNNING",
    version: 4,
    tip: "",
    settled: 4,
    heard: 0,
    startedAt: 0,
    endedAt: null,
    faults: 0,
    deaths: 0,
    notBefore: 0,
    parked: null,
    ...head,
  };
  return { head: full, first: start.event, last: { ...start.event, at: 900 }, owed: [], inbox: 0, now: NOW, ...more };
}

const entry = { since: 500, lookAt: NOW + 1, dispatch: 0, attempt: 0, deaths: 0, answered: false, parked: null };
const activity = (over: Partial<OwedEntry> = {}) =>
  ({ kind: "activity", name: 3, task: "/do/0/pay", ...entry, ...over }) as OwedEntry;
const timer = (over: Partial<OwedEntry> = {}) =>
  ({ kind: "timer", name: 4, task: "/do/0/nap", purpose: "wait", fireAt: NOW + 5_000, ...entry, ...over }) as OwedEntry;
const charging: Surroundings = { ...nothing, requests: new Map([[3, { kind: "code", function: "charge" }]]) };
const charge = { name: "charge", queue: null, lastSeenAt: 0, online: true };

test("given any open execution, when it is asked why it does not move, then there is a reason; an ended one has none", () => {
  for (const status of EXECUTION_STATUSES) {
    for (const settled of [3, 4]) {
      for (const inbox of [0, 2]) {
        for (const owed of [[], [timer({ purpose: "timeout" } as never)], [activity({ answered: true })]]) {
          const reasons = waitingFor(described({ status, settled }, { inbox, owed }), nothing);
          expect(reasons.length > 0).toBe(!isClosed(status));
        }
      }
    }
  }
});

test("given a timer owed, when asked, then it says until when; a timeout is no reason beside it", () => {
  const owed = [timer(), timer({ name: 5, purpose: "timeout" } as never)];
  expect(waitingFor(described({}, { owed }), nothing)).toEqual([
    { kind: "timer", task: "/do/0/nap", since: 500, until: NOW + 5_000, detail: "a wait" },
  ]);
});

describe("given a task that listens, when asked, then it says for what and how much it has heard, and a wake-up to come is another kind", () => {
  const subscription = { kind: "subscription", name: 5, task: "/do/0/hear", ...entry } as OwedEntry;
  test.each<[Listening | undefined, string]>([
    [undefined, "it listens for an event"],
    [{ strategy: "one", types: ["a"] }, "it listens for a"],
    [{ strategy: "any", types: ["a", "b"], heard: 2 }, "it listens for any of a, b; 2 heard"],
    [{ strategy: "all", types: ["a", "*"], heard: 0 }, "it listens for all of a, *; 0 heard"],
    [{ strategy: "any", types: ["*"], until: ["stop"], heard: 7 }, "it listens for *, until stop; 7 heard"],
  ])("%j", (listensFor, detail) => {
    const listening = new Map(listensFor === undefined ? [] : [[5, listensFor]]);
    expect(waitingFor(described({}, { owed: [subscription], inbox: 1 }), { ...nothing, listening })).toEqual([
      {
        kind: "listening",
        task: "/do/0/hear",
        since: 500,
        ...(listensFor === undefined ? {} : { listensFor }),
        detail,
      },
      { kind: "event", since: 900, detail: "1 new fact is waiting to be processed" },
    ]);
  });
});

test("given an activity in hand, when asked, then it says which attempt", () => {
  const owed = [activity({ attempt: 2 })];
  expect(waitingFor(described({}, { owed }), { ...charging, functions: [charge] })).toMatchObject([
    { kind: "activity", detail: 'attempt 2 of function "charge" from queue durabull-tasks is running' },
  ]);
});

test("given an activity whose lease ran out, when asked, then it says that it was tried without an answer", () => {
  const owed = [activity({ attempt: 1, lookAt: NOW - 1 })];
  expect(waitingFor(described({}, { owed }), { ...charging, functions: [charge] })).toMatchObject([
    { kind: "activity", detail: expect.stringContaining("after 1 attempt without an answer") },
  ]);
});

test.each([
  ["nobody ever announced it", { ...charging, functions: [] }, "no worker has ever announced"],
  [
    "its workers are offline",
    { ...charging, functions: [{ ...charge, online: false }] },
    "is online; the last was seen",
  ],
  ["nobody takes from its queue", { ...nothing, workers: new Map([["durabull-tasks", 0]]) }, "no worker takes jobs"],
])("given an activity, when %s, then a worker is what it waits for", (_, around, detail) => {
  expect(waitingFor(described({}, { owed: [activity()] }), around)).toMatchObject([
    { kind: "worker", task: "/do/0/pay", detail: expect.stringContaining(detail) },
  ]);
});

test("given a database that did not say which functions there are, when asked, then no worker is accused", () => {
  const around = { ...charging, functions: undefined };
  expect(waitingFor(described({}, { owed: [activity()] }), around)).toMatchObject([{ kind: "activity" }]);
});

test("given a paused execution with facts and a timer, when asked, then all three are said", () => {
  const kinds = waitingFor(described({ status: "PAUSED" }, { inbox: 1, owed: [timer()] }), nothing).map(
    ({ kind }) => kind,
  );
  expect(kinds).toEqual(["paused", "timer", "event"]);
});

test("given an engine fault, when asked before and after it was given up, then back-off and dead letter", () => {
  const failing = described({ faults: 2, notBefore: NOW + 400, settled: 3 });
  expect(waitingFor(failing, nothing)).toMatchObject([
    { kind: "back-off", until: NOW + 400, detail: expect.stringContaining("2 times") },
    { kind: "event" },
  ]);
  const parked = described({ parked: "letter-1", settled: 3 });
  const letter: DeadLetter = { ...aLetter(parked.head, { id: "letter-1" }), parkedAt: 700, redrivenAt: null };
  expect(waitingFor(parked, { ...nothing, letters: new Map([["letter-1", letter]]) })).toEqual([
    { kind: "dead-letter", since: 700, detail: "dead letter letter-1 stopped it: it broke; redrive it to go on" },
  ]);
});

test.each([
  [0, "worker"],
  [1, "event"],
  [undefined, "event"],
] as const)(
  "given what a wake-up would move, when %s workflow workers live, then it waits for: %s",
  (workers, kind) => {
    const started = described({ status: "PENDING", version: 1, settled: 0 });
    const told = described({ status: "WAITING" }, { inbox: 1 });
    for (const each of [started, told]) {
      expect(waitingFor(each, { ...nothing, workflowWorkers: workers })).toMatchObject([{ kind }]);
    }
  },
);

test("given a paused execution with facts, when no workflow worker lives, then it is not workers that it waits for", () => {
  const paused = waitingFor(described({ status: "PAUSED" }, { inbox: 1 }), { ...nothing, workflowWorkers: 0 });
  expect(paused.map(({ kind }) => kind)).toEqual(["paused", "event"]);
});
