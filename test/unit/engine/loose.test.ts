import { describe, expect, test } from "vitest";
import { run, type World } from "../../support/run-engine.ts";

const LOOSE = "evaluate: { mode: loose }";
const outputOf = (text: string, input = {}) =>
  run(`- a: { set: { v: ${JSON.stringify(text)} } }`, input, undefined, LOOSE).output;

describe("given loose evaluation, when a text of the definition is rendered", () => {
  test.each([
    [".b", { b: 7 }, 7],
    ["${ .b }", { b: 7 }, 7],
    ["$workflow.definition.document.name", {}, "test"],
    ["1 + 1", {}, 2],
    [".b.c", {}, null],
  ])("%s is evaluated", (text, input, v) => {
    expect(outputOf(text, input)).toEqual({ v });
  });
  test.each(["hello", "Hello, you!", "https://x.example/a", "a.b.c", ".b | (", "$unknown", ""])(
    "%s is no jq, so it stays",
    (text) => {
      expect(outputOf(text)).toEqual({ v: text });
    },
  );
  test.each([".b.c", "error", "tonumber"])("%s fails, so it stays", (text) => {
    expect(outputOf(text, { b: "text" })).toEqual({ v: text });
  });
  test("but one written as an expression still fails", () => {
    expect(outputOf("${ .b.c }", { b: "text" })).toBeUndefined();
    expect(run('- a: { set: { v: "${ .b.c }" } }', { b: 1 }, undefined, LOOSE).error).toMatchObject({ status: 400 });
  });
  test("and text in data is data", () => {
    expect(outputOf(".b", { b: ".c", c: 1 })).toEqual({ v: ".c" });
  });
});

test("given loose evaluation, when a call, an error and a wait are read, then expressions need no braces there either", () => {
  const calls: unknown[] = [];
  const world: World = ({ with: args }) => {
    calls.push(args);
    return { ok: true, output: null };
  };
  const tasks = `
- c: { call: http, with: { method: get, endpoint: '"https://" + .host', headers: { a: .host, b: plain } } , output: { as: $input } }
- w: { wait: .pause }
- r: { raise: { error: { type: '"https://" + .host', status: 500, title: Not here, detail: .host } } }
`;
  const { error, elapsedMs } = run(tasks, { host: "x.example", pause: "PT5S" }, world, LOOSE);
  expect(calls).toMatchObject([{ endpoint: "https://x.example", headers: { a: "x.example", b: "plain" } }]);
  expect(elapsedMs).toBe(5_000);
  expect(error).toMatchObject({ type: "https://x.example", title: "Not here", detail: "x.example" });
});
