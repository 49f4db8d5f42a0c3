import { describe, expect, test } from "vitest";
import { owed } from "../../../../src/engine/index.ts";
import { EngineRun, workflowOf } from "../../../support/run-engine.ts";

const RUN = "run: {workflow: {namespace: test, name: other, version: 1.0.0, input: {a: '${ .n + 1 }'}}";
const AWAITED = `- child: {${RUN}}}\n- after: {set: {got: '\${ . }'}}`;
const started = (tasks: string) => new EngineRun(workflowOf(tasks), { n: 1 }).decide();
/** What the child that is asked for is called. */
const asked = (run: EngineRun) => owed(run.state).find(({ kind }) => kind === "child")?.name ?? 0;

describe("given a task that runs another workflow", () => {
  test("when it is entered, then a child is owed, with its evaluated input", () => {
    const run = started(AWAITED);
    expect(owed(run.state)).toEqual([{ kind: "child", name: 3, task: "/do/0/child", await: true }]);
    expect(run.events[2]).toMatchObject({
      type: "task.requested",
      data: {
        activity: { kind: "workflow", child: { namespace: "test", name: "other", version: "1.0.0" }, with: { a: 2 } },
      },
    });
  });

  test("when the child ends, then its output is the task's", () => {
    const { status, output } = started(AWAITED)
      .childSays(3, { ok: true, output: { b: 3 } })
      .checkPrefixes().result;
    expect({ status, output }).toEqual({ status: "COMPLETED", output: { got: { b: 3 } } });
  });

  test("when the child fails, then its error is the task's, and can be caught", () => {
    const problem = { type: "https://example.com/broken", status: 418, instance: "/do/0/deep" };
    const failed = started(AWAITED).childSays(3, { ok: false, error: problem }).checkPrefixes();
    expect(failed.result.error).toEqual({ ...problem, instance: "/do/0/child" });
    expect(failed.state.abandoned).toEqual([]);
    const caught = started(
      `- t: {try: [${AWAITED.split("\n")[0]?.slice(2)}], catch: {do: [{h: {set: {s: '\${ $error.status }'}}}]}}`,
    );
    expect(caught.childSays(asked(caught), { ok: false, error: problem }).result.output).toEqual({ s: 418 });
  });

  test("when its output is not wanted, then null stands for it", () => {
    const run = started(`- child: {${RUN}}, return: none}}`.replace("}}, return", "}, return"));
    expect(run.childSays(3, { ok: true, output: { b: 3 } }).result.output).toBeNull();
  });

  test("when an executor answers in the child's place, then nothing changes", () => {
    const run = started(AWAITED);
    const { version } = run.state;
    expect(run.childSays(3, { ok: true, output: 1 }, "executor-service").state.version).toBe(version);
  });

  test("when nobody waits for its end, then the task ends with its own input once the child has started", () => {
    const run = started(`- child: {${RUN}, await: false}}`);
    expect(owed(run.state)).toMatchObject([{ kind: "child", await: false }]);
    expect(run.childSays(3, { ok: true, output: "never seen" }).checkPrefixes().result.output).toEqual({ n: 1 });
    expect(run.state.abandoned).toEqual([]);
  });

  test("when the execution is cancelled, then the child is given up; one nobody waits for is not", () => {
    const run = started(AWAITED).say("cancel").checkPrefixes();
    expect(run.state.abandoned).toEqual([{ name: 3, at: 4 }]);
    expect(started(`- child: {${RUN}, await: false}}`).say("cancel").state.abandoned).toEqual([]);
  });

  test("when its timeout comes first, then the child is given up and its late word changes nothing", () => {
    const run = started(`- child: {${RUN}}, timeout: {after: {seconds: 5}}}`);
    const name = asked(run);
    run.now += 5_000;
    run.decide().checkPrefixes();
    expect(run.result.error?.status).toBe(408);
    expect(run.state.abandoned.map((child) => child.name)).toEqual([name]);
    const { version } = run.state;
    expect(run.childSays(name, { ok: true, output: 1 }).state.version).toBe(version);
  });

  test("when a branch beside it ends the workflow or fails it, then the child is given up", () => {
    const beside = (other: string) => started(`- f: {fork: {branches: [{a: {${RUN}}}}, {b: ${other}}]}}`);
    expect(beside("{set: {x: 1}, then: end}").checkPrefixes().state.abandoned).toHaveLength(1);
    const failed = beside("{raise: {error: {type: 'https://example.com/e', status: 400}}}").checkPrefixes();
    expect(failed.state.abandoned).toHaveLength(1);
    // Redriven, it asks for another child; then the branch beside it fails again.
    const names = failed.retry().state.abandoned.map(({ name }) => name);
    expect(new Set(names).size).toBe(2);
  });

  test("when it would nest too deeply, then it is a configuration error", () => {
    const run = new EngineRun(workflowOf(AWAITED), { n: 1 });
    run.state = { ...run.state, parent: { executionId: "x0-1", workflowId: "w", asked: 2, await: true, depth: 10 } };
    run.decide();
    expect(run.result.error).toMatchObject({ status: 400, detail: expect.stringContaining("CHILD_DEPTH_MAX") });
  });
});
