import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const scripts = fileURLToPath(new URL("../../../scripts/", import.meta.url));
let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "durabull-clone-"));
  cpSync(join(scripts, "setup.mjs"), join(clone, "scripts/setup.mjs"));
  write("package.json", { type: "module", engines: { node: ">=20.18.1" } });
  // Stands for npm: says what it was asked.
  write(
    "npm.js",
    'require("node:fs").writeFileSync("asked", process.argv[2]); process.exit(Number(process.env.NPM_EXIT ?? 0));',
  );
});
afterEach(() => rmSync(clone, { recursive: true }));

function write(path: string, content: unknown): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), typeof content === "string" ? content : JSON.stringify(content));
}

/** Package entries as both lock files hold them. */
const packages = (more: Record<string, object> = {}) => ({
  packages: { "node_modules/a": { version: "1.0.0", integrity: "sha512-a" }, ...more },
});

function setUp(env: Readonly<Record<string, string>> = {}) {
  // A CommonJS program in a directory of modules, as npm's own is.
  write("npm/package.json", "{}");
  cpSync(join(clone, "npm.js"), join(clone, "npm/npm.js"));
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", 'import("./scripts/setup.mjs").then(({ setUp }) => setUp())'],
    { cwd: clone, encoding: "utf8", env: { PATH: process.env.PATH, npm_execpath: join(clone, "npm/npm.js"), ...env } },
  );
  const asked = existsSync(join(clone, "asked")) ? readFileSync(join(clone, "asked"), "utf8") : "nothing";
  return { status, stderr, asked };
}

describe("given a clone with a lock file", () => {
  test("when nothing is installed, then npm ci runs, and says so on standard error", () => {
    write("package-lock.json", packages());
    expect(setUp()).toEqual({ status: 0, asked: "ci", stderr: "node_modules is missing: running npm ci, once …\n" });
  });

  test.each<[string, Record<string, object>, Record<string, object>, string]>([
    ["all is as locked", {}, {}, "nothing"],
    ["a version differs", { "node_modules/b": { version: "2.0.0" } }, { "node_modules/b": { version: "1.0.0" } }, "ci"],
    [
      "a content differs",
      { "node_modules/b": { version: "1.0.0", integrity: "x" } },
      { "node_modules/b": { version: "1.0.0", integrity: "y" } },
      "ci",
    ],
    ["a package is missing", { "node_modules/b": { version: "1.0.0" } }, {}, "ci"],
    [
      "a package for another platform is missing",
      { "node_modules/b": { version: "1.0.0", optional: true } },
      {},
      "nothing",
    ],
    ["a package for development is missing", { "node_modules/b": { version: "1.0.0", dev: true } }, {}, "ci"],
    ["there is a package more", {}, { "node_modules/b": { version: "1.0.0" } }, "nothing"],
  ])("when %s, then npm is asked for what is needed", (_, locked, installed, asked) => {
    write("package-lock.json", packages(locked));
    write("node_modules/.package-lock.json", packages(installed));
    expect(setUp()).toMatchObject({ status: 0, asked });
  });

  test("when only packages for development are missing in production, then nothing is installed", () => {
    write("package-lock.json", packages({ "node_modules/b": { version: "1.0.0", dev: true } }));
    write("node_modules/.package-lock.json", packages());
    expect(setUp({ NODE_ENV: "production" })).toMatchObject({ status: 0, asked: "nothing" });
  });

  test("when node_modules is a link to another, stale one, then it is left alone", () => {
    write("package-lock.json", packages());
    write("elsewhere/.package-lock.json", { packages: {} });
    symlinkSync(join(clone, "elsewhere"), join(clone, "node_modules"));
    expect(setUp()).toMatchObject({
      status: 1,
      asked: "nothing",
      stderr: expect.stringContaining("node_modules is a link"),
    });
  });

  test("when npm fails, then the script ends with 1 and points at what npm wrote", () => {
    write("package-lock.json", packages());
    expect(setUp({ NPM_EXIT: "7" })).toMatchObject({ status: 1, stderr: expect.stringContaining("npm ci failed") });
  });
});

test("given a clone without a lock file, when nothing is installed, then npm install runs", () => {
  expect(setUp()).toMatchObject({ status: 0, asked: "install" });
});

test("given a Node that is too old, when a script starts, then it ends with 1 and names both versions", () => {
  write("package.json", { type: "module", engines: { node: ">=999.1.0" } });
  expect(setUp()).toMatchObject({
    status: 1,
    asked: "nothing",
    stderr: expect.stringContaining(`needs Node 999.1.0 or later; this is Node ${process.versions.node}`),
  });
});

describe("given a report of a test run", () => {
  const summary = (report?: unknown) => {
    if (report !== undefined) write("report.json", report);
    const args = [join(scripts, "summary.mjs"), join(clone, "report.json")];
    return spawnSync(process.execPath, args, { encoding: "utf8" }).stdout;
  };
  const file = (status: string, ...statuses: string[]) => ({
    status,
    assertionResults: statuses.map((each) => ({ status: each })),
  });

  test("when tests passed, failed and were skipped, then each is counted", () => {
    const testResults = [file("failed", "passed", "failed", "skipped"), file("passed", "passed", "todo")];
    expect(summary({ testResults })).toBe("2 passed, 1 failed, 2 skipped\n");
  });

  test("when a file could not be loaded, then it counts as a failure", () => {
    expect(summary({ testResults: [file("failed"), file("passed", "passed")] })).toBe(
      "1 passed, 1 failed, 0 skipped\n",
    );
  });

  test("when there is no report, then that is a failure", () => {
    expect(summary()).toBe("0 passed, 1 failed, 0 skipped\n");
  });
});
