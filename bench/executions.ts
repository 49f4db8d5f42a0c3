import type { Database } from "../src/ports/database.ts";
import type { EventStore } from "../src/ports/event-store.ts";
import { summaryOf } from "../src/runtime/tell.ts";
import { aCommit, aStart, type EventDraft, taskStarted, workflowCompleted } from "../test/support/build.ts";

export const PARTITIONS = 16;
export const STORE_OPTIONS = { lookGraceMs: 3_000, maxInbox: 10_000 };
const AT_ONCE = 100;

export interface Stores {
  readonly events: EventStore;
  readonly database: Database;
}

/** One step, then its end: four events in all. */
const STEPS: readonly EventDraft[] = [
  taskStarted({ order: 1_001, customer: "Ada" }),
  {
    type: "task.completed",
    source: "workflow-engine",
    data: { task: "/do/0/step", frame: 2, output: { total: 12 }, move: { to: "leave" } },
  },
  workflowCompleted({ total: 12 }),
];

/** A small execution over the stores' ports alone: started, run to its end, listed and settled. */
export async function runOne({ events, database }: Stores, workflowId: string): Promise<void> {
  const { head } = await events.start(aStart({ tenant: "bench", workflowId }, PARTITIONS));
  await database.project(summaryOf(head));
  const committed = await events.commit(head.executionId, aCommit(head, { events: STEPS, status: "COMPLETED" }));
  if (committed.result !== "committed") throw new Error("the commit was refused");
  await database.project(summaryOf(committed.head));
  await events.settle(head.executionId, committed.head.version);
}

/** @returns seconds. */
export async function runAll(stores: Stores, size: number): Promise<number> {
  const begun = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < size) await runOne(stores, `order-${next++}`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (performance.now() - begun) / 1_000;
}
