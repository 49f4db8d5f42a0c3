import type { ActivityContext, Log } from "../../src/ports/executor.ts";

const silent = () => {};
export const NO_LOG: Log = { debug: silent, info: silent, warn: silent, error: silent };

/** The context of an activity; tests name only what they are about. */
export function activityContext(given: Partial<ActivityContext> = {}): ActivityContext {
  return {
    tenant: "default",
    workflowId: "order-1",
    executionId: "x0-00000000000000000000000000",
    task: "/do/0/call",
    attempt: 1,
    idempotencyKey: "key-1",
    signal: new AbortController().signal,
    log: NO_LOG,
    whenOver: () => {},
    resource: async () => {
      throw new Error("this test has no resources");
    },
    ...given,
  };
}
