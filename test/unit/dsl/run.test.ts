import { describe, expect, test } from "vitest";
import { checkDefinition, compileWorkflow } from "../../../src/dsl/index.ts";
import { renderProcess } from "../../../src/dsl/tasks/run.ts";
import type { RunProcessTask } from "../../../src/dsl/workflow.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const definition = (run: JsonObject): JsonObject => ({
  document: { dsl: "1.0.3", namespace: "test", name: "run", version: "1.0.0" },
  do: [{ t: { run } }],
});
const issuesOf = (run: JsonObject) =>
  checkDefinition(definition(run)).issues.map(
    ({ pointer, message }) => `${pointer.replace("/do/0/t/run", "")}: ${message}`,
  );
const rendered = (run: JsonObject, input: Json = {}) =>
  renderProcess(compileWorkflow(definition(run)).tasks[0] as RunProcessTask, input, {}, { now: 0 });

describe("given a process that is described wrongly, when the definition is checked, then it says so and where", () => {
  test.each<[string, JsonObject, string]>([
    [
      "two processes",
      { shell: { command: "x" }, script: { language: "js", code: "x" } },
      ": `run` starts one process, not 2",
    ],
    ["no code", { script: { language: "js" } }, "/script: `run.script` needs either `code` or `source`"],
    [
      "code and source",
      { script: { language: "js", code: "x", source: { endpoint: "https://x.example/a.js" } } },
      "/script: `run.script` needs either `code` or `source`",
    ],
    [
      "a language",
      { script: { language: "phyton", code: "x" } },
      '/script/language: scripts are in one of js, javascript, python, python3, not the text "phyton"; did you mean "python"?',
    ],
    [
      "a number as argument",
      { shell: { command: "x", arguments: [1] } },
      "/shell/arguments/0: an argument must be text, not the number 1",
    ],
    [
      "a name",
      { shell: { command: "x", environment: { "A=": "b" } } },
      '/shell/environment/A=: "A=" is no name of a variable',
    ],
    [
      "a return",
      { shell: { command: "x" }, return: "nothing" },
      '/return: `return` must be "stdout", "stderr", "code", "all" or "none", not the text "nothing"',
    ],
    [
      "no end of a lifetime",
      { container: { image: "x", lifetime: { cleanup: "eventually" } } },
      '/container/lifetime: `lifetime` needs "after" with eventually',
    ],
    [
      "an end of no lifetime",
      { container: { image: "x", lifetime: { cleanup: "always", after: "PT1M" } } },
      '/container/lifetime/after: "after" has a meaning only with `cleanup: eventually`',
    ],
    [
      "a source that is no URI",
      { script: { language: "js", source: { endpoint: "file:///etc/passwd" } } },
      "/script/source/endpoint: an endpoint must be a URI that begins with http:// or https://, or an expression that gives one",
    ],
  ])("%s", (_, run, issue) => expect(issuesOf(run)).toEqual([issue]));
});

test("given a shell command with an expression inside, when it is checked, then a warning says how to hand a value over", () => {
  const warningsOf = (command: string) => checkDefinition(definition({ shell: { command } })).warnings;
  expect(warningsOf(`echo "\${ .name }"`)).toMatchObject([
    { pointer: "/do/0/t/run/shell/command", message: expect.stringContaining("`arguments`") },
  ]);
  expect(warningsOf(`echo "\${NAME} \${1:-x}"`)).toEqual([]);
});

describe("given a process, when it is asked for, then an executor gets text", () => {
  test("whatever expressions give", () => {
    const shell = {
      command: "x",
      arguments: ["a", "${ .n }", "${ .o }"],
      environment: { N: "${ .n }", O: "${ .o }", NONE: "${ null }", B: true },
      stdin: "${ .o }",
    };
    expect(rendered({ shell, return: "all", await: false }, { n: 1, o: { a: [1] } })).toEqual({
      command: "x",
      arguments: ["a", "1", '{"a":[1]}'],
      environment: { N: "1", O: '{"a":[1]}', B: "true" },
      stdin: '{"a":[1]}',
      return: "all",
      await: false,
    });
  });

  test("and arguments by name are variables of a script, name=value of a command", () => {
    const named = { arguments: { who: "Ada", "--loud": null, n: 2 } };
    expect(rendered({ script: { language: "javascript", code: "x", ...named } })).toMatchObject({
      language: "js",
      variables: { who: "Ada", "--loud": null, n: 2 },
      arguments: [],
    });
    expect(rendered({ shell: { command: "x", ...named } })).toMatchObject({ arguments: ["who=Ada", "--loud", "n=2"] });
  });

  test("of a container also its ports and volumes, as engines write them", () => {
    const container = {
      image: "alpine:3",
      ports: { 8080: 80, "127.0.0.1:9": "9/udp" },
      volumes: { data: "/data" },
      lifetime: { cleanup: "eventually", after: { minutes: 1 } },
    };
    expect(rendered({ container })).toMatchObject({
      ports: ["8080:80", "127.0.0.1:9:9/udp"],
      volumes: ["data:/data"],
      pull: "ifNotPresent",
      cleanup: "eventually",
      removeAfterMs: 60_000,
    });
  });

  test.each<[string, JsonObject]>([
    ["NUL in an argument", { shell: { command: "x", arguments: ["${ .nul }"] } }],
    ["an image that is an option", { container: { image: "${ .option }" } }],
    ["a command that is none", { shell: { command: "${ .nothing }" } }],
  ])("but %s is an expression error", (_, run) => {
    expect(() => rendered(run, { nul: "a\0b", option: "--privileged" })).toThrow();
  });
});
