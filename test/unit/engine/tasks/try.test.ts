import { describe, expect, test } from "vitest";
import { EngineRun, run, workflowOf } from "../../../support/run-engine.ts";

const RAISE = `raise: { error: { type: "https://serverlessworkflow.io/spec/1.0.0/errors/communication", status: 503, title: Down } }`;

describe("catch", () => {
  test("given an error that matches, when it is raised, then the handler runs on the try's input with $error", () => {
    const { output } = run(
      `
- t:
    input: { from: "\${ .x }" }
    try: [{ s: { set: other } }, { r: { ${RAISE} } }]
    catch:
      errors: { with: { status: 503 } }
      do: [{ h: { set: { input: "\${ . }", instance: "\${ $error.instance }", type: "\${ $error.type }" } } }]
`,
      { x: 7 },
    );
    expect(output).toEqual({
      input: 7,
      instance: "/do/0/t/try/1/r",
      type: "https://serverlessworkflow.io/spec/1.0.0/errors/communication",
    });
  });
  test.each([
    "https://serverlessworkflow.io/dsl/errors/types/communication",
    "https://open-workflow-specification.org/spec/1.0.0/errors/communication",
  ])("given the type written as %s, when the error is compared, then it is the same type", (type) => {
    const { output } = run(
      `- t: { try: [{ r: { ${RAISE} } }], catch: { errors: { with: { type: "${type}" } }, as: err, do: [{ h: { set: "\${ $err.status }" } }] } }`,
    );
    expect(output).toBe(503);
  });
  test("given an error that does not match, when it is raised, then the workflow has failed and keeps its frames", () => {
    const { status, state, error } = run(
      `- t: { try: [{ r: { ${RAISE} } }], catch: { errors: { with: { status: 404 } } } }`,
    );
    expect(status).toBe("FAILED");
    expect(error?.instance).toBe("/do/0/t/try/0/r");
    expect(Object.keys(state.frames).length).toBeGreaterThan(1);
  });
  test("given catch without do, when it catches, then the try's transformed input goes on", () => {
    const { output } = run(`- t: { input: { from: "\${ .x }" }, try: [{ r: { ${RAISE} } }], catch: {} }`, { x: 1 });
    expect(output).toBe(1);
  });
  test("given when and exceptWhen, when they refuse, then the error goes on upwards", () => {
    expect(run(`- t: { try: [{ r: { ${RAISE} } }], catch: { when: "\${ .status == 404 }" } }`).status).toBe("FAILED");
    expect(run(`- t: { try: [{ r: { ${RAISE} } }], catch: { exceptWhen: "\${ $error.status == 503 }" } }`).status).toBe(
      "FAILED",
    );
  });
  test("given an error in the handler, when it is raised, then the same try does not catch it", () => {
    const { status, error } = run(`- t: { try: [{ r: { ${RAISE} } }], catch: { do: [{ h: { ${RAISE} } }] } }`);
    expect(status).toBe("FAILED");
    expect(error?.instance).toBe("/do/0/t/catch/do/0/h");
  });
  test("given an outer try, when the inner one does not take the error, then the outer does", () => {
    const { output } = run(
      `- o: { try: [{ i: { try: [{ r: { ${RAISE} } }], catch: { errors: { with: { status: 1 } } } } }], catch: { do: [{ h: { set: outer } }] } }`,
    );
    expect(output).toBe("outer");
  });
  test("given other branches beside the error, when it is caught, then they are cancelled", () => {
    const { output, elapsedMs } = run(
      `- t: { try: [{ f: { fork: { branches: [{ w: { wait: { hours: 1 } } }, { r: { ${RAISE} } }] } } }], catch: { do: [{ h: { set: caught } }] } }`,
    );
    expect([output, elapsedMs]).toEqual(["caught", 0]);
  });
});

describe("retry", () => {
  const retrying = (retry: string, more = "") =>
    `- t: { try: [{ c: { call: fn } }], catch: { retry: ${retry}${more} } }`;
  const failing = (times: number) => {
    let left = times;
    return () =>
      left-- > 0 ? ({ ok: false, error: { type: "x", status: 500 } } as const) : ({ ok: true, output: "ok" } as const);
  };

  test("given count 2, when it fails twice, then the third run succeeds", () => {
    expect(run(retrying("{ limit: { attempt: { count: 2 } } }"), {}, failing(2)).output).toBe("ok");
  });
  test("given count 2, when it fails three times, then the error stands", () => {
    expect(run(retrying("{ limit: { attempt: { count: 2 } } }"), {}, failing(3)).status).toBe("FAILED");
  });
  test("given do beside retry, when retries are exhausted, then do runs once", () => {
    const more = ", do: [{ h: { set: handled } }]";
    expect(run(retrying("{ limit: { attempt: { count: 1 } } }", more), {}, failing(9)).output).toBe("handled");
  });
  test.each([
    ["constant", 3_000],
    ["linear", 6_000],
    ["exponential", 7_000],
  ])("given a delay of 1 s with %s back-off, when it is retried three times, then %d ms pass", (backoff, elapsedMs) => {
    const policy = `{ delay: { seconds: 1 }, backoff: { ${backoff}: {} }, limit: { attempt: { count: 5 } } }`;
    expect(run(retrying(policy), {}, failing(3)).elapsedMs).toBe(elapsedMs);
  });
  test("given jitter, when it is retried, then the delay lies between its bounds and is the same in a replay", () => {
    const policy =
      "{ delay: PT1S, jitter: { from: { milliseconds: 100 }, to: { milliseconds: 200 } }, limit: { attempt: { count: 2 } } }";
    const elapsed = run(retrying(policy), {}, failing(1)).elapsedMs;
    expect(elapsed).toBeGreaterThanOrEqual(1_100);
    expect(elapsed).toBeLessThan(1_200);
    expect(run(retrying(policy), {}, failing(1)).elapsedMs).toBe(elapsed);
  });
  test("given limit.duration, when the next delay would pass it, then it is not started and the error stands", () => {
    const { status, elapsedMs } = run(retrying("{ delay: PT2S, limit: { duration: PT3S } }"), {}, failing(9));
    expect([status, elapsedMs]).toEqual(["FAILED", 2_000]);
  });
  test("given a limit of one attempt's duration, when it passes, then the same catch handles the timeout", () => {
    const { output, elapsedMs } = run(
      retrying("{ limit: { attempt: { count: 1, duration: PT2S } } }", ', do: [{ h: { set: "${ $error.status }" } }]'),
      {},
      () => "never",
    );
    expect([output, elapsedMs]).toEqual([408, 4_000]);
  });
  test("given retry.when that refuses, when it fails, then it is not retried", () => {
    expect(run(retrying(`{ when: "\${ .status == 503 }" }`), {}, failing(1)).status).toBe("FAILED");
  });
});

describe("redrive", () => {
  test("given a failed execution, when it is retried, then the failed task runs again in place and the rest follows", () => {
    let fails = true;
    const workflow = workflowOf(`- a: { set: { n: 1 } }\n- c: { call: fn }\n- z: { set: "\${ {got: .} }" }`);
    const failed = new EngineRun(workflow, {}, () =>
      fails ? { ok: false, error: { type: "x", status: 500 } } : { ok: true, output: 5 },
    ).toTheEnd();
    expect(failed.result.status).toBe("FAILED");
    fails = false;
    failed.retry().toTheEnd().checkPrefixes();
    expect(failed.result.output).toEqual({ got: 5 });
    expect(failed.result.events.filter((e) => e.type === "task.started" && e.data.name === "a")).toHaveLength(1);
  });
  test("given branches that ran when another failed, when it is retried, then they are asked again with their keys", () => {
    let fails = true;
    const keys = new Map<string, Set<string>>();
    const workflow = workflowOf(
      `- f: { fork: { branches: [{ a: { call: slow } }, { b: { do: [{ w: { wait: PT1S } }, { c: { call: bad } }] } }] } }`,
    );
    const failed = new EngineRun(workflow, {}, (activity, event) => {
      const name = activity.function ?? "";
      keys.set(name, (keys.get(name) ?? new Set()).add(event.data.idempotencyKey));
      if (name === "slow" && fails) return "never";
      return fails ? { ok: false, error: { type: "x", status: 500 } } : { ok: true, output: name };
    }).toTheEnd();
    expect(failed.result.status).toBe("FAILED");
    fails = false;
    expect(failed.retry().toTheEnd().checkPrefixes().result.output).toEqual(["slow", "bad"]);
    expect(keys.get("bad")?.size).toBe(1);
  });
  test("given a workflow that timed out, when it is retried, then it goes on where it was with its time anew", () => {
    const workflow = workflowOf(`- c: { call: fn }`, "timeout: { after: PT5S }");
    let answer: "never" | { ok: true; output: string } = "never";
    const failed = new EngineRun(workflow, {}, () => answer).toTheEnd();
    expect(failed.result.error?.status).toBe(408);
    answer = { ok: true, output: "late" };
    expect(failed.retry().toTheEnd().result.output).toBe("late");
  });
});

describe("redrive of what failed at an edge", () => {
  const ok = { ok: true, output: 1 } as const;
  const failing = { ok: false, error: { type: "https://example.com/x", status: 500 } } as const;

  test("given an answer and the workflow's timeout in one decision, when it is redriven, then it goes on after the answer", () => {
    const run = new EngineRun(workflowOf(`- c: { call: fn }\n- s: { set: done }`, "timeout: { after: PT5S }")).decide();
    run.now += 6_000;
    run.answer(4, ok);
    if (run.result.status === "FAILED") run.retry();
    expect(run.toTheEnd().checkPrefixes().result.output).toBe("done");
  });

  test("given an attempt that passed its limit uncaught, when it is redriven, then its activity is asked for again", () => {
    let outcome: "never" | typeof ok = "never";
    const tasks = `- t: { try: [{ c: { call: fn } }], catch: { errors: { with: { status: 1 } }, retry: { limit: { attempt: { duration: PT1S } } } } }`;
    const run = new EngineRun(workflowOf(tasks), {}, () => outcome).toTheEnd();
    expect(run.result.error?.status).toBe(408);
    outcome = ok;
    expect(run.retry().toTheEnd().checkPrefixes().result.output).toBe(1);
  });

  test.each([
    ["input.schema", `- s: { input: { schema: { format: json, document: { type: string } } }, set: { y: ok } }`],
    ["if", `- s: { if: "\${ .a.b }", set: { y: ok } }`],
    ["for.in", `- l: { for: { in: "\${ .missing }" }, do: [{ s: { set: { y: ok } } }] }`],
    [
      "the input of a fork",
      `- f: { input: { from: "\${ .a.b }" }, fork: { branches: [{ x: { set: { y: ok } } }, { z: { set: { y: ok } } }] } }`,
    ],
  ])(
    "given a task that failed in %s, when it is redriven, then that is evaluated again and fails again",
    (_what, tasks) => {
      const run = new EngineRun(workflowOf(tasks), { a: "text" }).toTheEnd();
      expect(run.result.status).toBe("FAILED");
      const error = run.result.error;
      run.retry().toTheEnd().checkPrefixes();
      expect(run.result.status).toBe("FAILED");
      expect(run.result.error).toEqual(error);
    },
  );

  test("given a task with a timeout that failed, when it is redriven, then its timeout runs anew", () => {
    const run = new EngineRun(workflowOf(`- c: { call: fn, timeout: { after: PT5S } }`), {}, (_a, { data }) =>
      data.attempt === 1 ? failing : "never",
    ).toTheEnd();
    expect(run.result.status).toBe("FAILED");
    const begun = run.now;
    run.now += 60_000;
    run.retry().toTheEnd();
    expect(run.result.error?.status).toBe(408);
    expect(run.now).toBe(begun + 65_000);
  });

  test("given a workflow that timed out, when it is redriven and hangs again, then it times out again", () => {
    const run = new EngineRun(
      workflowOf(`- c: { call: fn }`, "timeout: { after: PT5S }"),
      {},
      () => "never",
    ).toTheEnd();
    expect(run.retry().toTheEnd().result.error?.status).toBe(408);
  });

  test("given exponential back-off without a delay, when it has been retried a thousand times, then it goes on at once", () => {
    let left = 1_100;
    const tasks = `- t: { try: [{ c: { call: fn } }], catch: { retry: { backoff: { exponential: {} }, limit: { attempt: { count: 2000 } } } } }`;
    const run = new EngineRun(workflowOf(tasks), {}, () => (left-- > 0 ? failing : ok)).toTheEnd();
    expect([run.result.output, run.result.elapsedMs]).toEqual([1, 0]);
  });

  test("given an error that is caught, when its history is read, then the task failed once", () => {
    const { events } = run(
      `- t: { try: [{ c: { call: fn } }], catch: { do: [{ h: { set: handled } }] } }`,
      {},
      () => failing,
    );
    expect(events.filter((event) => event.type === "task.failed")).toHaveLength(1);
  });
});

describe("catch.then", () => {
  const list = (handler: string) => `
- t:
    try: [{ r: { ${RAISE} } }]
    catch: { ${handler} }
    then: usual
- usual: { set: usual, then: end }
- other: { set: { got: "\${ . }" } }
`;
  test("given then without do, when it catches, then the named task runs on the try's input", () => {
    expect(run(list("then: other"), 7).output).toEqual({ got: 7 });
  });
  test("given then and do, when the handler is done, then the named task runs on its output", () => {
    expect(run(list("do: [{ h: { set: handled } }], then: other"), 7).output).toEqual({ got: "handled" });
  });
  test("given then, when nothing is caught, then the try's own then is followed", () => {
    expect(run(list("then: other").replace(/try: .*/, "try: [{ s: { set: { a: 1 } } }]")).output).toBe("usual");
  });
  test("given then: end, when it catches, then the workflow ends with the handler's output", () => {
    expect(run(list("do: [{ h: { set: handled } }], then: end")).output).toBe("handled");
  });
});

describe("expressions in a retry policy", () => {
  const policy = (retry: string) => `
- t:
    try: [{ r: { ${RAISE} } }]
    catch: { retry: { ${retry} }, do: [{ h: { set: handled } }] }
`;
  test("given a delay and jitter by expressions, when it retries, then it waits that long", () => {
    const jitter = 'jitter: { from: "${ .jitter }", to: "${ .jitter }" }';
    const { output, elapsedMs } = run(policy(`delay: "\${ .delay }", limit: { attempt: { count: 2 } }, ${jitter}`), {
      delay: "PT10S",
      jitter: { seconds: 1 },
    });
    expect(output).toBe("handled");
    expect(elapsedMs).toBe(22_000);
  });
  test("given an overall limit by an expression, when the next run would start after it, then it is not started", () => {
    const { elapsedMs } = run(policy('delay: PT10S, limit: { duration: "${ .limit }" }'), { limit: "PT25S" });
    expect(elapsedMs).toBe(20_000);
  });
  test("given a limit that gives no duration, when the attempt starts, then that is expression 400", () => {
    const { error } = run(policy('limit: { attempt: { duration: "${ .limit }" } }'), { limit: "soon" });
    expect(error).toMatchObject({ status: 400, instance: "/do/0/t" });
  });
});
