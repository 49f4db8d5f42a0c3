import { describe, expect, test } from "vitest";
import { EngineRun, run, workflowOf } from "../../../support/run-engine.ts";

describe("switch", () => {
  const cases = `
- choose:
    switch:
      - other: { then: third }
      - big: { when: "\${ .n > 10 }", then: second }
    then: third
- first: { set: first, then: end }
- second: { set: second, then: end }
- third: { set: third }
`;
  test("given a case that holds, when the default is listed first, then the case wins", () => {
    expect(run(cases, { n: 11 }).output).toBe("second");
  });
  test("given no case that holds, when there is a default, then it is taken", () => {
    expect(run(cases, { n: 1 }).output).toBe("third");
  });
  test("given no case that holds and no default, when it ends, then its own then counts and the output is the input", () => {
    const { output } = run(
      `- choose: { switch: [{ big: { when: ".n > 10", then: end } }], then: exit }\n- no: { set: no }`,
      { n: 1 },
    );
    expect(output).toEqual({ n: 1 });
  });
});

describe("for", () => {
  test("given a collection, when it loops, then each iteration gets the output of the one before", () => {
    const { output } = run(
      `
- loop:
    for: { each: color, in: "\${ .colors }", at: i }
    do:
      - mark: { set: { list: "\${ (.list // []) + [{c: $color, i: $i}] }" } }
`,
      { colors: ["a", "b"] },
    );
    expect(output).toEqual({
      list: [
        { c: "a", i: 0 },
        { c: "b", i: 1 },
      ],
    });
  });
  test("given a list written in the definition, when it loops, then expressions inside it are evaluated", () => {
    const { output } = run(
      `
- loop:
    for: { in: [{ name: red }, { name: "\${ .other }" }] }
    do: [{ mark: { set: { other: "\${ .other }", names: "\${ (.names // []) + [$item.name] }" } } }]
`,
      { other: "blue" },
    );
    expect(output).toEqual({ other: "blue", names: ["red", "blue"] });
  });
  test("given while, when it turns false, then the loop ends before that iteration", () => {
    const { output } = run(
      `- loop: { for: { in: "\${ [1,2,3,4] }" }, while: "\${ $item < 3 }", do: [{ s: { set: "\${ $item }" } }] }`,
    );
    expect(output).toBe(2);
  });
  test("given an empty collection, when it loops, then the output is the input", () => {
    expect(run(`- loop: { for: { in: "\${ [] }" }, do: [{ s: { set: "\${ 1 }" } }] }`, { a: 1 }).output).toEqual({
      a: 1,
    });
  });
  test("given something that is no array, when it loops, then the error is expression 400", () => {
    expect(run(`- loop: { for: { in: "\${ .missing }" }, do: [{ s: { set: "\${ 1 }" } }] }`).error).toMatchObject({
      status: 400,
    });
  });
  test("given exit in the body, when it is reached, then that iteration ends and the loop goes on", () => {
    const { output } = run(
      `- loop: { for: { in: "\${ [1,2,3] }" }, do: [{ a: { set: "\${ $item }", then: exit } }, { b: { set: never } }] }`,
    );
    expect(output).toBe(3);
  });
  test("given end in the body, when it is reached, then the workflow ends", () => {
    const { output } = run(
      `- loop: { for: { in: "\${ [1,2,3] }" }, do: [{ a: { set: "\${ $item }", then: end } }] }\n- b: { set: never }`,
    );
    expect(output).toBe(1);
  });
});

describe("fork", () => {
  test("given branches that end in another order, when all are done, then outputs stand in declared order", () => {
    const { output } = run(
      `- f: { fork: { branches: [{ slow: { do: [{ w: { wait: { seconds: 5 } } }, { s: { set: slow } }] } }, { fast: { set: fast } }] } }`,
    );
    expect(output).toEqual(["slow", "fast"]);
  });
  test("given compete, when one branch ends, then only its output counts and the others are cancelled", () => {
    const { output, elapsedMs, types } = run(
      `- f: { fork: { compete: true, branches: [{ slow: { wait: { seconds: 5 } } }, { fast: { do: [{ w: { wait: { seconds: 1 } } }, { s: { set: fast } }] } }] } }`,
    );
    expect(output).toBe("fast");
    expect(elapsedMs).toBe(1_000);
    expect(types).toContain("task.cancelled");
    expect(types).toContain("timer.cancelled");
  });
  test("given a branch that fails, when nobody catches, then the fork has failed with the branch's pointer", () => {
    const { error } = run(
      `- f: { fork: { branches: [{ a: { raise: { error: { type: "https://example.com/x", status: 400, title: no } } } }, { b: { wait: { seconds: 5 } } }] } }`,
    );
    expect(error).toMatchObject({ instance: "/do/0/f/fork/branches/0/a", status: 400 });
  });
  test("given end in a branch, when it is reached, then siblings are cancelled and its output goes up as it is", () => {
    const { output, status } = run(
      `- f: { fork: { branches: [{ a: { set: a, then: end } }, { b: { wait: { seconds: 5 } } }] }, output: { as: "\${ \\"as\\" }" } }\n- n: { set: never }`,
    );
    expect(status).toBe("COMPLETED");
    expect(output).toBe("a");
  });
  test("given exports of branches, when each adds to the context, then none is lost", () => {
    const branch = (n: string) => `{ ${n}: { set: "\${ 1 }", export: { as: "\${ $context + {${n}: true} }" } } }`;
    const { output } = run(
      `- f: { fork: { branches: [${branch("a")}, ${branch("b")}] } }\n- s: { set: "\${ $context }" }`,
    );
    expect(output).toEqual({ a: true, b: true });
  });
});

describe("wait", () => {
  test("given a wait, when its time has passed, then it goes on with its input", () => {
    const { output, elapsedMs, status } = run(`- w: { wait: PT1M30S }`, { a: 1 });
    expect([output, elapsedMs, status]).toEqual([{ a: 1 }, 90_000, "COMPLETED"]);
  });
  test("given a wait in progress, when it is asked for its status, then it is WAITING", () => {
    expect(new EngineRun(workflowOf(`- w: { wait: { seconds: 1 } }`)).decide().result.status).toBe("WAITING");
  });
});

describe("timeout", () => {
  test("given a task that takes longer than its timeout, when time passes, then its error is timeout 408 at that task", () => {
    const { error, elapsedMs } = run(
      `- outer: { do: [{ w: { wait: { hours: 1 } } }], timeout: { after: { seconds: 2 } } }`,
    );
    expect(error).toMatchObject({ status: 408, instance: "/do/0/outer" });
    expect(elapsedMs).toBe(2_000);
  });
  test("given a task that is done in time, when it ends, then its timer is cancelled", () => {
    const { types, status } = run(`- w: { wait: { seconds: 1 }, timeout: { after: { seconds: 2 } } }`);
    expect(status).toBe("COMPLETED");
    expect(types).toContain("timer.cancelled");
  });
  test("given a workflow timeout, when it passes, then the workflow has failed at /timeout", () => {
    const { error } = run(`- w: { wait: { hours: 1 } }`, {}, undefined, `timeout: { after: { seconds: 2 } }`);
    expect(error).toMatchObject({ status: 408, instance: "/timeout" });
  });
  test("given a timeout around a try, when it is caught by an outer try, then the handler runs", () => {
    const { output } = run(
      `
- t:
    try:
      - w: { wait: { hours: 1 }, timeout: { after: PT1S } }
    catch:
      errors: { with: { status: 408 } }
      do:
        - h: { set: "\${ $error.status }" }
`,
    );
    expect(output).toBe(408);
  });
});

describe("call", () => {
  test("given a function of use.functions, when it is called, then its arguments are its input and its tasks report the caller", () => {
    const { output, events } = run(
      `- c: { call: double, with: { n: "\${ .a }" } }`,
      { a: 21 },
      undefined,
      `use: { functions: { double: { set: { r: "\${ .n * 2 }", ref: "\${ $task.reference }" } } } }`,
    );
    expect(output).toEqual({ r: 42, ref: "/do/0/c" });
    expect(events.filter(({ type }) => type === "task.started")).toHaveLength(2);
  });
  test("given a loop around a call, when it runs, then each iteration has its own idempotency key, and a retry the same", () => {
    const keys: string[] = [];
    let failures = 1;
    run(
      `
- loop:
    for: { in: "\${ [1,2] }" }
    do:
      - t: { try: [{ c: { call: fn } }], catch: { retry: { limit: { attempt: { count: 2 } } } } }
`,
      {},
      (_activity, event) => {
        keys.push(event.data.idempotencyKey);
        if (failures-- > 0) return { ok: false, error: { type: "x", status: 500 } };
        return { ok: true, output: null };
      },
    );
    const calls = [...new Set(keys)];
    expect(calls).toHaveLength(2);
  });
});

describe("a fork and the order of facts", () => {
  const tasks = `- f: { fork: { compete: true, branches: [{ a: { call: fn } }, { b: { call: fn } }] } }`;
  const fact = (asked: number, ok: boolean) => ({
    kind: "answer" as const,
    id: `a${asked}`,
    source: "executor-service" as const,
    at: 0,
    asked,
    outcome: ok
      ? { ok: true as const, output: asked }
      : { ok: false as const, error: { type: "https://example.com/x", status: 500 } },
  });

  test.each([
    ["first fails", [false, true], "FAILED"],
    ["first answers", [true, false], "COMPLETED"],
  ])(
    "given two answers of which the %s, when one commit takes both or each its own, then the end is the same",
    (_what, oks, status) => {
      const asked = () => {
        const run = new EngineRun(workflowOf(tasks)).decide();
        const names = run.events.filter(({ type }) => type === "task.requested").map(({ sequence }) => sequence);
        return { run, facts: names.map((name, i) => fact(name, oks[i] ?? false)) };
      };
      const together = asked();
      together.run.decide(together.facts);
      const apart = asked();
      for (const each of apart.facts) apart.run.decide([each]);
      expect(together.run.result.status).toBe(status);
      expect(together.run.events).toEqual(apart.run.events);
    },
  );

  test.each([
    ["first", `[{ a: { if: "\${ false }", set: no } }, { b: { call: fn } }]`],
    ["last", `[{ b: { call: fn } }, { a: { if: "\${ false }", set: no } }]`],
  ])("given a competing branch that is skipped, when it stands %s, then it has won", (_where, branches) => {
    const { status } = run(`- f: { fork: { compete: true, branches: ${branches} } }`, {}, () => "never");
    expect(status).toBe("COMPLETED");
  });
});
