import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleJq } from "../../../scripts/bundle-jq.mjs";
import type * as Jq from "../../../src/expressions/jq/index.ts";

let directory: string;
let file: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "durabull-jq-"));
  file = join(directory, "index.mjs");
  await bundleJq(file);
});
afterAll(() => rmSync(directory, { recursive: true }));

test("given the compiler as one file, when it is imported where nothing is installed, then it works as its source does", async () => {
  const { compile, JqBudgetError, JqError, JqSyntaxError }: typeof Jq = await import(/* @vite-ignore */ file);
  expect(compile(".a + $x", { variables: ["x"] }).first({ a: 1 }, { x: 2 })).toBe(3);
  expect(compile('[.[] | test("\\\\p{L}+")]').first(["é", "1"])).toEqual([true, false]);
  expect(() => compile("{")).toThrow(JqSyntaxError);
  expect(() => compile("error").first("x")).toThrow(JqError);
  expect(() => compile("[range(1e12)]").first(null)).toThrow(JqBudgetError);
});

test("given the compiler as one file, when what it imports is read, then it is of Node alone", () => {
  const statements = readFileSync(file, "utf8").matchAll(/(?:^|[;\n])import\s*(?:[^"';]*\bfrom\s*)?"([^"]+)"/g);
  expect([...statements].map(([, name = ""]) => name).filter((name) => !isBuiltin(name))).toEqual([]);
});
