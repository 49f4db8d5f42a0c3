import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { keysOf } from "../../src/adapters/redis/keys.ts";
import { partitionOfExecution } from "../../src/values/ids.ts";
import { documentOf } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const LARGE = 600_000;

onEachStore((store) => {
  let redisUrl: string | undefined;
  const on = serviceOnStore({
    ...store,
    async fresh() {
      const env = await store.fresh();
      redisUrl = env.REDIS_URL;
      return env;
    },
  });

  test("given payloads of 600 kB, when they go through an execution, then they come whole, and the history names the same one once", async () => {
    const body = { text: "größe".repeat(LARGE / 5), list: [] };
    on.outside.answer("/large", () => ({ status: 200, body }));
    const { executionId } = await on.api.start(
      documentOf(`
        - ask: {call: http, with: {method: get, endpoint: "${on.outside.url}/large"}}
        - nap: {wait: {milliseconds: 50}}
        - keep: {set: "\${ . }", export: {as: "\${ . }"}}
        - back: {set: "\${ $context }"}`),
      { input: { text: "x".repeat(LARGE) } },
    );
    const ended = await on.api.ended(executionId);
    expect(ended.status).toBe("COMPLETED");
    expect(ended.output).toEqual(body);
    const events = await on.api.history(executionId);
    expect(JSON.stringify(events[0]?.data)).toContain("x".repeat(LARGE));
    expect(events.filter(({ data }) => JSON.stringify(data).length > LARGE).length).toBeGreaterThan(5);
    if (redisUrl !== undefined) await expectSmallLog(redisUrl, executionId);
  });

  async function expectSmallLog(url: string, executionId: string): Promise<void> {
    const redis = new Redis(url);
    try {
      const keys = keysOf("durabull");
      const partition = partitionOfExecution(executionId);
      const entries = await redis.xrange(keys.log(partition, executionId), "-", "+");
      expect(Math.max(...entries.map(([, fields]) => fields.join("").length))).toBeLessThan(2_000);
      // The input and what the service answered, however often they stand in the history.
      expect(await redis.hlen(keys.blobs(partition, executionId))).toBe(2);
      expect(await redis.ttl(keys.blobs(partition, executionId))).toBe(-1);
    } finally {
      redis.disconnect();
    }
  }
});
