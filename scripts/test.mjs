// npm test [-- arguments of vitest]: makes sure that the servers are there that tests start, then runs vitest once.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { binOf, fail, isAtLeast, root, setUp } from "./setup.mjs";

/** Programs of which tests start servers: the function of test/support that does, and the lowest version. */
const SERVERS = [
  {
    command: "redis-server",
    packages: ["redis-server"],
    starts: /\bstartRedis\(/,
    defines: "redis-server.ts",
    lowest: "7.0.0",
    how: "Redis 7 or later (Debian, Ubuntu: `apt-get install redis-server`; Fedora: `dnf install redis`; macOS: `brew install redis`)",
  },
  {
    command: "mosquitto",
    packages: ["mosquitto", "openssl"],
    starts: /\bstartMosquitto\(/,
    defines: "mosquitto-server.ts",
    how: "Mosquitto (Debian, Ubuntu: `apt-get install mosquitto`; macOS: `brew install mosquitto`)",
  },
  {
    command: "rabbitmq-server",
    packages: ["rabbitmq-server"],
    starts: /\bstartRabbitmq\(/,
    defines: "rabbitmq-server.ts",
    how: "RabbitMQ (Debian, Ubuntu: `apt-get install rabbitmq-server`; macOS: `brew install rabbitmq`)",
  },
  {
    command: "kcat",
    packages: ["kcat"],
    starts: /\bstartKafka\(/,
    defines: "kafka-server.ts",
    how: "kcat (Debian, Ubuntu: `apt-get install kcat`; macOS: `brew install kcat`)",
  },
];
const NO_POSTGRES = "PostgreSQL needs no installation: its binaries are among the dependencies.";
/** Where Debian has what only root starts; not on every user's PATH. */
const FOLDERS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];

setUp();
const missing = missingServers();
const skipped = excludedFiles(missing);
const args = ["run", ...process.argv.slice(2), ...skipped.flatMap((file) => ["--exclude", file])];
const vitest = spawn(process.execPath, [binOf("vitest"), ...args], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => vitest.kill(signal));
vitest.on("exit", (code, signal) => {
  if (skipped.length > 0) {
    const names = missing.map(({ command }) => command).join(", ");
    process.stdout.write(`not run, because something is missing (${names}): ${skipped.join(", ")}\n`);
  }
  process.exit(signal === null ? code : 1);
});

/** The servers that there are none of to test with, after installing them where that needs nobody's permission, with the reason. */
function missingServers() {
  const absent = SERVERS.filter(({ command }) => !isThere(command));
  if (absent.length > 0 && process.getuid?.() === 0 && existsSync("/etc/debian_version")) install(absent);
  return SERVERS.flatMap((server) => {
    const { command, lowest } = server;
    if (!isThere(command)) return [{ ...server, reason: `${command} was not found` }];
    const version = lowest === undefined ? undefined : versionOf(command);
    if (version === undefined || isAtLeast(version, lowest)) return [];
    return [{ ...server, reason: `${command} is version ${version}` }];
  });
}

function isThere(command) {
  return FOLDERS.some((folder) => existsSync(join(folder, command)));
}

function versionOf(command) {
  const { stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return /v=(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

function install(servers) {
  const packages = servers.flatMap((server) => server.packages);
  process.stderr.write(`${packages.join(", ")}: installing with apt-get …\n`);
  // RUNLEVEL: the packages would start servers of their own; each test starts what it needs.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  spawnSync("apt-get", ["update"], { stdio: "ignore", env });
  spawnSync("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { stdio: "ignore", env });
}

/** The test files that need a server that is missing; in continuous integration that is a failure instead. */
function excludedFiles(servers) {
  if (servers.length === 0) return [];
  const reasons = servers.map(({ reason }) => reason).join(", ");
  const how = servers.map((server) => `Install ${server.how}.`).join("\n");
  if (process.env.CI === "true") fail(`${reasons}, and under CI=true no test is skipped.\n${how}`);
  process.stderr.write(`${reasons}: the tests that need it are skipped.\n${how}\n${NO_POSTGRES}\n`);
  return testFiles(join(root, "test"))
    .filter((file) => servers.some((server) => needs(server, file)))
    .map((file) => relative(root, file));
}

function testFiles(directory) {
  return readdirSync(directory, { recursive: true })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => join(directory, file));
}

/** True when a file, or a helper it imports from test/, starts such a server. */
function needs(server, file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  if (server.starts.test(text)) return !file.endsWith(server.defines);
  const imports = [...text.matchAll(/from\s+"(\.[^"]+)"/g)].map((match) => resolve(dirname(file), match[1]));
  return imports.some((path) => path.startsWith(join(root, "test")) && needs(server, path, seen));
}
