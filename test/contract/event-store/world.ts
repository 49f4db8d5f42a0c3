import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect } from "vitest";
import type { HistoryEvent } from "../../../src/engine/events.ts";
import type { NewFact } from "../../../src/engine/facts.ts";
import type {
  Attention,
  EventStore,
  EventStoreOptions,
  ExecutionHead,
  OwedEntry,
} from "../../../src/ports/event-store.ts";
import { type ExecutionId, type Group, partitionOfExecution } from "../../../src/values/ids.ts";
import { NO_TIP, nextTip } from "../../../src/values/tip.ts";
import {
  aCommit,
  aGroup,
  anActivity,
  aStart,
  type CommitOptions,
  type EventDraft,
  type StartOptions,
  taskRequested,
  workflowCompleted,
  workflowFailed,
} from "../../support/build.ts";

export type Open = () => Promise<EventStore>;

/** With these options every store under test is opened; `partitions` is left to the suite. */
export const CONTRACT_OPTIONS: EventStoreOptions = { lookGraceMs: 300, maxInbox: 5 };

/** A `lookAt` that no test lives to see, in milliseconds from now. */
export const FAR = 3_600_000;

/** A store under test, with the sentences most tests are made of. */
export interface World {
  readonly store: EventStore;
  readonly partitions: number;
  /** Opens an execution and gives its head; of a new group unless told. */
  start(options?: StartOptions & { readonly group?: Group }): Promise<ExecutionHead>;
  commit(head: ExecutionHead, options?: CommitOptions): Promise<ExecutionHead>;
  /** Commits the events and settles. */
  rest(head: ExecutionHead, options?: CommitOptions): Promise<ExecutionHead>;
  complete(head: ExecutionHead): Promise<ExecutionHead>;
  fail(head: ExecutionHead): Promise<ExecutionHead>;
  /** One activity is owed, settled, and not to be looked at. `name` is its name. */
  withActivity(options?: { readonly settled?: boolean }): Promise<{ head: ExecutionHead; name: number }>;
  append(head: ExecutionHead, ...facts: readonly NewFact[]): Promise<void>;
  head(of: { readonly executionId: ExecutionId }): Promise<ExecutionHead>;
  events(of: { readonly executionId: ExecutionId }): Promise<readonly HistoryEvent[]>;
  owed(of: { readonly executionId: ExecutionId }): Promise<readonly OwedEntry[]>;
  isDue(of: ExecutionHead): Promise<boolean>;
  /** What attention says of it now. */
  attention(of: ExecutionHead): Promise<Attention | undefined>;
  /** Waits until attention lists it. */
  attended(of: ExecutionHead): Promise<Attention>;
}

/** Registers the opening and closing of a store for each test of the room. */
export function eachWorld(open: Open): () => World {
  let world: World | undefined;
  beforeEach(async () => {
    world = await worldOf(await open());
  });
  afterEach(async () => {
    await world?.store.close();
    world = undefined;
  });
  return () => {
    if (world === undefined) throw new Error("the store is open inside tests only");
    return world;
  };
}

async function worldOf(store: EventStore): Promise<World> {
  const partitions = await store.partitions(4);
  const world: World = {
    store,
    partitions,
    async start({ group = aGroup(), ...options } = {}) {
      const started = await store.start(aStart(group, partitions, options));
      expect(started).toMatchObject({ result: "created" });
      return started.head;
    },
    async commit(head, options) {
      const committed = await store.commit(head.executionId, aCommit(head, options));
      if (committed.result !== "committed") throw new Error(`the commit was refused: ${committed.result}`);
      return committed.head;
    },
    async rest(head, options) {
      const { executionId, version } = await world.commit(head, options);
      expect(await store.settle(executionId, version)).toBe(true);
      return world.head({ executionId });
    },
    complete: (head) => world.rest(head, { events: [workflowCompleted()], status: "COMPLETED" }),
    fail: (head) => world.rest(head, { events: [workflowFailed()], status: "FAILED" }),
    async withActivity({ settled = true } = {}) {
      const started = await world.start();
      const name = started.version + 1;
      const lookAt = (await store.now()) + FAR;
      const options = { events: [taskRequested()], add: [{ work: anActivity(name), lookAt }] };
      const head = await (settled ? world.rest(started, options) : world.commit(started, options));
      return { head, name };
    },
    async append({ executionId }, ...facts) {
      for (const fact of facts) expect(await store.append(executionId, fact)).toBe("accepted");
    },
    async head({ executionId }) {
      const [head] = await store.heads([executionId]);
      return present(head);
    },
    async events({ executionId }) {
      return present(await store.read(executionId, { after: 0, inboxLimit: 0, snapshot: false })).events;
    },
    async owed({ executionId }) {
      return present(await store.describe(executionId)).owed;
    },
    async isDue({ executionId, tenant, workflowId }) {
      return (await store.due({ tenant, workflowId })).includes(executionId);
    },
    async attention({ executionId }) {
      const all = await store.attention(partitionOfExecution(executionId), 1_000);
      return all.find((found) => found.executionId === executionId);
    },
    attended: (of) => until(() => world.attention(of)),
  };
  return world;
}

export function present<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error("expected to find something there");
  return value;
}

/** Asks again until the answer is neither undefined nor false. */
export async function until<Value>(ask: () => Promise<Value | undefined | false>): Promise<Value> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
  }
  throw new Error("it did not come true in 20 s");
}

/** Waits until the store's clock has passed a moment. */
export async function past(store: EventStore, moment: number): Promise<void> {
  await until(async () => (await store.now()) > moment);
}

export function tipOf(events: readonly HistoryEvent[]): string {
  return events.reduce(nextTip, NO_TIP);
}

/** The events as they were told, without their places. */
export function draftsOf(events: readonly HistoryEvent[]): readonly EventDraft[] {
  return events.map(({ sequence: _sequence, at: _at, ...draft }): EventDraft => draft);
}
