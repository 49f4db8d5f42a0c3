import { describe, expect, test } from "vitest";
import { owed, statusOf } from "../../../../src/engine/index.ts";
import type { Json } from "../../../../src/values/json.ts";
import { problemOf } from "../../../../src/values/problem.ts";
import { EngineRun, workflowOf } from "../../../support/run-engine.ts";

const asyncapi = (consume: string, foreach: string, more = "") =>
  `- c: {call: asyncapi, with: {document: {endpoint: 'https://x.example'}, operation: o, subscription: {consume: ${consume}, foreach: ${foreach}}}${more}}`;
const started = (tasks: string, input: Json = {}) => new EngineRun(workflowOf(tasks), input).decide();
const consuming = (consume: string, foreach: string, more = "") => started(asyncapi(consume, foreach, more));
const outputOf = (run: EngineRun) => run.checkPrefixes().result.output;
const asked = (run: EngineRun) => Number(Object.keys(run.state.activities).at(-1));
const DONE = { ok: true, output: [] } as const;
const broken = { ok: false, error: problemOf("communication", "gone") } as const;

describe("given a call that works on each message it consumes", () => {
  test("when messages come, then each is worked on in its order, and what foreach.output gives is the output", () => {
    const run = consuming(
      "{amount: 2}",
      "{item: m, at: i, do: [{s: {set: {n: '${ $m.payload + $i }', in: '${ . }'}}}], output: {as: '${ {n, index: $i} }'}}",
    );
    expect(run.events.at(-1)).toMatchObject({
      type: "task.requested",
      data: { activity: { queue: "subscriptions" }, consumes: { each: { item: "m", at: "i" }, received: 0 } },
    });
    run.give({ payload: 10 }).give({ payload: 20 });
    expect(run.result.status).toBe("RUNNING");
    expect(outputOf(run.answer(run.source, DONE))).toEqual([
      { n: 10, index: 0 },
      { n: 21, index: 1 },
    ]);
  });

  test("when there are more than its amount, then nobody works on them", () => {
    const run = consuming("{amount: 1}", "{}").give(1).give(2);
    expect(outputOf(run.answer(run.source, DONE))).toEqual([1]);
  });

  test("when messages come while one is worked on, then they wait; each has an idempotency key of its own", () => {
    const run = consuming("{amount: 3}", "{do: [{w: {call: fn, with: {m: '${ $item }'}}}]}").give("a").give("b");
    const call = asked(run);
    expect(owed(run.state).map(({ kind }) => kind)).toEqual(["activity", "activity"]);
    run.answer(call, { ok: true, output: "A" });
    run.give("c").answer(asked(run), { ok: true, output: "B" });
    run.answer(run.source, DONE).answer(asked(run), { ok: true, output: "C" });
    expect(outputOf(run)).toEqual(["A", "B", "C"]);
    const keys = run.events.flatMap((each) => (each.type === "task.requested" ? [each.data.idempotencyKey] : []));
    expect(new Set(keys).size).toBe(4);
  });

  test.each([
    ["while", "{while: '${ ($context.total // 0) < 3 }'}"],
    ["until", "{until: '${ ($context.total // 0) >= 3 }'}"],
    ["while, by what was consumed", "{while: '${ ($context.consumedMessages | length) < 2 }'}"],
    ["until, by what was consumed", "{until: '${ length == 2 }'}"],
  ])(
    "when %s judges, then what foreach.export made of the context counts, and the activity is owed no more",
    (_, consume) => {
      const run = consuming(consume, "{export: {as: '${ {total: (($context.total // 0) + $item)} }'}}");
      run.give(1);
      expect(run.result.status).toBe("RUNNING");
      expect(outputOf(run.give(2))).toEqual([1, 2]);
      expect(owed(run.state)).toEqual([]);
    },
  );

  test("when until holds from the beginning, then nobody is asked for messages", () => {
    expect(outputOf(consuming("{until: '${ true }'}", "{}"))).toEqual([]);
  });

  test("when it goes on for ever, then nothing is kept of what it consumed", () => {
    const run = consuming(
      "{while: '${ true }'}",
      "{do: [{e: {emit: {event: {with: {type: a, source: /x, data: '${ $item }'}}}}}]}",
    );
    for (let n = 0; n < 5; n++) run.give(n);
    const frame = Object.values(run.state.frames).find(({ listen }) => listen !== null);
    expect(frame?.listen).toMatchObject({ position: 5, iteration: 4, consumed: [], waiting: [] });
    expect(run.events.filter(({ type }) => type === "event.emitted")).toHaveLength(5);
  });

  test("when exit or end ends the work on one, then on that one only, or the workflow", () => {
    const body = "{do: [{s: {set: '${ $item }', then: exit}}, {never: {set: {x: 1}}}]}";
    const run = consuming("{amount: 2}", body).give("a").give("b");
    expect(outputOf(run.answer(run.source, DONE))).toEqual(["a", "b"]);
    expect(outputOf(consuming("{amount: 2}", "{do: [{s: {set: '${ $item }', then: end}}]}").give("a"))).toBe("a");
  });

  test("when its activity fails, then what it gave is worked on before the task fails", () => {
    const run = consuming("{amount: 3}", "{do: [{w: {wait: PT1S}}]}").give("a").give("b");
    run.answer(run.source, broken);
    expect(run.toTheEnd().checkPrefixes().result).toMatchObject({ status: "FAILED", error: { instance: "/do/0/c" } });
    expect(run.events.filter(({ type }) => type === "event.processed")).toHaveLength(2);
    const none = consuming("{amount: 3}", "{}");
    expect(none.answer(none.source, broken).result.error).toMatchObject({ detail: "gone" });
  });

  test("when a message is too large to be kept, then its task fails", () => {
    const run = consuming("{amount: 3}", "{}");
    run.limits = { payloadBytes: 100, historyEvents: 1_000 };
    expect(run.give("x".repeat(200)).result).toMatchObject({ status: "FAILED", error: { instance: "/do/0/c" } });
  });

  test("when a task of it fails, then a redrive repeats that task, asks for messages again, and counts on", () => {
    const run = consuming("{amount: 3}", "{do: [{w: {call: fn}}]}").give("a");
    run.answer(asked(run), { ok: true, output: "A" }).give("b").give("c");
    run.answer(asked(run), broken);
    expect(run.result.status).toBe("FAILED");
    run.retry();
    expect(run.events[run.source - 1]?.data).toMatchObject({ consumes: { received: 3 } });
    run.answer(run.source, DONE);
    for (const output of ["B", "C"]) run.answer(asked(run), { ok: true, output });
    expect(outputOf(run)).toEqual(["A", "B", "C"]);
  });

  test("when something beside it fails between two of its steps, then a redrive goes on with them", () => {
    const call = asyncapi("{amount: 2}", "{do: [{p: {set: '${ $item }'}}]}").slice(2);
    const run = started(`- f: {fork: {branches: [{x: {call: fn}}, {d: {do: [{${call}}]}}]}}`);
    const [beside = 0] = Object.keys(run.state.activities).map(Number);
    run.say("pause").answer(beside, broken).give("a");
    run.say("resume");
    expect(run.result.status).toBe("FAILED");
    run.retry();
    run.give("b");
    run.answer(run.source, DONE);
    const again = run.events.findLast(({ type, data }) => type === "task.requested" && !("consumes" in data));
    expect(run.answer(again?.sequence ?? 0, { ok: true, output: "x" }).checkPrefixes().result.output).toEqual([
      "x",
      ["a", "b"],
    ]);
  });

  test("when it is paused, then messages are kept, and worked on after it is resumed", () => {
    const run = consuming("{amount: 1}", "{}").say("pause").give("a");
    expect(statusOf(run.state)).toBe("PAUSED");
    run.say("resume");
    expect(outputOf(run.answer(run.source, DONE))).toEqual(["a"]);
  });

  test("when its task times out, then what it works on is cancelled", () => {
    const run = consuming("{amount: 2}", "{do: [{w: {wait: PT1H}}]}", ", timeout: {after: PT1S}").give("a").toTheEnd();
    expect(run.result.error).toMatchObject({ status: 408 });
    expect(run.events.some(({ type, data }) => type === "task.cancelled" && data.task.endsWith("/do/0/w"))).toBe(true);
  });
});

test("given a task that listens with foreach, when two events come, then calls for each have idempotency keys of their own", () => {
  const run = started("- l: {listen: {to: {any: [], until: '${ length == 2 }'}}, foreach: {do: [{c: {call: fn}}]}}");
  for (const data of [1, 2]) {
    run.hear({ type: "a", data });
    run.answer(asked(run), { ok: true, output: data });
  }
  const keys = run.events.flatMap((each) => (each.type === "task.requested" ? [each.data.idempotencyKey] : []));
  expect(new Set(keys).size).toBe(2);
});
