import { afterAll, beforeAll, expect, test } from "vitest";
import { type Api, apiOf, documentOf } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { refusedService, type ServiceProcess, startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

onEachStore((store) => {
  let env: Readonly<Record<string, string>>;
  let outside: Outside;
  let service: ServiceProcess;
  let api: Api;
  const run = async (more: Readonly<Record<string, string>> = {}) => {
    service = await startService({ env: { ...env, ...more } });
    api = apiOf(service);
  };

  beforeAll(async () => {
    outside = await startOutside();
    env = await store.fresh();
    await run({ PARTITIONS: "4" });
  });
  afterAll(async () => {
    await service.stop();
    await outside.close();
  });

  test("given a wait of 2 s, when the whole process is killed and started again, then it resumes and was never early", async () => {
    const { executionId } = await api.start(
      documentOf(`
        - pause: {wait: {seconds: 2}}
        - done: {set: {slept: true}}
      `),
    );
    await api.until(executionId, ({ waitingFor }) => waitingFor[0]?.kind === "timer");
    await service.kill();
    await run();

    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { slept: true } });
    const history = await api.history(executionId);
    expect(history.map(({ sequence }) => sequence)).toEqual(history.map((_, index) => index + 1));
    const fired = history.filter(({ type }) => type === "io.flunq.timer.fired");
    const scheduled = history.filter(({ type }) => type === "io.flunq.timer.scheduled");
    expect(fired).toHaveLength(1);
    expect(scheduled).toHaveLength(1);
    expect(Date.parse(fired[0]?.time ?? "")).toBeGreaterThanOrEqual(Number(scheduled[0]?.data.fireAt));
  });

  test("given a call in hand, when the process is asked to end, then it drains with 0 and no call is repeated", async () => {
    outside.answer("/slow", () => ({ delayMs: 1_500, body: { slow: true } }));
    const { executionId } = await api.start(
      documentOf(`
        - slow: {call: http, with: {method: get, endpoint: "${outside.url}/slow"}}
        - quick: {call: http, with: {method: get, endpoint: "${outside.url}/quick"}}
      `),
    );
    await outside.seen("/slow");

    expect(await service.stop()).toBe(0);
    expect(outside.calls.filter(({ path }) => path === "/slow")).toMatchObject([{ answered: true }]);
    await run();

    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { ok: true } });
    expect(outside.calls.map(({ path }) => path)).toEqual(["/slow", "/quick"]);
    expect(await api.rescues()).toBe(0);
  });

  test("given a store that was first booted with 4 partitions, when another number is asked for, then it is refused with 78; without one it goes on", async () => {
    expect(await service.stop()).toBe(0);
    const { code, stderr } = await refusedService({ env: { ...env, PARTITIONS: "8" } });
    expect(code).toBe(78);
    expect(stderr).toContain("PARTITIONS=8");
    expect(stderr).toContain("PARTITIONS=4");
    await run();
    const { executionId } = await api.start(documentOf(`- done: {set: {n: 1}}`));
    expect((await api.ended(executionId)).status).toBe("COMPLETED");
  });
});
