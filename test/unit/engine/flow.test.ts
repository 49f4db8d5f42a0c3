import { describe, expect, test } from "vitest";
import { EngineRun, run, STARTED_AT, workflowOf } from "../../support/run-engine.ts";

describe("data flow", () => {
  test("given input.from, output.as and export.as, when a task runs, then each sees what the one before gave", () => {
    const { output } = run(
      `
- first:
    input: { from: "\${ .order }" }
    set: { total: "\${ .price * 2 }", seen: "\${ $input.price }" }
    output: { as: "\${ {t: .total, s: .seen} }" }
    export: { as: "\${ $context + {last: .t} }" }
- second:
    set: { got: "\${ . }", context: "\${ $context }" }
`,
      { order: { price: 21 } },
    );
    expect(output).toEqual({ got: { t: 42, s: 21 }, context: { last: 42 } });
  });

  test("given expressions that read `now`, when tasks are decided, then it is the time of each decision", () => {
    const { output } = run(`
- first: { set: { before: "\${ now }" } }
- pause: { wait: { seconds: 90 } }
- last: { set: { before: "\${ .before }", after: "\${ now }" }, if: "\${ now > .before }" }
`);
    expect(output).toEqual({ before: STARTED_AT / 1_000, after: STARTED_AT / 1_000 + 90 });
  });

  test("given a workflow with input.from and output.as, when it runs, then they stand around its tasks", () => {
    const top = `input: { from: "\${ .a }" }\noutput: { as: "\${ {result: ., raw: $workflow.input} }" }`;
    const { output } = run(`- s: { set: "\${ . + 1 }" }`, { a: 1 }, undefined, top);
    expect(output).toEqual({ result: 2, raw: { a: 1 } });
  });

  test("given an input that its schema refuses, when it starts, then it has failed with validation 400 at /input", () => {
    const top = `input: { schema: { format: json, document: { type: object, required: [a] } } }`;
    const { status, error } = run(`- s: { set: "\${ 1 }" }`, {}, undefined, top);
    expect(status).toBe("FAILED");
    expect(error).toMatchObject({
      type: expect.stringMatching(/errors\/validation$/),
      status: 400,
      instance: "/input",
    });
  });

  test("given a task whose if is false, when it comes up, then it is skipped with its raw input and its then is not followed", () => {
    const { output, types } = run(
      `
- guard: { if: "\${ .stop }", set: { stopped: true }, then: end }
- after: { set: { went: "\${ . }" } }
`,
      { stop: false },
    );
    expect(output).toEqual({ went: { stop: false } });
    expect(types).toContain("task.skipped");
  });

  test("given values that are not objects, when they flow, then nothing turns them into objects", () => {
    expect(run(`- a: { set: "\${ [1, null, \\"x\\"] }" }\n- b: { set: "\${ .[2] }" }`).output).toBe("x");
  });

  test("given an expression that fails, when it is evaluated, then the error is expression 400 at its task", () => {
    const { error } = run(`- bad: { set: { x: "\${ .a.b }" } }`, { a: "text" });
    expect(error).toMatchObject({
      type: expect.stringMatching(/errors\/expression$/),
      status: 400,
      instance: "/do/0/bad",
    });
  });

  test("given $workflow, $task and $runtime, when they are read, then they say what is running", () => {
    const { output } = run(
      `- s: { set: { id: "\${ $workflow.id }", ref: "\${ $task.reference }", tenant: "\${ $runtime.metadata.tenant }", year: "\${ $workflow.startedAt.iso8601[:4] }" } }`,
    );
    expect(output).toEqual({ id: "x0-00000000000000000000000000", ref: "/do/0/s", tenant: "default", year: "2030" });
  });
});

describe("flow directives", () => {
  test("given then with a name, when a task ends, then it goes forwards and backwards", () => {
    const { output } = run(
      `
- red: { set: { c: "\${ .c + [\\"red\\"] }" }, then: green }
- blue: { set: { c: "\${ .c + [\\"blue\\"] }" }, then: end }
- green: { set: { c: "\${ .c + [\\"green\\"] }" }, then: blue }
`,
    );
    expect(output).toEqual({ c: ["red", "green", "blue"] });
  });

  test("given exit in a nested do, when it is reached, then the list ends and the parent goes on", () => {
    const { output } = run(
      `
- outer:
    do:
      - a: { set: { n: 1 }, then: exit }
      - b: { set: { n: 2 } }
- last: { set: { n: "\${ .n }", last: true } }
`,
    );
    expect(output).toEqual({ n: 1, last: true });
  });

  test("given end in a nested do, when it is reached, then output.as of everything around still applies", () => {
    const { output, status } = run(
      `
- outer:
    do:
      - a: { set: { n: 1 }, then: end }
    output: { as: "\${ .n + 10 }" }
- last: { set: never }
`,
      {},
      undefined,
      `output: { as: "\${ . * 2 }" }`,
    );
    expect(status).toBe("COMPLETED");
    expect(output).toBe(22);
  });
});

describe("pause and cancel", () => {
  test("given a paused execution, when its activity ends, then that is recorded and nothing follows before it is resumed", () => {
    const paused = new EngineRun(workflowOf(`- c: { call: fn }\n- s: { set: done }`));
    paused.decide().say("pause").answer(3, { ok: true, output: 1 });
    expect(paused.result.types.slice(-2)).toEqual(["execution.paused", "task.completed"]);
    expect(paused.result.status).toBe("PAUSED");
    expect(paused.say("resume").result.output).toBe("done");
  });

  test("given a cancelled execution, when its answer comes late, then nothing changes", () => {
    const cancelled = new EngineRun(workflowOf(`- c: { call: fn }`)).decide().say("cancel");
    const { version } = cancelled.state;
    expect(cancelled.answer(3, { ok: true, output: 1 }).state.version).toBe(version);
    expect(cancelled.result.status).toBe("CANCELLED");
  });

  test("given an answer that does not come from an executor, when it is taken, then it is refused", () => {
    const asked = new EngineRun(workflowOf(`- c: { call: fn }`)).decide();
    const outcome = { ok: true, output: 1 } as const;
    asked.decide([{ kind: "answer", id: "a3", source: "api-service", at: asked.now, asked: 3, outcome }]);
    expect(asked.result.status).toBe("RUNNING");
  });
});
