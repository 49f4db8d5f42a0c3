import { describe, expect, test } from "vitest";
import { EngineRun, run, type World, workflowOf } from "../../../support/run-engine.ts";

/** `extensions` is YAML, indented by four. */
const use = (extensions: string) => `use:\n  extensions:\n${extensions}`;

/** Tasks of an extension that leave a trace in the context. */
const LOG = use(`
    - log:
        extend: all
        before: [{ in: { set: { x: 1 }, export: { as: '$context + {list: (($context.list // []) + ["<" + $task.name])}' } } }]
        after: [{ out: { set: { x: 2 }, export: { as: '$context + {list: (($context.list // []) + [$task.name + ">"])}' } } }]
`);
const traceOf = (tasks: string, input = {}, top = LOG) =>
  run(`${tasks}\n- trace: { set: "\${ $context.list }" }`, input, undefined, top).output;

describe("the order of things", () => {
  test("given an extension of all, when tasks run, then each stands between its before and after, composites around their children", () => {
    const trace = traceOf("- a: { set: { v: 1 } }\n- b: { do: [{ c: { set: { v: 2 } } }] }");
    expect(trace).toEqual(["<a", "a>", "<b", "<c", "c>", "b>", "<trace"]);
  });
  test("given its own outputs, when the task ends, then they are not what flows on", () => {
    expect(run("- a: { set: { v: 1 } }\n- b: { set: '${ . }' }", {}, undefined, LOG).output).toEqual({ v: 1 });
  });
  test("given two extensions, when a task runs, then each section goes through them in declared order", () => {
    const one = (name: string) => `
    - ${name}:
        extend: set
        before: [{ in: { do: [{ s: { set: { x: 1 } } }], export: { as: '$context + {list: (($context.list // []) + ["<${name}"])}' } } }]
        after: [{ out: { do: [{ s: { set: { x: 1 } } }], export: { as: '$context + {list: (($context.list // []) + ["${name}>"])}' } } }]
`;
    expect(traceOf("- a: { set: { v: 1 } }", {}, use(one("p") + one("q")))).toEqual([
      "<p",
      "<q",
      "p>",
      "q>",
      "<p",
      "<q",
    ]);
  });
  test("given extend: composite, when tasks run, then do and fork are extended and nothing else", () => {
    const top = LOG.replace("extend: all", "extend: composite");
    const tasks =
      "- a: { set: { v: 1 } }\n- b: { do: [] }\n- f: { fork: { branches: [{ g: { set: { v: 3 } } }, { h: { set: { v: 4 } } }] } }";
    expect(traceOf(tasks, {}, top)).toEqual(["<b", "b>", "<f", "f>"]);
    expect(run(tasks, {}, undefined, top).output).toEqual([{ v: 3 }, { v: 4 }]);
  });
  test("given a loop, when it is extended, then before and after run once, and around each of its tasks", () => {
    const trace = traceOf("- l: { for: { in: '[1, 2]' }, do: [{ s: { set: { v: '${ $item }' } } }] }");
    expect(trace).toEqual(["<l", "<s", "s>", "<s", "s>", "l>", "<trace"]);
  });
  test("given a task that is skipped, when its if is false, then nothing of an extension runs", () => {
    expect(traceOf("- a: { if: 'false', set: { v: 1 } }")).toEqual(["<trace"]);
  });
  test("given a competing fork, when its first branch has ended, then the others are cancelled before what comes after", () => {
    const top = LOG.replace("extend: all", "extend: composite");
    const { output, types } = run(
      "- f: { fork: { compete: true, branches: [{ a: { set: { v: 1 } } }, { b: { wait: PT1H } }] } }",
      {},
      undefined,
      top,
    );
    expect(output).toEqual({ v: 1 });
    expect(types.filter((type) => type === "task.cancelled")).toHaveLength(1);
  });
});

describe("what an extension sees and does", () => {
  test("given $task in an extension, when it is read, then it is the extended task, with its definition's members", () => {
    const top = use(`
    - spy:
        extend: call
        before: [{ s: { set: { at: "\${ $task.reference }", with: "\${ $task.with.a }", call: "\${ $task.definition.call }", input: "\${ . }" }, export: { as: . } } }]
`);
    const { output } = run("- a: { call: f, with: { a: 7 } }\n- b: { set: '${ $context }' }", { x: 1 }, undefined, top);
    expect(output).toEqual({ at: "/do/0/a", with: 7, call: "f", input: { x: 1 } });
  });
  test("given what comes after, when it runs, then its input is the raw output of the task", () => {
    const top = use(
      "    - spy: { extend: call, after: [{ s: { set: { got: '${ . }', task: '${ $task.output }' }, export: { as: . } } }] }",
    );
    const world: World = () => ({ ok: true, output: { raw: 1 } });
    const tasks = "- a: { call: f, output: { as: .raw } }\n- b: { set: { in: '${ . }', context: '${ $context }' } }";
    expect(run(tasks, {}, world, top).output).toEqual({ in: 1, context: { got: { raw: 1 }, task: { raw: 1 } } });
  });
  test("given then: exit before a call, when it is taken, then the call is not made, and output.as applies to what was set", () => {
    const top = use(`
    - mock:
        extend: call
        when: $task.with.endpoint | startswith("https://mocked.")
        before: [{ m: { set: { status: 200 }, then: exit } }]
        after: [{ never: { raise: { error: { type: "https://x.example/never", status: 500 } } } }]
`);
    const call = (host: string) =>
      `- a: { call: http, with: { method: get, endpoint: "https://${host}.example" }, output: { as: .status } }`;
    expect(run(call("mocked"), {}, () => "never", top).output).toBe(200);
    expect(run(call("real"), {}, () => ({ ok: true, output: { status: 404 } }), top).output).toBe(404);
  });
  test("given end in an extension, when it is taken, then the workflow ends", () => {
    const before = use("    - e: { extend: call, before: [{ s: { set: { v: 1 }, then: end } }] }");
    expect(run("- a: { call: f }\n- b: { set: { never: 1 } }", {}, () => "never", before).output).toEqual({ v: 1 });
    const after = use("    - e: { extend: call, after: [{ s: { set: { v: 1 }, then: end } }] }");
    const world: World = () => ({ ok: true, output: "done" });
    expect(run("- a: { call: f }\n- b: { set: { never: 1 } }", {}, world, after).output).toBe("done");
  });
  test("given a switch, when it is extended, then it still goes where its case says", () => {
    const tasks =
      "- s: { switch: [{ c: { when: .x == 1, then: z } }] }\n- y: { set: { never: 1 } }\n- z: { set: { v: 3 } }";
    expect(run(tasks, { x: 1 }, undefined, LOG).output).toEqual({ v: 3 });
  });
  test("given a when that fails, when the task begins, then that is its expression error", () => {
    const top = use("    - e: { extend: set, when: error, before: [{ s: { set: { v: 1 } } }] }");
    expect(run("- a: { set: { v: 1 } }", {}, undefined, top).error).toMatchObject({ status: 400, instance: "/do/0/a" });
  });
});

describe("failures and time", () => {
  const FAILS = `raise: { error: { type: "https://x.example/e", status: 500 } }`;
  test("given a try, when what an extension puts before it fails, then that try does not catch it, and one around does", () => {
    const top = use(`    - e: { extend: try, when: $task.name == "t", before: [{ s: { ${FAILS} } }] }`);
    const inner = `t: { try: [{ a: { set: { v: 1 } } }], catch: { do: [{ h: { set: inner } }] } }`;
    const { error } = run(`- ${inner}`, {}, undefined, top);
    expect(error).toMatchObject({ status: 500, instance: "/use/extensions/0/e/before/0/s" });
    expect(run(`- o: { try: [{ ${inner} }], catch: { do: [{ h: { set: outer } }] } }`, {}, undefined, top).output).toBe(
      "outer",
    );
  });
  test("given a try that retries, when it runs again, then what comes before it does not", () => {
    const top = LOG.replace("extend: all", "extend: try");
    const tasks = `- t: { try: [{ a: { ${FAILS} } }], catch: { retry: { limit: { attempt: { count: 3 } } }, do: [{ h: { set: { v: 1 } } }] } }`;
    expect(traceOf(tasks, {}, top)).toEqual(["<t", "t>"]);
  });
  test("given a timeout, when what comes before the task takes too long, then the task has timed out", () => {
    const top = use("    - e: { extend: set, before: [{ s: { wait: PT1H } }] }");
    const { error } = run("- a: { set: { v: 1 }, timeout: { after: PT1M } }", {}, undefined, top);
    expect(error).toMatchObject({ status: 408, instance: "/do/0/a" });
  });
  test("given a failure after the task, when it is redriven, then the task's own effect is not repeated", () => {
    let asked = 0;
    const world: World = ({ function: name }) => {
      if (name === "own") asked += 1;
      return name === "later" && fails
        ? { ok: false, error: { type: "https://x.example/e", status: 500 } }
        : { ok: true, output: name ?? null };
    };
    let fails = true;
    const top = use('    - e: { extend: call, when: $task.call == "own", after: [{ s: { call: later } }] }');
    const engine = new EngineRun(workflowOf("- a: { call: own }", top), {}, world).toTheEnd();
    expect(engine.result.status).toBe("FAILED");
    fails = false;
    expect(engine.retry().toTheEnd().checkPrefixes().result.output).toBe("own");
    expect(asked).toBe(1);
  });
  test("given calls of one extension around several tasks, when they are asked for, then each has its own idempotency key", () => {
    const keys: string[] = [];
    const world: World = (_, { data }) => {
      keys.push(data.idempotencyKey);
      return { ok: true, output: null };
    };
    const top = use("    - e: { extend: call, before: [{ s: { call: log } }], after: [{ s: { call: log } }] }");
    run("- a: { call: f }\n- b: { call: f }", {}, world, top);
    expect(new Set(keys).size).toBe(6);
  });
  test("given every kind of task extended, when the history is folded again, then it is the same", () => {
    const tasks = `
- a: { set: { v: 1 } }
- w: { wait: PT1S }
- c: { call: f, timeout: { after: PT1M } }
- l: { for: { in: "[1, 2]" }, do: [{ s: { call: g } }] }
- f: { fork: { branches: [{ x: { wait: PT2S } }, { y: { call: h } }] } }
- t: { try: [{ r: { ${FAILS} } }], catch: { retry: { delay: PT1S, limit: { attempt: { count: 1, duration: PT1M } } }, do: [{ k: { set: { v: 1 } } }] } }
- d: { do: [{ e: { set: { v: 2 }, then: exit } }, { n: { set: { never: 1 } } }] }
`;
    const extensions = LOG.replace("set: { x: 1 }", "wait: PT1S");
    const engine = new EngineRun(workflowOf(tasks, extensions)).toTheEnd().checkPrefixes();
    expect(engine.result.output).toEqual({ v: 2 });
  });
  test("given emit and an empty handler extended with a limit, when they end, then what comes after has its own timer", () => {
    const after = "after: [{ s: { wait: PT1H, timeout: { after: PT1M } } }]";
    const top = (kind: string) => use(`    - e: { extend: ${kind}, ${after} }`);
    const emit = "- a: { emit: { event: { with: { type: org.example.t } } } }";
    expect(run(emit, {}, undefined, top("emit")).error).toMatchObject({ status: 408 });
    const handler = `- t: { try: [{ r: { ${FAILS} } }], catch: {} }`;
    expect(run(handler, {}, undefined, top("try")).error).toMatchObject({ status: 408 });
  });
});
