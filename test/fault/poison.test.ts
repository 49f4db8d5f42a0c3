import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startRedis } from "../support/servers.ts";
import { startService } from "../support/service-process.ts";
import { send } from "./support/load.ts";
import { until } from "./support/until.ts";

const FUNCTIONS = fileURLToPath(new URL("support/dangerous-functions.ts", import.meta.url));
const NEIGHBOURS = 6;

test("given an activity that kills its process, when others are in hand beside it, then it alone becomes a dead letter", async () => {
  const server = await startRedis();
  const env = { REDIS_URL: server.url, WORKFLOW_MAX_RETRIES: "3" };
  const api = await startService({ entry: ["src/main.ts", "api"], env });
  const workflows = await startService({ entry: ["workers/workflow.ts"], env });
  const start = async (call: string) => {
    const document = {
      document: { dsl: "1.0.3", namespace: "faults", name: call, version: "1.0.0" },
      do: [{ it: { call } }],
    };
    const url = `${api.url}/api/v1/executions?allowUnknown=true`;
    const { status, body } = await send(url, "POST", { document });
    expect(status).toBe(201);
    return String(body.executionId);
  };
  const statusOf = async (id: string) => (await send(`${api.url}/api/v1/executions/${id}`, "GET")).body.status;
  const letters = async () =>
    (await send(`${api.url}/api/v1/dead-letters`, "GET")).body.items as readonly { readonly executionId: string }[];

  let worker = startService({ entry: ["workers/task.ts"], env: { ...env, FUNCTIONS } });
  await worker;
  const [deadly, ...neighbours] = await Promise.all(
    ["deadly", ...Array.from({ length: NEIGHBOURS }, () => "harmless")].map(start),
  );
  let over = false;
  const deaths = (async () => {
    for (let count = 0; ; count++) {
      // It may die before it says that it has started.
      await worker.then(({ exited }) => exited).catch(() => undefined);
      if (over) return count;
      worker = startService({ entry: ["workers/task.ts"], env: { ...env, FUNCTIONS } });
    }
  })();
  for (const id of neighbours) {
    await until("a neighbour ends", async () => (await statusOf(id)) === "COMPLETED", 120_000);
  }
  await until("the deadly one is a dead letter", async () => (await letters()).length > 0, 120_000);
  expect((await letters()).map(({ executionId }) => executionId)).toEqual([deadly]);
  over = true;
  expect(await (await worker).stop()).toBe(0);
  expect(await deaths).toBe(3);
  for (const each of [workflows, api]) expect(await each.stop()).toBe(0);
  await server.stop();
}, 300_000);
