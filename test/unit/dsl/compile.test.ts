import { describe, expect, test } from "vitest";
import { compileWorkflow, type Task, type Workflow } from "../../../src/dsl/index.ts";
import { readDefinition } from "../../../src/dsl/read-definition.ts";
import { renderTemplate } from "../../../src/dsl/template.ts";
import { InvalidDefinitionError } from "../../../src/errors.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const HEADER = "document: { dsl: 1.0.3, namespace: test, name: compiled, version: 1.2.3 }\n";
const compiled = (text: string): Workflow => compileWorkflow(readDefinition(HEADER + text).document);

/** The task with this key, of this kind. */
function taskAt<Kind extends Task["kind"]>(workflow: Workflow, key: string, kind: Kind): Extract<Task, { kind: Kind }> {
  const task = workflow.byKey.get(key);
  if (task?.kind !== kind) throw new Error(`no ${kind} task at ${key}`);
  return task as Extract<Task, { kind: Kind }>;
}

const NESTED = `
do:
  - a/b: { do: [{ inner: { set: { x: 1 } } }] }
  - loop: { for: { in: . }, do: [{ body: { set: { x: 1 } } }] }
  - t: { try: [{ x: { set: { x: 1 } } }], catch: { do: [{ h: { set: { x: 1 } } }] } }
  - f: { fork: { branches: [{ l: { set: { x: 1 } } }, { r: { set: { x: 1 } } }] } }
`;

test("given nested tasks, when compiled, then every one is found by its JSON pointer", () => {
  const workflow = compiled(NESTED);
  expect([...workflow.byKey.keys()].sort()).toEqual([
    "/do/0/a~1b",
    "/do/0/a~1b/do/0/inner",
    "/do/1/loop",
    "/do/1/loop/do/0/body",
    "/do/2/t",
    "/do/2/t/catch/do/0/h",
    "/do/2/t/try/0/x",
    "/do/3/f",
    "/do/3/f/fork/branches/0/l",
    "/do/3/f/fork/branches/1/r",
  ]);
  for (const [key, task] of workflow.byKey) expect(task).toMatchObject({ key, reference: key });
  expect(workflow.tasks.map(({ name }) => name)).toEqual(["a/b", "loop", "t", "f"]);
});

test("given a definition, when compiled, then its header, document and digest are kept", () => {
  const workflow = compiled("do: []\n");
  expect(workflow).toMatchObject({ namespace: "test", name: "compiled", version: "1.2.3", dsl: "1.0.3" });
  expect(workflow.document.do).toEqual([]);
  expect(workflow.digest).toMatch(/^[0-9a-f]{64}$/);
});

test("given the same definition in another order and form, when compiled, then the digest is the same", () => {
  const yaml = compiled("do:\n  - a: { set: { x: 1, y: 2 } }\nmetadata: x\n");
  const json = compileWorkflow({
    metadata: "x",
    do: [{ a: { set: { y: 2, x: 1 } } }],
    document: { version: "1.2.3", name: "compiled", namespace: "test", dsl: "1.0.3" },
  });
  expect(json.digest).toBe(yaml.digest);
  expect(compiled("do:\n  - a: { set: { x: 1, y: 3 } }\nmetadata: x\n").digest).not.toBe(yaml.digest);
});

describe("given a task, when compiled, then what is left out has its default", () => {
  const workflow = compiled(`${NESTED}  - w: { wait: PT1S }\n  - e: { try: [], catch: {} }\n`);
  test("common members", () => {
    expect(taskAt(workflow, "/do/4/w", "wait")).toMatchObject({
      if: null,
      input: { schema: null, from: null },
      output: { as: null, schema: null },
      export: { as: null, schema: null },
      timeout: null,
      then: { kind: "continue" },
      definition: { wait: "PT1S" },
    });
  });
  test("for", () => {
    expect(taskAt(workflow, "/do/1/loop", "for")).toMatchObject({ each: "item", at: "index", while: null });
  });
  test("catch", () => {
    expect(taskAt(workflow, "/do/5/e", "try").catch).toEqual({
      with: {},
      as: "error",
      when: null,
      exceptWhen: null,
      retry: null,
      do: null,
      then: null,
    });
  });
  test("fork", () => {
    expect(taskAt(workflow, "/do/3/f", "fork").compete).toBe(false);
  });
});

test("given flow directives, when compiled, then names become places in the list", () => {
  const workflow = compiled(`
do:
  - a: { wait: PT1S, then: c }
  - b: { switch: [{ x: { when: .x, then: a } }, { y: { then: exit } }], then: end }
  - c: { wait: PT1S }
`);
  expect(taskAt(workflow, "/do/0/a", "wait").then).toEqual({ kind: "task", index: 2 });
  const branch = taskAt(workflow, "/do/1/b", "switch");
  expect(branch.then).toEqual({ kind: "end" });
  expect(branch.cases.map(({ name, when, then }) => [name, when?.source, then])).toEqual([
    ["x", ".x", { kind: "task", index: 0 }],
    ["y", undefined, { kind: "exit" }],
  ]);
});

test("given named entries, when compiled, then they stand where they are named", () => {
  const workflow = compiled(`
use:
  timeouts: { short: { after: PT5S } }
  errors: { unpaid: { type: "https://x.example/unpaid", status: 402, detail: '\${ .why }', instance: /gone } }
  retries: { often: { delay: { seconds: 2 }, backoff: { linear: {} }, limit: { attempt: { count: 3, duration: PT1S }, duration: PT1M } } }
timeout: short
do:
  - r: { raise: { error: unpaid }, timeout: short }
  - t: { try: [], catch: { errors: { with: { status: 402, details: d } }, retry: often } }
`);
  const fixed = (members: JsonObject) => ({ kind: "fixed", duration: expect.objectContaining(members) });
  expect(workflow.timeout).toEqual(fixed({ seconds: 5 }));
  const raise = taskAt(workflow, "/do/0/r", "raise");
  expect(raise.timeout).toEqual(fixed({ seconds: 5 }));
  expect(renderTemplate(raise.error, { why: "poor" }, {}, { now: 0 })).toEqual({
    type: "https://x.example/unpaid",
    status: 402,
    detail: "poor",
  });
  const { retry, with: filter } = taskAt(workflow, "/do/1/t", "try").catch;
  expect(filter).toEqual({ status: 402, detail: "d" });
  expect(retry).toMatchObject({
    when: null,
    delay: fixed({ seconds: 2 }),
    backoff: "linear",
    jitter: null,
    maxRetries: 3,
    maxAttemptDuration: fixed({ seconds: 1 }),
    maxDuration: fixed({ minutes: 1 }),
  });
});

describe("given a call, when compiled, then it is built-in, of the definition, or TypeScript, in this order", () => {
  const workflow = compiled(`
use:
  functions:
    twice: { do: [{ one: { call: once, with: { a: 1 } } }, { two: { call: once } }], then: exit }
    once: { set: { x: '\${ . }' } }
do:
  - h: { call: http, with: { method: get, endpoint: "https://x.example" } }
  - f: { call: twice, with: { a: '\${ .b }' } }
  - c: { call: my.pay-out, with: { t: '\${ $secrets.t }' } }
  - d: { call: plain }
`);
  test("http", () => {
    expect(taskAt(workflow, "/do/0/h", "call")).toMatchObject({ call: "http", isLate: false, authentication: null });
  });
  test("TypeScript", () => {
    expect(taskAt(workflow, "/do/2/c", "call")).toMatchObject({
      call: "code",
      function: "my.pay-out",
      isLate: true,
    });
    expect(taskAt(workflow, "/do/3/d", "call")).toMatchObject({
      call: "code",
      with: null,
      isLate: false,
      authentication: null,
    });
  });
  test("a function of the definition: its body has keys of its own for each call, and the caller's reference", () => {
    expect(taskAt(workflow, "/do/1/f", "call")).toMatchObject({
      call: "function",
      function: "twice",
      body: { kind: "do", key: "/do/1/f#function", reference: "/do/1/f", name: "twice", then: { kind: "exit" } },
    });
    const inside = [...workflow.byKey.values()].filter(({ key }) => key.startsWith("/do/1/f#"));
    expect(inside.map(({ key }) => key).sort()).toEqual([
      "/do/1/f#function",
      "/do/1/f#function/do/0/one",
      "/do/1/f#function/do/0/one#function",
      "/do/1/f#function/do/1/two",
      "/do/1/f#function/do/1/two#function",
    ]);
    expect(new Set(inside.map(({ reference }) => reference))).toEqual(new Set(["/do/1/f"]));
  });
});

test("given functions that multiply, when compiled, then there is a limit", () => {
  const level = (n: number) =>
    `    f${n}: { do: [${Array.from({ length: 10 }, (_, i) => `{ c${i}: { call: f${n + 1} } }`).join(", ")}] }\n`;
  const text = `use:\n  functions:\n${[0, 1, 2, 3, 4].map(level).join("")}    f5: { set: { a: 1 } }\ndo:\n  - go: { call: f0 }\n`;
  expect(() => compiled(text)).toThrow(/more than 20000 tasks, counting the body of a function once for each call/);
});

test("given several mistakes, when compiled, then the error carries all", () => {
  const attempt = () => compiled("do:\n  - a: { wait: soon }\n  - a: { set: 1 }\n");
  expect(attempt).toThrow(InvalidDefinitionError);
  expect(attempt).toThrow(/\/do\/0\/a\/wait: .*\n.*\/do\/1\/a/s);
});

describe("given schemas, when values are checked, then the first fault is said with its place", () => {
  const schema = compiled(`
input:
  schema:
    document:
      type: object
      properties: { id: { type: integer }, day: { type: string, format: date }, size: { enum: [s, m] } }
      required: [id]
      additionalProperties: false
do: []
`).input.schema;
  const cases: readonly (readonly [value: Json, fault: string | undefined])[] = [
    [{ id: 1, day: "2024-02-29", size: "s" }, undefined],
    [null, "the value must be object"],
    [{}, "the value must have required property 'id'"],
    [{ id: "1" }, "/id must be integer"],
    [{ id: 1, day: "2024-02-30" }, '/day must match format "date"'],
    [{ id: 1, size: "l" }, '/size must be equal to one of the allowed values: ["s","m"]'],
    [{ id: 1, more: 2 }, 'the value must NOT have additional properties: "more"'],
  ];
  test.each(cases)("%j", (value, fault) => expect(schema?.check(value)).toBe(fault));

  test("draft 7 is understood when it says so", () => {
    const seven = compiled(
      'input: { schema: { document: { $schema: "http://json-schema.org/draft-07/schema#", items: [{ type: integer }] } } }\ndo: []\n',
    ).input.schema;
    expect([seven?.check([1]), seven?.check(["x"])]).toEqual([undefined, "/0 must be integer"]);
  });
});
