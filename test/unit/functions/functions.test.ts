import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import { defineFunction, loadFunctions, WorkflowError } from "../../../src/functions/index.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "durabull-functions-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const library = JSON.stringify(new URL("../../../src/functions/index.ts", import.meta.url).href);

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(
    path,
    `${text.includes("defineFunction") ? `import { defineFunction } from ${library};\n` : ""}${text}\n`,
  );
  return path;
}

describe("given a module of functions", () => {
  test("when it is TypeScript with named exports, then they are found", async () => {
    const path = file(
      "named.ts",
      `const one: unknown = 1;
       export const add = defineFunction({ name: "add", queue: "maths", handler: () => one });
       export const sub = defineFunction({ name: "sub", handler: (): null => null });
       export const other = { name: "no function" };`,
    );
    const functions = await loadFunctions(path);
    expect(functions.map(({ name, queue }) => [name, queue])).toEqual([
      ["add", "maths"],
      ["sub", null],
    ]);
  });

  test("when a default array and a named export hold the same function, then it counts once", async () => {
    const path = file(
      "both.ts",
      `export const add = defineFunction({ name: "add", handler: () => null });
       export default [add, defineFunction({ name: "sub", handler: () => null })];`,
    );
    expect((await loadFunctions(path)).map(({ name }) => name).sort()).toEqual(["add", "sub"]);
  });

  const copy = `{ [Symbol.for("durabull.function")]: true, name: "plain", queue: null, input: null, output: null, handler: () => 1 }`;
  test.each([
    ["module.mjs", `export default ${copy};`],
    ["commonjs.js", `module.exports = { plain: ${copy} };`],
    ["commonjs.ts", `export const list = [${copy}];`],
  ])("when it is %s made by another copy of this package, then they are found", async (name, text) => {
    expect((await loadFunctions(file(name, text))).map((each) => each.name)).toEqual(["plain"]);
  });

  test("when its package is of type module, then named and default exports are found", async () => {
    mkdirSync(join(directory, "esm"));
    file("esm/package.json", '{"type":"module"}');
    const path = file(
      "esm/index.ts",
      `export const add = defineFunction({ name: "add", handler: () => null });
       export default [add, defineFunction({ name: "sub", handler: () => null })];`,
    );
    expect((await loadFunctions(path)).map(({ name }) => name).sort()).toEqual(["add", "sub"]);
  });

  test.each<[string, () => string, RegExp]>([
    ["is missing", () => join(directory, "missing.ts"), /does not exist/],
    ["is no module", () => file("functions.json", "{}"), /must be a \.ts/],
    ["cannot be parsed", () => file("broken.ts", "export const = 1;"), /cannot be loaded: /],
    ["throws", () => file("throws.ts", 'throw new Error("no database");'), /cannot be loaded: no database/],
    ["imports what is missing", () => file("imports.ts", 'import "./nowhere.ts";'), /cannot be loaded: .*nowhere/s],
    [
      "exports nothing",
      () => file("empty.ts", "export const a = 1;"),
      /exports nothing that was made with defineFunction/,
    ],
    [
      "has a name twice",
      () =>
        file(
          "twice.ts",
          `export const a = defineFunction({ name: "x", handler: () => 1 });
           export const b = defineFunction({ name: "x", handler: () => 2 });`,
        ),
      /exports two functions called x/,
    ],
    [
      "defines it wrongly",
      () => file("wrong.ts", 'export const a = defineFunction({ name: "http", handler: () => 1 });'),
      /built in/,
    ],
  ])("when it %s, then the configuration error says so", async (_, path, message) => {
    const given = path();
    const error = await loadFunctions(given).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(error).toMatchObject({ message: expect.stringContaining(`FUNCTIONS=${given}: `) });
  });
});

describe("given a definition of a function", () => {
  test.each(["", "1st", "a b", "a:b", "a@b", "a/b", "x".repeat(129), "http", "openapi"])(
    "when its name is %o, then it is refused",
    (name) => {
      expect(() => defineFunction({ name, handler: () => null })).toThrow(TypeError);
    },
  );

  test.each(["", "Upper", "a:b", "a b", "-a", "x".repeat(64)])("when its queue is %o, then it is refused", (queue) => {
    expect(() => defineFunction({ name: "ok", queue, handler: () => null })).toThrow(TypeError);
  });

  test.each([0, 99, 600, 4.5, Number.NaN])("when a WorkflowError has status %d, then it is refused", (status) => {
    expect(() => new WorkflowError({ type: "about:blank", status })).toThrow(TypeError);
  });
});
