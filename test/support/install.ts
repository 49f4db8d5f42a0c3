import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Makes sure that `redis-server` can be run, and installs it where that needs nobody's permission. */
export function ensureRedisServer(): void {
  if (hasCommand("redis-server")) return;
  if (!canInstall()) {
    throw new Error(
      "redis-server was not found. Install Redis 7 or later (Debian, Ubuntu: `apt-get install redis-server`; " +
        "macOS: `brew install redis`) and make sure that `redis-server` is on the PATH.",
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update"], { stdio: "ignore", env });
  // The package would start a server of its own on port 6379; a test starts what it needs.
  execFileSync("apt-get", ["install", "-y", "redis-server"], { stdio: "ignore", env: { ...env, RUNLEVEL: "1" } });
}

export function hasCommand(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).error === undefined;
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version") && hasCommand("apt-get");
}
