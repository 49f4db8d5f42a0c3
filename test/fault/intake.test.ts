import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TaskRequested } from "../../src/engine/events.ts";
import type { Claim, ExecutionHead } from "../../src/ports/event-store.ts";
import { createHeadWatcher, type HeadWatcher } from "../../src/runtime/head-watcher.ts";
import { type OpenIntake, openIntake } from "../../src/runtime/intake.ts";
import type { Json } from "../../src/values/json.ts";
import { NO_LOG } from "../support/activity.ts";
import { aCommit, aGroup, anActivity, aStart, type CommitOptions, type EventDraft } from "../support/build.ts";
import { type FaultStore, openFaultStore, type StoreKind } from "./support/store.ts";

const FAR = 3_600_000;
const of = { task: "/do/0/call", frame: 2 };
const REQUEST: EventDraft = {
  type: "task.requested",
  source: "workflow-engine",
  data: {
    ...of,
    activity: { kind: "asyncapi", with: {} },
    idempotencyKey: "key-1",
    attempt: 1,
    consumes: { each: { item: "item", at: "index" }, received: 0 },
  },
};
const received = (place: number, value: Json): EventDraft => ({
  type: "message.received",
  source: "executor-service",
  data: { ...of, asked: 2, place, value },
});
const processed = (iteration: number, last?: true): EventDraft => ({
  type: "event.processed",
  source: "workflow-engine",
  data: { ...of, iteration, output: null, ...(last === undefined ? {} : { last }) },
});

describe.each<StoreKind>(["redis", "postgres"])("given an activity that gives messages, on %s", (kind) => {
  let store: FaultStore;
  let watcher: HeadWatcher;
  beforeAll(async () => {
    store = await openFaultStore(kind);
    watcher = createHeadWatcher(store.events);
  });
  afterAll(async () => {
    watcher.close();
    await store.close();
  });

  /** An execution of which the activity of event 2 is owed. */
  async function asked(): Promise<ExecutionHead> {
    const partitions = await store.events.partitions(2);
    const started = await store.events.start(aStart(aGroup(), partitions));
    if (started.result !== "created") throw new Error("it was not started");
    return commit(started.head, {
      events: [REQUEST],
      add: [{ work: anActivity(2), lookAt: (await store.events.now()) + FAR }],
    });
  }
  async function commit(head: ExecutionHead, options: CommitOptions): Promise<ExecutionHead> {
    const committed = await store.events.commit(head.executionId, aCommit(head, options));
    if (committed.result !== "committed") throw new Error("the commit was refused");
    return committed.head;
  }
  /** As a worker that dies begins: nobody gives the claim back. */
  async function run({ executionId }: ExecutionHead): Promise<{ claim: Claim; intake: OpenIntake }> {
    const claim = await store.events.claim(executionId, 2, FAR);
    if (claim === null) throw new Error("the activity is not owed");
    const ports = {
      events: store.events,
      queues: store.queues,
      log: NO_LOG,
      watcher: () => watcher,
      payloadBytes: 100,
    };
    const guard = (output: Json) => ({ ok: true, output }) as const;
    const { signal } = new AbortController();
    return { claim, intake: await openIntake(ports, claim, claim.event as TaskRequested, guard, 0, signal) };
  }
  test("when a run dies, then the next one counts on after what history and inbox hold, and knows the last", async () => {
    const head = await asked();
    const first = await run(head);
    expect(first.intake.before).toEqual({ count: 0, last: undefined });
    for (const message of ["a", "b"]) expect(await first.intake.keep(message)).toBeUndefined();
    expect((await run(head)).intake.before).toEqual({ count: 2, last: "b" });

    const after = await commit(head, { taken: 1, events: [received(0, "a"), processed(0)] });
    const third = await run(after);
    expect(third.intake.before).toEqual({ count: 2, last: "b" });
    await third.intake.keep("c");
    const whole = await commit(after, { taken: 2, events: [received(1, "b"), received(2, "c")] });
    expect((await run(whole)).intake.before).toEqual({ count: 3, last: "c" });
  });

  test("when a run gave a message before it died, then that death does not count; one that gave none counts", async () => {
    const head = await asked();
    const { intake } = await run(head);
    for (const message of ["a", "b", "c"]) await intake.keep(message);
    const second = await run(head);
    expect(second.claim.deaths).toBe(0);
    expect((await run(head)).claim.deaths).toBe(1);
  });

  test("when all that was kept is worked on, then it is known whether more is wanted, and not before", async () => {
    const head = await asked();
    const { intake } = await run(head);
    await intake.keep("a");
    let said: boolean | undefined;
    const goesOn = intake.goesOn().then((wanted) => {
      said = wanted;
    });
    const taken = await commit(head, { taken: 1, events: [received(0, "a")] });
    expect(said).toBeUndefined();
    const worked = await commit(taken, { events: [processed(0)] });
    await goesOn;
    expect([said, intake.isOver]).toEqual([true, false]);
    await intake.keep("b");
    await commit(worked, { taken: 1, events: [received(1, "b"), processed(1, true)] });
    expect([await intake.goesOn(), intake.isOver]).toEqual([false, true]);
  });

  test("when a message is too large, then it is not kept, and that is why", async () => {
    const { intake } = await run(await asked());
    expect(await intake.keep("x".repeat(200))).toMatchObject({ status: 400, detail: expect.stringMatching(/200|202/) });
  });
});
