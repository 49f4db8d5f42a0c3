import { describe, expect, test } from "vitest";
import type { Json } from "../../../src/values/json.ts";
import { bytesBeyond, jsonBytes } from "../../../src/values/json-size.ts";
import { EngineRun, OUTPUT_NOTHING, type World, workflowOf } from "../../support/run-engine.ts";

const LIMITS = { payloadBytes: 2_000, historyEvents: 40 };
const LARGE = '"x" * 3000';
const run = (tasks: string, input: Json = {}, world: World = OUTPUT_NOTHING, limits = LIMITS) =>
  new EngineRun(workflowOf(tasks), input, world, 1_000, limits).toTheEnd().result;

describe("given a value and a number of bytes", () => {
  test.each([
    ["text", "x".repeat(100)],
    ["text that JSON escapes", '\u0000"\n'.repeat(20)],
    ["text of several bytes", "größe 東京 🚀".repeat(9)],
    ["a lone surrogate", "\ud800"],
    ["nested", { a: [1, -2.5e300, null, true, { "": "ü", __proto__: 1 }], b: [], c: {} }],
    ["a number", 12_345],
  ])("when it is %s, then exactly what is longer as JSON is beyond", (_, value) => {
    const bytes = jsonBytes(value);
    expect(bytesBeyond(value, bytes)).toBeUndefined();
    expect(bytesBeyond(value, bytes - 1)).toBe(bytes);
    expect(bytesBeyond(value, 1_000_000)).toBeUndefined();
  });
});

describe("given a limit of payloads", () => {
  test.each([
    ["an output", `- a: {set: {text: '\${ ${LARGE} }'}}`, "the output has 3011 bytes"],
    ["an input", `- a: {input: {from: '\${ ${LARGE} }'}, set: {a: 1}}`, "the input has 3002 bytes"],
    ["the arguments of a call", `- a: {call: fn, with: {text: '\${ ${LARGE} }'}}`, "the input has"],
    ["a context", `- a: {set: {a: 1}, export: {as: '\${ ${LARGE} }'}}`, "the context has 3002 bytes"],
    [
      "what a loop goes over",
      "- a: {for: {in: '${ [range(2000)] }'}, do: [b: {set: {a: 1}}]}",
      "what the loop goes over",
    ],
  ])(
    "when a task has %s beyond it, then it fails with limit and value, and the history stays small",
    (_, task, detail) => {
      const { status, error, events } = run(task);
      expect(status).toBe("FAILED");
      expect(error).toMatchObject({ status: 400, type: expect.stringMatching(/validation$/), instance: "/do/0/a" });
      expect(error?.detail).toContain(detail);
      expect(error?.detail).toContain("PAYLOAD_MAX_BYTES=2000");
      expect(JSON.stringify(events).length).toBeLessThan(5_000);
    },
  );

  test("when a try is around the task, then it catches the error", () => {
    const tasks = `- a: {try: [b: {set: {text: '\${ ${LARGE} }'}}], catch: {errors: {with: {status: 400}}, do: [c: {set: {small: true}}]}}`;
    expect(run(tasks)).toMatchObject({ status: "COMPLETED", output: { small: true } });
  });

  test("when an activity answers with more, then its task fails", () => {
    const world: World = () => ({ ok: true, output: "y".repeat(2_100) });
    expect(run("- a: {call: fn, with: {}}", {}, world)).toMatchObject({
      status: "FAILED",
      error: { instance: "/do/0/a" },
    });
  });

  test("when the output of the workflow is beyond it, then the workflow fails", () => {
    const workflow = workflowOf("- a: {set: {a: 1}}", `output: {as: '\${ ${LARGE} }'}`);
    const { status, error } = new EngineRun(workflow, {}, OUTPUT_NOTHING, 1_000, LIMITS).toTheEnd().result;
    expect(status).toBe("FAILED");
    expect(error?.detail).toContain("PAYLOAD_MAX_BYTES=2000");
  });

  test("when a value is exactly as large, then it is taken", () => {
    const text = "z".repeat(LIMITS.payloadBytes - 2);
    expect(run("- a: {set: '${ . }'}", text)).toMatchObject({ status: "COMPLETED", output: text });
    expect(run("- a: {set: '${ . }'}", `${text}z`)).toMatchObject({ status: "FAILED" });
  });
});

describe("given a limit of histories", () => {
  const endless = "- a: {try: [b: {set: {a: 1}, then: exit}], catch: {do: [c: {set: {a: 1}}]}, then: a}";

  test("when a workflow goes round for ever, then it fails with limit and value, which no try catches", () => {
    const { status, error, events } = run(endless);
    expect(status).toBe("FAILED");
    expect(error).toMatchObject({ status: 500, type: expect.stringMatching(/runtime$/) });
    expect(error?.detail).toContain("HISTORY_MAX_EVENTS=40");
    expect(events.length).toBeGreaterThanOrEqual(40);
    expect(events.length).toBeLessThan(50);
  });

  test("when it is redriven with a higher limit, then it goes on where it was", () => {
    const tasks = "- a: {for: {in: '${ [range(20)] }'}, do: [b: {set: {n: '${ $item }'}}]}";
    const failed = new EngineRun(workflowOf(tasks), {}, OUTPUT_NOTHING, 1_000, LIMITS).toTheEnd();
    expect(failed.result.status).toBe("FAILED");
    failed.limits = { ...LIMITS, historyEvents: 1_000 };
    failed.retry();
    const { status, output, events } = failed.toTheEnd().result;
    expect(status).toBe("COMPLETED");
    expect(output).toEqual({ n: 19 });
    const rounds = events.filter(({ type, data }) => type === "task.started" && "name" in data && data.name === "b");
    expect(rounds).toHaveLength(20);
  });
});
