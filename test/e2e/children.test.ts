import { describe, expect, test } from "vitest";
import { documentOf, eventually } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const CHILD = `
document: {dsl: 1.0.3, namespace: e2e, name: child, version: VERSION}
input: {schema: {document: {type: object, required: [path]}}}
do:
  - ask: {call: http, with: {method: get, endpoint: '\${ .path }'}}
  - done: {set: {version: VERSION, parent: '\${ $workflow.input.path }'}}
`;
const ENDLESS = "{document: {dsl: 1.0.3, namespace: e2e, name: endless, version: 1.0.0}, do: [{w: {wait: {days: 9}}}]}";
const FAILING =
  "{document: {dsl: 1.0.3, namespace: e2e, name: failing, version: 1.0.0}, do: [{r: {raise: {error: {type: 'https://example.com/no', status: 402}}}}]}";
const NESTED =
  "{document: {dsl: 1.0.3, namespace: e2e, name: nested, version: 1.0.0}, do: [{r: {run: {workflow: {namespace: e2e, name: nested, version: 1.0.0}}}}]}";

onEachStore((store) => {
  const on = serviceOnStore(store, { CHILD_DEPTH_MAX: "3" });
  const run = (name: string, more = "") => `{run: {workflow: {namespace: e2e, name: ${name}, version: latest${more}}}}`;
  const register = (...documents: readonly string[]) =>
    Promise.all(documents.map(async (each) => expect((await on.api.register(each)).status).toBeLessThan(300)));
  /** The one execution that a parent waits for. */
  const childOf = async (executionId: string) => {
    const { waitingFor } = await on.api.until(executionId, (seen) =>
      seen.waitingFor.some(({ kind }) => kind === "child"),
    );
    const child = /x\d+-[0-9a-z]+/.exec(waitingFor[0]?.detail ?? "")?.[0] ?? "";
    // It is owed before it has started.
    await eventually(
      async () => (await on.api.ask("GET", `/api/v1/executions/${child}`)).status,
      (status) => status === 200,
    );
    return child;
  };

  describe("given a workflow that runs another", () => {
    test("when the other completes, then its output goes on, and each knows of the other", async () => {
      await register(CHILD.replaceAll("VERSION", "1.0.0"), CHILD.replaceAll("VERSION", "1.1.0"));
      const gate = on.outside.hold("/asked");
      const input = `, input: {path: "${on.outside.url}/asked"}`;
      const parent = await on.api.start(documentOf(`- child: ${run("child", input)}`));
      const child = await childOf(parent.executionId);
      expect(await on.api.view(child)).toMatchObject({
        parent: { executionId: parent.executionId, workflowId: parent.workflowId },
      });
      gate.open();
      expect(await on.api.ended(parent.executionId)).toMatchObject({
        status: "COMPLETED",
        output: { version: "1.1.0" },
      });
      expect(await on.api.ended(child)).toMatchObject({ status: "COMPLETED" });
    });

    test("when the other fails, then that is the task's error, to be caught, and no dead letter of its own", async () => {
      await register(FAILING);
      const caught = await on.api.start(
        documentOf(`- t: {try: [{c: ${run("failing")}}], catch: {do: [{h: {set: {s: '\${ $error.status }'}}}]}}`),
      );
      expect((await on.api.ended(caught.executionId)).output).toEqual({ s: 402 });
      const failed = await on.api.start(documentOf(`- c: ${run("failing")}`));
      expect((await on.api.ended(failed.executionId)).error).toMatchObject({ status: 402, instance: "/do/0/c" });
      const letters = async () =>
        (await on.api.ask<{ items: { executionId: string }[] }>("GET", "/api/v1/dead-letters")).body.items;
      const items = await eventually(letters, ({ length }) => length > 0);
      expect(items.map(({ executionId }) => executionId)).toEqual([failed.executionId]);
    });

    test.each([
      ["its input is wrong", "child", ", input: {wrong: 1}", "validation"],
      ["it is not registered", "nobody", "", "configuration"],
      ["they nest too deeply", "nested", "", "configuration"],
    ])("when %s, then the task fails", async (_, name, more, type) => {
      await register(CHILD.replaceAll("VERSION", "1.0.0"), NESTED);
      const { executionId } = await on.api.start(documentOf(`- c: ${run(name, more)}`));
      const { error } = await on.api.ended(executionId);
      expect(error).toMatchObject({ type: expect.stringContaining(type), status: 400, instance: "/do/0/c" });
    });

    test("when nobody waits for it, then the task ends with its input and the other runs on", async () => {
      await register(ENDLESS);
      const detached = "{run: {workflow: {namespace: e2e, name: endless, version: 1.0.0}, await: false}}";
      const { executionId } = await on.api.start(documentOf(`- c: ${detached}`), { input: { n: 1 } });
      expect((await on.api.ended(executionId)).output).toEqual({ n: 1 });
      const { body } = await on.api.ask<{ items: { executionId: string }[] }>(
        "GET",
        "/api/v1/executions?name=endless&status=RUNNING,WAITING,PENDING",
      );
      expect(body.items).toHaveLength(1);
      await on.api.act(body.items[0]?.executionId ?? "", "terminate");
    });

    test.each(["cancel", "terminate", "timeout"] as const)(
      "when it comes to its %s, then the other is cancelled",
      async (how) => {
        await register(ENDLESS);
        const limit = how === "timeout" ? ", timeout: {after: {milliseconds: 400}}" : "";
        const { executionId } = await on.api.start(documentOf(`- c: ${run("endless").slice(0, -1)}${limit}}`));
        const child = await childOf(executionId);
        if (how !== "timeout") expect((await on.api.act(executionId, how)).status).toBe(202);
        expect(await on.api.ended(child)).toMatchObject({ status: "CANCELLED" });
        expect((await on.api.ended(executionId)).status).toBe(how === "timeout" ? "FAILED" : "CANCELLED");
      },
    );

    test("when the other is cancelled by somebody, then the task fails", async () => {
      await register(ENDLESS);
      const { executionId } = await on.api.start(documentOf(`- c: ${run("endless")}`));
      await on.api.act(await childOf(executionId), "cancel");
      expect((await on.api.ended(executionId)).error).toMatchObject({
        type: expect.stringContaining("runtime"),
        status: 500,
      });
    });
  });
});
