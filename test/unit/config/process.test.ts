import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const program = `
  const { exitOnConfigError, loadConfig, loadEnvFile } = await import(${JSON.stringify(new URL("../../../src/config/index.ts", import.meta.url).href)});
  const config = await exitOnConfigError(() => { loadEnvFile(); return loadConfig(process.env); });
  console.log(config.port, config.lanes);
`;
const tsx = fileURLToPath(new URL("../../../node_modules/tsx/dist/cli.mjs", import.meta.url));
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "durabull-config-"));
  writeFileSync(join(directory, "program.mts"), program);
  writeFileSync(join(directory, ".env"), "PORT=8181\nLANES=2\n");
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs an entry point in a directory with an .env file. */
function run(env: Readonly<Record<string, string>>) {
  return spawnSync(process.execPath, [tsx, "program.mts"], {
    cwd: directory,
    env: { PATH: process.env.PATH, ...env },
    encoding: "utf8",
  });
}

test("given an .env file, when the real environment says otherwise, then the real environment wins", () => {
  const { stdout, status } = run({ PORT: "9191" });
  expect({ stdout, status }).toEqual({ stdout: "9191 2\n", status: 0 });
});

test("given a wrong setting, when a process starts, then it exits with 78 and one readable report", () => {
  const { stderr, status } = run({ PORT: "http", TASK_CONCURRENCY: "0" });
  expect(status).toBe(78);
  expect(stderr).toBe(
    "the configuration is not usable:\n" +
      "  PORT=http: must be a whole number from 0 to 65535\n" +
      "  TASK_CONCURRENCY=0: must be a whole number from 1 to 10000\n",
  );
});
