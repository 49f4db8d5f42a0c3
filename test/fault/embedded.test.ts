import { rmSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { apiOf, documentOf } from "../support/api.ts";
import { startOutside } from "../support/outside.ts";
import { freshDirectory, startService } from "../support/service-process.ts";
import { definitionOf, inputOf, outputOf } from "./support/definitions.ts";
import { send } from "./support/load.ts";
import { violationsOfCalls } from "./support/soundness.ts";
import { until } from "./support/until.ts";

const KINDS = ["chain", "pause", "fan", "loop"] as const;
const directory = freshDirectory();
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("given everything in one process killed with calls in hand and timers set, when it starts again, then all executions end", async () => {
  const outside = await startOutside();
  const env = { DURABULL_DATA_DIR: directory };
  const killed = await startService({ env });
  const gate = outside.hold("/fan");
  const started = await Promise.all(
    KINDS.map(async (kind) => {
      expect(await send(`${killed.url}/api/v1/definitions`, "PUT", definitionOf(kind))).toMatchObject({ status: 201 });
      const input = inputOf(outside.url, kind);
      const request = { definition: { namespace: "faults", name: kind }, workflowId: kind, input };
      const { status, body } = await send(`${killed.url}/api/v1/executions`, "POST", request);
      expect(status).toBe(201);
      return { kind, executionId: String(body.executionId) };
    }),
  );
  await outside.seen("/fan", 4);
  await outside.seen("/pause/after");
  await killed.kill();
  gate.open();

  const again = await startService({ env });
  for (const { kind, executionId } of started) {
    const url = `${again.url}/api/v1/executions/${executionId}`;
    await until(`${kind} ends`, async () => (await send(`${url}?wait=10s`, "GET")).body.endedAt !== undefined);
    expect((await send(url, "GET")).body).toMatchObject({ status: "COMPLETED", output: outputOf(kind, kind) });
  }
  expect(violationsOfCalls(outside.calls)).toEqual([]);
  expect(await again.stop()).toBe(0);
  await outside.close();
}, 180_000);

test("given a young store whose PostgreSQL is killed, when the service has ended and starts again, then what was waiting ends, and no wake-up is missing", async () => {
  const young = freshDirectory();
  // What a process does by itself has no wake-up that could be missing.
  const env = { DURABULL_DATA_DIR: young, LOCAL_DISPATCH: "false" };
  const service = await startService({ env });
  const waiting = await apiOf(service).start(documentOf("- w: {wait: {seconds: 5}}\n- done: {set: {ok: true}}"));
  const first = await apiOf(service).start(documentOf("- done: {set: {ok: true}}"));
  await apiOf(service).ended(first.executionId);
  const server = service.log.find(({ msg }) => msg === "the embedded PostgreSQL is running");
  process.kill(Number(server?.pid), "SIGKILL");
  expect(await service.exited).toBe(69);
  expect(service.log.at(-1)?.msg).toContain("the embedded PostgreSQL has ended");

  const again = await startService({ env });
  const api = apiOf(again);
  // A store that had forgotten what its queues counted would take each of these for one that is done.
  for (let i = 0; i < 5; i++) {
    const next = await api.start(documentOf("- done: {set: {ok: true}}"));
    expect((await api.ended(next.executionId)).status).toBe("COMPLETED");
  }
  expect((await api.ended(waiting.executionId)).status).toBe("COMPLETED");
  expect(await api.rescues()).toBe(0);
  expect(await again.stop()).toBe(0);
  rmSync(young, { recursive: true, force: true });
}, 120_000);
