// npm test [-- arguments of vitest]: makes sure that redis-server is there, then runs vitest once.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { binOf, fail, isAtLeast, root, setUp } from "./setup.mjs";

const REDIS = "7.0.0";
const HOW_TO_INSTALL =
  "Install Redis 7 or later (Debian, Ubuntu: `apt-get install redis-server`; Fedora: `dnf install redis`; macOS: `brew install redis`)\n" +
  "and make sure that `redis-server` is on the PATH. PostgreSQL needs no installation: its binaries are among the dependencies.";

setUp();
const skipped = excludedFiles(missingRedis());
const args = ["run", ...process.argv.slice(2), ...skipped.flatMap((file) => ["--exclude", file])];
const vitest = spawn(process.execPath, [binOf("vitest"), ...args], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => vitest.kill(signal));
vitest.on("exit", (code, signal) => {
  if (skipped.length > 0) process.stdout.write(`not run, because redis-server is missing: ${skipped.join(", ")}\n`);
  process.exit(signal === null ? code : 1);
});

/** Why there is no redis-server to test with, after installing it where that needs nobody's permission; undefined when there is. */
function missingRedis() {
  if (redisVersion() === undefined && process.getuid?.() === 0 && existsSync("/etc/debian_version")) installRedis();
  const version = redisVersion();
  if (version === undefined) return "redis-server was not found";
  return isAtLeast(version, REDIS) ? undefined : `redis-server is version ${version}`;
}

function redisVersion() {
  const { stdout } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return /v=(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

function installRedis() {
  process.stderr.write("redis-server is missing: installing it with apt-get …\n");
  // RUNLEVEL: the package would start a server of its own on port 6379; each test starts what it needs.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  spawnSync("apt-get", ["update"], { stdio: "ignore", env });
  spawnSync("apt-get", ["install", "-y", "redis-server"], { stdio: "ignore", env });
}

/** The test files that need Redis, when there is none; in continuous integration that is a failure instead. */
function excludedFiles(reason) {
  if (reason === undefined) return [];
  if (process.env.CI === "true") fail(`${reason}, and under CI=true no test is skipped.\n${HOW_TO_INSTALL}`);
  process.stderr.write(`${reason}: the tests that need Redis are skipped.\n${HOW_TO_INSTALL}\n`);
  return testFiles(join(root, "test"))
    .filter((file) => needsRedis(file))
    .map((file) => relative(root, file));
}

function testFiles(directory) {
  return readdirSync(directory, { recursive: true })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => join(directory, file));
}

/** True when a file, or a helper it imports from test/, starts a Redis server. */
function needsRedis(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  if (/\bstartRedis\(/.test(text)) return !file.endsWith("redis-server.ts");
  const imports = [...text.matchAll(/from\s+"(\.[^"]+)"/g)].map((match) => resolve(dirname(file), match[1]));
  return imports.some((path) => path.startsWith(join(root, "test")) && needsRedis(path, seen));
}
