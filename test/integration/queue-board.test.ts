import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redriveLetter } from "../../src/runtime/redrive-letter.ts";
import { aLetter } from "../support/build.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, QUICK, startServer } from "./support/api-world.ts";

interface BoardQueues {
  readonly queues: readonly {
    readonly name: string;
    readonly counts: Readonly<Record<string, number>>;
    readonly jobs: readonly { readonly id: string; readonly failedReason: string }[];
  }[];
}

describe.each(["redis", "postgres"] as const)("Bull Board on %s", (kind) => {
  let server: TestServer;
  let world: ApiWorld;
  beforeAll(async () => {
    server = await startServer(kind);
    world = await openApiWorld(kind, server);
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });

  async function letters() {
    const query = "activeQueue=durabull-dlq&status=failed&page=1&jobsPerPage=10";
    const response = await fetch(`${world.url}/queues/api/queues?${query}`);
    const { queues } = (await response.json()) as BoardQueues;
    return queues.find(({ name }) => name === "durabull-dlq");
  }

  test("given the board, when it is opened, then its page and files come, with a policy that lets them run", async () => {
    const page = await fetch(`${world.url}/queues`);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    const html = await page.text();
    expect(html).toContain("Durabull queues");
    const script = /src="(static\/js\/main[^"]+)"/.exec(html)?.[1] ?? "";
    expect((await fetch(`${world.url}/queues/${script}`)).headers.get("content-type")).toContain("javascript");
  });

  test("given a dead letter, when Retry is pressed in the board, then it is redriven and leaves the queue", async () => {
    await fetch(`${world.url}/api/v1/definitions`, {
      method: "PUT",
      headers: { "content-type": "application/yaml" },
      body: QUICK,
    });
    const definition = { namespace: "test", name: "quick" };
    const started = await world.executions.start({ tenant: "default", definition });
    const letter = aLetter(started.head);
    await world.events.park(letter);
    const consumer = world.queues.consumeDeadLetters(
      async ({ id, tenant }) => {
        await redriveLetter({ ...world, log: pino({ level: "silent" }) }, tenant, id);
      },
      { concurrency: 1, recover: true },
    );
    await consumer.ready();
    const { id, tenant, executionId, workflowId } = letter;
    await world.queues.deadLetter({
      id,
      tenant,
      executionId,
      workflowId,
      kind: "event",
      message: "it broke",
      stack: null,
    });
    const failed = await until(letters, (queue) => queue?.counts.failed === 1);
    expect(failed?.jobs).toMatchObject([{ failedReason: "it broke" }]);

    const path = `/queues/api/queues/durabull-dlq/${failed?.jobs[0]?.id}/retry`;
    const own = { origin: world.url, "sec-fetch-site": "same-origin", "content-type": "application/json" };
    const retried = await fetch(world.url + path, { method: "PUT", headers: own });
    expect(retried.status).toBe(204);

    await until(letters, (queue) => queue?.counts.failed === 0);
    // Its job is not failed any more as soon as it runs.
    const redrivenAt = async () => (await world.events.letter("default", letter.id))?.redrivenAt;
    await expect.poll(redrivenAt).toEqual(expect.any(Number));
    expect((await world.executions.view("default", executionId)).waitingFor).toMatchObject([{ kind: "worker" }]);
    await consumer.close(1_000);
  });

  test("given a queue of a new name, when the board is asked again, then it is shown", async () => {
    await world.queues.dispatch([
      { kind: "activity", executionId: "x0-1", tenant: "default", workflowId: "w", name: 2, dispatch: 0, queue: "gpu" },
    ]);
    await fetch(`${world.url}/queues`);
    const names = ((await (await fetch(`${world.url}/queues/api/queues`)).json()) as BoardQueues).queues.map(
      ({ name }) => name,
    );
    expect(names).toContain("durabull-tasks-gpu");
  });
});

describe("Bull Board on a Redis that hangs", () => {
  test("when it is asked, then it answers 503 in bounded time, and as before once Redis goes on", async () => {
    const server = await startServer("redis");
    const world = await openApiWorld("redis", server);
    const queues = `${world.url}/queues/api/queues`;
    const own = { origin: world.url, "content-type": "application/json" };
    process.kill(server.pid, "SIGSTOP");
    try {
      const answers = await Promise.all([
        fetch(queues),
        fetch(`${queues}/durabull-dlq/x`),
        fetch(`${queues}/durabull-dlq/x/retry`, { method: "PUT", headers: own }),
      ]);
      for (const answer of answers) {
        expect(answer.headers.get("content-type")).toContain("application/problem+json");
        expect(await answer.json()).toMatchObject({ status: 503, code: "DURABULL_STORE_UNAVAILABLE" });
      }
      expect((await fetch(`${world.url}/queues`)).status).toBe(200);
    } finally {
      process.kill(server.pid, "SIGCONT");
    }
    await until(
      () => fetch(queues),
      ({ status }) => status === 200,
    );
    await server.stop();
    expect(await (await fetch(queues)).json()).toMatchObject({ status: 503, code: "DURABULL_STORE_UNAVAILABLE" });
    await world.close();
  });
});

async function until<Value>(look: () => Promise<Value>, isSo: (value: Value) => boolean): Promise<Value> {
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
