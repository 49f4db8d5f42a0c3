import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { ExecutionHead } from "../../src/ports/event-store.ts";
import type { Ports } from "../../src/runtime/ports.ts";
import { createWakeProcessor } from "../../src/runtime/process-wake.ts";
import { StateCache } from "../../src/runtime/state-cache.ts";
import { terminateExecution } from "../../src/runtime/terminate-execution.ts";
import type { FailpointName } from "../../src/values/failpoints.ts";
import { ownProperty } from "../../src/values/json.ts";
import { openRuntime, type Runtime } from "./support/runtime.ts";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime();
});
afterAll(() => runtime.close());

const FIRST = { redelivered: false, signal: new AbortController().signal };
const wakes = (ports: Ports) => createWakeProcessor(ports, new StateCache(10));

describe("given lifecycle events, when a process dies right after it committed what they are of, then the next one tells all of them", () => {
  const told = async (ports: Ports, { executionId }: ExecutionHead) => {
    const { events } = await ports.database.publishedEvents("default", "lifecycle", 0, 1_000);
    return events.flatMap(({ event }) =>
      event.executionid === executionId
        ? [
            `${String(event.type).replace(/^io\.serverlessworkflow\.|\.v1$/g, "")} ${String(ownProperty(event.data, "task") ?? "")}`.trim(),
          ]
        : [],
    );
  };
  const telling = (): Ports => ({ ...runtime.ports, settings: { ...runtime.ports.settings, lifecycle: "all" } });
  /** Dies at each pass of a failpoint, as a process does: nothing after it happens. */
  const dyingAt = (point: FailpointName): Ports => ({
    ...telling(),
    failpoints: {
      async hit(name) {
        if (name === point) throw new StoreUnavailableError("this process, which died,");
      },
    },
  });
  const message = (type: "cancel" | "pause" | "resume") =>
    ({ kind: "message", id: type, source: "api-service", message: { type } }) as const;

  test.each<FailpointName>(["after-commit", "after-dispatch", "before-settle"])("a cancellation: %s", async (point) => {
    const head = await runtime.start("chain", `cancelled-${point}`);
    await wakes(telling()).processWake(head, FIRST);
    const before = await told(telling(), head);
    await runtime.store.events.append(head.executionId, message("cancel"));
    await expect(wakes(dyingAt(point)).processWake(head, FIRST)).rejects.toThrow("died");
    await wakes(telling()).processWake(head, FIRST);
    const after = (await told(telling(), head)).slice(before.length);
    // Told twice where it died after telling; under the same ids.
    expect([...new Set(after)]).toEqual(["task.cancelled /do/0/first", "workflow.cancelled"]);
    expect(await runtime.store.events.due(head)).toEqual([]);
  });

  test("a pause and all that follows it", async () => {
    const head = await runtime.start("chain", "paused");
    await wakes(telling()).processWake(head, FIRST);
    const before = await told(telling(), head);
    for (const type of ["pause", "resume", "cancel"] as const)
      await runtime.store.events.append(head.executionId, message(type));
    await expect(wakes(dyingAt("after-commit")).processWake(head, FIRST)).rejects.toThrow("died");
    await wakes(telling()).processWake(head, FIRST);
    expect((await told(telling(), head)).slice(before.length)).toEqual([
      "workflow.suspended",
      "task.suspended /do/0/first",
      "workflow.resumed",
      "task.resumed /do/0/first",
      "task.cancelled /do/0/first",
      "workflow.cancelled",
    ]);
  });

  test("a start that was not told either", async () => {
    const head = await runtime.start("chain", "told-late");
    await expect(wakes(dyingAt("after-commit")).processWake(head, FIRST)).rejects.toThrow("died");
    await runtime.store.events.append(head.executionId, message("cancel"));
    await expect(wakes(dyingAt("after-commit")).processWake(head, FIRST)).rejects.toThrow("died");
    await wakes(telling()).processWake(head, FIRST);
    expect(await told(telling(), head)).toEqual([
      "workflow.started",
      "task.created /do/0/first",
      "task.started /do/0/first",
      "task.cancelled /do/0/first",
      "workflow.cancelled",
    ]);
  });

  test("a termination, of which nobody but the next wake-up can tell", async () => {
    const head = await runtime.start("chain", "terminated");
    await wakes(telling()).processWake(head, FIRST);
    const before = await told(telling(), head);
    await terminateExecution(runtime.store.events, head.executionId, undefined);
    await wakes(telling()).processWake(head, FIRST);
    expect((await told(telling(), head)).slice(before.length)).toEqual([
      "task.cancelled /do/0/first",
      "workflow.cancelled",
    ]);
  });

  test("an end after which telling failed for another reason than the store", async () => {
    const head = await runtime.start("chain", "failed-to-tell");
    await wakes(telling()).processWake(head, FIRST);
    const before = await told(telling(), head);
    await runtime.store.events.append(head.executionId, message("cancel"));
    let failures = 0;
    const publisher: Ports["publisher"] = {
      async publish(...given) {
        if (failures++ < 2) throw new Error("an error that nobody expected");
        await runtime.ports.publisher.publish(...given);
      },
    };
    await wakes({ ...telling(), publisher }).processWake(head, FIRST);
    expect([...new Set((await told(telling(), head)).slice(before.length))]).toEqual([
      "task.cancelled /do/0/first",
      "workflow.cancelled",
    ]);
    expect(await runtime.store.events.due(head)).toEqual([]);
  });
});
