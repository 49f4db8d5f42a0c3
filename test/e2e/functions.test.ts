import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Api, apiOf, documentOf } from "../support/api.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

const FUNCTIONS = fileURLToPath(new URL("./fixtures/functions.ts", import.meta.url));

onEachStore((store) => {
  let env: Readonly<Record<string, string>>;
  let service: ServiceProcess;
  let api: Api;
  const run = async (more: Readonly<Record<string, string>> = {}) => {
    service = await startService({ env: { ...env, ...more } });
    api = apiOf(service);
  };
  beforeAll(async () => {
    env = await store.fresh();
    await run({ FUNCTIONS });
  });
  afterAll(async () => void (await service.stop()));

  test("given functions in TypeScript, with a queue of their own and without, when a workflow calls them, then their results flow", async () => {
    const { executionId, workflowId } = await api.start(
      documentOf(`
        - twice: {call: double, with: {n: "\${ .n }"}}
        - who: {call: who-am-i, with: {seen: "\${ .n }"}}
      `),
      { input: { n: 21 } },
    );
    const { output } = await api.ended(executionId);
    expect(output).toMatchObject({
      input: { seen: 42 },
      tenant: "default",
      workflowId,
      executionId,
      task: "/do/1/who",
      attempt: 1,
    });
    const queue = (await api.history(executionId)).find(
      ({ type, data }) => type === "io.flunq.task.requested" && data.task === "/do/1/who",
    );
    expect(queue?.data).toMatchObject({ activity: { function: "who-am-i", queue: "slow-lane" } });
    expect(await api.rescues()).toBe(0);
  });

  test("given functions that throw, when a workflow catches, then a WorkflowError is that error and anything else runtime 500", async () => {
    const { executionId } = await api.start(
      documentOf(`
        - first:
            try: [{a: {call: refuse}}]
            catch: {do: [{note: {set: {refused: "\${ $error }"}}}]}
        - second:
            try: [{b: {call: crash}}]
            catch: {do: [{note: {set: {refused: "\${ $input.refused }", crashed: "\${ $error }"}}}]}
      `),
    );
    expect((await api.ended(executionId)).output).toMatchObject({
      refused: { type: "https://example.com/errors/no-stock", status: 409, title: "No stock" },
      crashed: { type: "https://serverlessworkflow.io/spec/1.0.0/errors/runtime", status: 500, detail: "it broke" },
    });
    const wrong = await api.start(documentOf(`- twice: {call: double, with: {n: many}}`));
    expect(await api.ended(wrong.executionId)).toMatchObject({ status: "FAILED", error: { status: 400 } });
    expect(await api.rescues()).toBe(0);
  });

  test("given a name no worker ever announced, when it is called, then the definition is 422 with the known names, unless that is allowed", async () => {
    const unknown = documentOf(`- typo: {call: duoble}`);
    const refused = await api.register(unknown);
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toMatchObject([{ pointer: "/do/0/typo/call" }]);
    for (const name of ["duoble", "double", "who-am-i", "refuse", "crash"]) {
      expect(refused.body.errors?.[0]?.message).toContain(name);
    }
    expect((await api.tryStart(unknown)).status).toBe(422);
    expect((await api.register(unknown, "?allowUnknown=true")).status).toBe(201);
  });

  test("given functions whose worker is offline, when they are called, then the run waits and says so, until the worker is back", async () => {
    expect(await service.stop()).toBe(0);
    await run();
    const common = await api.start(documentOf(`- twice: {call: double, with: {n: 4}}`));
    const own = await api.start(documentOf(`- who: {call: who-am-i}`));
    for (const [{ executionId }, name] of [
      [common, "double"],
      [own, "who-am-i"],
    ] as const) {
      const waiting = await api.until(executionId, ({ waitingFor }) => waitingFor[0]?.kind === "worker");
      expect(waiting).toMatchObject({ status: "RUNNING" });
      expect(waiting.waitingFor[0]?.detail).toContain(name);
    }
    expect(await service.stop()).toBe(0);
    await run({ FUNCTIONS });
    expect(await api.ended(common.executionId)).toMatchObject({ status: "COMPLETED", output: { n: 8 } });
    expect(await api.ended(own.executionId)).toMatchObject({ status: "COMPLETED" });
    expect(await api.rescues()).toBe(0);
  });
});
