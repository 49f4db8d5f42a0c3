import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Every module that an import below leads to. */
const TARGETS = [
  "src/errors.ts",
  "src/main.ts",
  "src/compose.ts",
  "src/compose/parts.ts",
  "src/values/json.ts",
  "src/dsl/index.ts",
  "src/engine/state.ts",
  "src/ports/queues.ts",
  "src/runtime/wake.ts",
  "src/adapters/redis/store.ts",
  "src/api/app.ts",
  "src/api/schemas/page.ts",
  "src/client/index.ts",
  "src/functions/index.ts",
  "src/config/config.ts",
  "workers/task.ts",
  "test/support/given.ts",
  "bullmq.config.ts",
];

/** A line in a module, and the rule that it breaks; undefined where it is as it should be. */
const CASES: readonly (readonly [module: string, line: string, rule: string | undefined])[] = [
  ["src/values/v1.ts", 'import "../dsl/index.ts";', "layer-values"],
  ["src/values/v2.ts", 'import "node:fs";', "core-is-pure"],
  ["src/values/v3.ts", 'import "node:crypto";', undefined],
  ["src/functions/f1.ts", 'import "../ports/queues.ts";', "layer-functions"],
  ["src/dsl/d1.ts", 'import type { a } from "../engine/state.ts";', "layer-dsl"],
  ["src/engine/e1.ts", 'import "../adapters/redis/store.ts";', "layer-engine"],
  ["src/engine/e2.ts", 'import type { a } from "../ports/queues.ts";', "layer-engine"],
  ["src/engine/e3.ts", 'import "node:crypto";', "engine-is-pure"],
  ["src/engine/e4.ts", 'import "zod";', "engine-is-pure"],
  ["src/engine/e5.ts", 'import { a } from "../dsl/index.ts";', undefined],
  ["src/expressions/j1.ts", 'import "jq-wasm";', "jq-is-ours"],
  ["src/expressions/j2.ts", 'import type { a } from "@michaelhomer/jqjs";', "jq-is-ours"],
  ["src/expressions/j3.ts", 'import "lru-cache";', undefined],
  ["src/ports/p1.ts", 'import { a } from "../engine/state.ts";', "layer-ports-types"],
  ["src/ports/p2.ts", 'import type { a } from "../engine/state.ts";', undefined],
  ["src/runtime/r1.ts", 'import "../adapters/redis/store.ts";', "layer-runtime"],
  ["src/runtime/r2.ts", 'import "bullmq";', "servers-behind-ports"],
  ["src/runtime/r3.ts", 'import { a } from "../ports/queues.ts";', undefined],
  ["src/executors/x1.ts", 'import "../runtime/wake.ts";', "layer-executors"],
  ["src/executors/x2.ts", 'import "../functions/index.ts";', undefined],
  ["src/adapters/bullmq/a1.ts", 'import { a } from "../../engine/state.ts";', "layer-adapters-types"],
  ["src/adapters/bullmq/a2.ts", 'import "../../../bullmq.config.ts";', undefined],
  ["src/adapters/bullmq/a3.ts", 'import "../../runtime/wake.ts";', "layer-adapters"],
  ["src/adapters/redis/a4.ts", 'import "ioredis";', undefined],
  ["src/config/c1.ts", 'import "../ports/queues.ts";', "layer-config"],
  ["src/api/i1.ts", 'import "../adapters/redis/store.ts";', "layer-api"],
  ["src/api/i2.ts", 'import "../../workers/task.ts";', "workers-are-entries"],
  ["src/client/l1.ts", 'import "../api/app.ts";', "layer-client"],
  ["src/client/l2.ts", 'import "../api/schemas/page.ts";', undefined],
  ["src/dashboard/h1.ts", 'import "../api/app.ts";', "layer-dashboard"],
  ["src/cli/m1.ts", 'import "../compose.ts";', "compose-is-outermost"],
  ["src/cli/m3.ts", 'import "../compose/parts.ts";', "compose-is-outermost"],
  ["src/cli/main.ts", 'import "../compose/parts.ts";', undefined],
  ["src/cli/m2.ts", 'import "../client/index.ts";', undefined],
  ["src/api/t1.ts", 'import "../../test/support/given.ts";', "source-needs-no-tests"],
  ["src/api/t2.ts", 'import "vitest";', "no-development-dependencies"],
  ["src/api/t3.ts", 'import "./nowhere.ts";', "resolvable"],
  ["src/api/t4.ts", 'import "./t5.ts";', "no-cycles"],
  ["src/api/t6.ts", 'import "./t7.ts";', undefined],
  ["workers/w1.ts", 'import "../src/runtime/wake.ts";', "workers-take-compose"],
  ["workers/w2.ts", 'import "../src/compose.ts";', undefined],
  ["workers/w3.ts", 'import "../src/compose/parts.ts";', undefined],
];

let directory: string;
let broken: ReadonlyMap<string, readonly string[]>;

/** One run over a small project that holds every case. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "durabull-layers-"));
  for (const file of ["tsconfig.json", "package.json", ".dependency-cruiser.cjs"])
    cpSync(join(root, file), join(directory, file));
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  for (const module of TARGETS) write(module, "export const a = 1;");
  write("src/api/t5.ts", 'import "./t4.ts";');
  write("src/api/t7.ts", 'import type { b } from "./t6.ts";\nexport const c = 1;');
  for (const [module, line] of CASES) write(module, `${line}\nexport const b = 1;`);
  const program = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      program,
      "--config",
      ".dependency-cruiser.cjs",
      "--output-type",
      "json",
      "src",
      "workers",
      "test",
      "bullmq.config.ts",
    ],
    { cwd: directory, encoding: "utf8", maxBuffer: 100_000_000 },
  );
  if (stdout === "") throw new Error(stderr);
  const { violations } = JSON.parse(stdout).summary as {
    violations: readonly { from: string; rule: { name: string } }[];
  };
  broken = rulesByModule(violations);
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(module: string, text: string): void {
  const path = join(directory, module);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\n`);
}

function rulesByModule(
  violations: readonly { from: string; rule: { name: string } }[],
): ReadonlyMap<string, readonly string[]> {
  const rules = new Map<string, string[]>();
  for (const { from, rule } of violations) rules.set(from, [...(rules.get(from) ?? []), rule.name]);
  return rules;
}

test.each(CASES)("given %s, when it holds `%s`, then the rule it breaks is %s", (module, _, rule) => {
  if (rule === undefined) expect(broken.get(module) ?? []).toEqual([]);
  else expect(broken.get(module)).toContain(rule);
});

test("given the modules that break nothing, when all rules are applied, then none of them is named", () => {
  expect(TARGETS.filter((module) => broken.has(module))).toEqual([]);
});
