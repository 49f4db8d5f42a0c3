// What every script needs first: a Node that is new enough, and the dependencies of this clone. Uses nothing but Node.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Exits with 1 and a clear message when Node is too old; runs `npm ci` when node_modules is missing or stale. */
export function setUp() {
  requireNode();
  // Installed as somebody's dependency: whoever installed it has installed what it needs.
  if (root.split(sep).includes("node_modules")) return;
  const reason = staleReason();
  if (reason !== undefined) install(reason);
}

function requireNode() {
  const needed = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node.replace(">=", "");
  if (isAtLeast(process.versions.node, needed)) return;
  fail(
    `Durabull needs Node ${needed} or later; this is Node ${process.versions.node}. See https://nodejs.org/en/download`,
  );
}

/** Compares dotted version numbers. */
export function isAtLeast(version, needed) {
  const parts = (text) => text.split(".").map((part) => Number.parseInt(part, 10));
  const [have, want] = [parts(version), parts(needed)];
  const different = want.findIndex((part, index) => part !== (have[index] ?? 0));
  return different === -1 || (have[different] ?? 0) > want[different];
}

/** Why the dependencies must be installed; undefined when they are what package-lock.json says. */
function staleReason() {
  const modules = join(root, "node_modules");
  if (!existsSync(modules)) return "node_modules is missing";
  const installed = readPackages(join(modules, ".package-lock.json"));
  if (installed === undefined) return "node_modules was not written by npm";
  const wanted = readPackages(join(root, "package-lock.json"));
  if (wanted === undefined) return undefined;
  const production = process.env.NODE_ENV === "production";
  const stale = Object.entries(wanted).find(([path, { version, integrity, optional, dev, devOptional, link }]) => {
    if (path === "" || link) return false;
    const there = installed[path];
    // Packages for other platforms are never installed; those for development not in production.
    if (there === undefined) return !optional && !devOptional && !(dev && production);
    return there.version !== version || there.integrity !== integrity;
  });
  return stale === undefined ? undefined : `${stale[0]} is not as package-lock.json says`;
}

function readPackages(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : undefined;
}

function install(reason) {
  const modules = join(root, "node_modules");
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) {
    // `npm ci` would empty the directory it leads to, which others may be using.
    fail(`${reason}, and node_modules is a link: install where it leads to.`);
  }
  const command = existsSync(join(root, "package-lock.json")) ? "ci" : "install";
  process.stderr.write(`${reason}: running npm ${command}, once …\n`);
  // npm's messages go to standard error: standard output belongs to what is started.
  const options = { cwd: root, stdio: ["ignore", process.stderr, process.stderr] };
  const args = [command, "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const result =
    npm?.endsWith(".js") === true
      ? spawnSync(process.execPath, [npm, ...args], options)
      : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (result.error !== undefined) fail(`npm could not be run: ${result.error.message}`);
  if (result.status !== 0) fail(`npm ${command} failed; what it wrote above says why.`);
}

/** The newest program of a package of this clone, as an argument for Node. */
export function binOf(name, bin = name) {
  const directory = join(root, "node_modules", name);
  const { bin: bins } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  return join(directory, typeof bins === "string" ? bins : bins[bin]);
}

/** Runs a TypeScript module in this process, so that signals and the terminal are its own. */
export async function runTypeScript(file) {
  const { register } = await import("tsx/esm/api");
  register();
  await import(new URL(file, new URL("../", import.meta.url)).href);
}

export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
