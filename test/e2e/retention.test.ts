import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { documentOf, eventually } from "../support/api.ts";
import { type ServiceOnStore, serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

onEachStore((store) => {
  const urls: string[] = [];
  const remembering = {
    ...store,
    async fresh() {
      const env = await store.fresh();
      if (env.REDIS_URL !== undefined) urls.push(env.REDIS_URL);
      return env;
    },
  };
  const on: ServiceOnStore = serviceOnStore(remembering, { RETENTION_CLOSED: "1s", RETENTION_DEAD_LETTERS: "off" });
  const statusOf = async (path: string) => (await on.api.ask("GET", `/api/v1${path}`)).status;
  const gone = (executionId: string) =>
    eventually(
      () => statusOf(`/executions/${executionId}`),
      (status) => status === 404,
    );
  const listed = async () =>
    (await on.api.ask<{ items: readonly { executionId: string }[] }>("GET", "/api/v1/executions")).body.items.map(
      ({ executionId }) => executionId,
    );

  describe(`given a service that keeps what has ended for a second`, () => {
    test("when an execution has ended, then it goes, with its history and its places in the lists, and an open one stays", async () => {
      const open = await on.api.start(documentOf("- pause: {wait: {minutes: 5}}"));
      const done = await on.api.start(documentOf("- put: {set: {a: 1}}"), { workflowId: "done" });
      expect(await on.api.ended(done.executionId)).toMatchObject({ status: "COMPLETED" });

      await gone(done.executionId);

      expect(await statusOf(`/executions/${done.executionId}/history`)).toBe(404);
      expect(await statusOf("/workflows/done/history")).toBe(404);
      await eventually(listed, (ids) => !ids.includes(done.executionId));
      expect(await listed()).toContain(open.executionId);
      const again = await on.api.start(documentOf("- put: {set: {a: 2}}"), { workflowId: "done", reuse: "never" });
      expect(again).toMatchObject({ workflowId: "done" });
      await gone((await on.api.ended(again.executionId)).executionId);
      for (const url of urls) expect(await keysWith(url, done.executionId)).toEqual([]);
      await on.api.act(open.executionId, "terminate");
    });

    test("when an execution failed, then it stays with its dead letter, and goes once that is discarded", async () => {
      const failing = documentOf("- stop: {raise: {error: {type: https://example.com/no, status: 400, title: No}}}");
      const failed = await on.api.start(failing);
      expect(await on.api.ended(failed.executionId)).toMatchObject({ status: "FAILED" });
      const other = await on.api.start(documentOf("- put: {set: {a: 1}}"));
      await gone((await on.api.ended(other.executionId)).executionId);
      const letter = await eventually(
        () => on.api.letterOf(failed.executionId),
        (found) => found !== undefined,
      );
      expect(await statusOf(`/executions/${failed.executionId}`)).toBe(200);
      expect((await on.api.ask("DELETE", `/api/v1/dead-letters/${letter?.id}`)).status).toBe(204);
      await gone(failed.executionId);
    });
  });
});

async function keysWith(url: string, text: string): Promise<readonly string[]> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys("*");
    return keys.filter((key) => key.includes(text));
  } finally {
    redis.disconnect();
  }
}
