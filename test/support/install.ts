import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** A program that tests need, the package of Debian that has it, and how else it is had. */
interface Program {
  readonly command: string;
  readonly package: string;
  readonly how: string;
}

/** Makes sure that `redis-server` can be run, and installs it where that needs nobody's permission. */
export function ensureRedisServer(): void {
  ensure({
    command: "redis-server",
    package: "redis-server",
    how:
      "Install Redis 7 or later (Debian, Ubuntu: `apt-get install redis-server`; " +
      "macOS: `brew install redis`) and make sure that `redis-server` is on the PATH.",
  });
}

/** As `ensureRedisServer`, for a broker of MQTT. */
export function ensureMosquitto(): void {
  const how = "Install it (Debian, Ubuntu: `apt-get install mosquitto`; macOS: `brew install mosquitto`).";
  ensure({ command: "mosquitto", package: "mosquitto", how });
}

/** As `ensureRedisServer`, for what makes certificates. */
export function ensureOpenssl(): void {
  const how = "Install it (Debian, Ubuntu: `apt-get install openssl`; macOS has it).";
  ensure({ command: "openssl", package: "openssl", how });
}

/** As `ensureRedisServer`, for a broker of AMQP 0-9-1. */
export function ensureRabbitmq(): void {
  ensure({
    command: "rabbitmq-server",
    package: "rabbitmq-server",
    how: "Install RabbitMQ (Debian, Ubuntu: `apt-get install rabbitmq-server`; macOS: `brew install rabbitmq`).",
  });
}

/** As `ensureRedisServer`, for what has a broker of Kafka. */
export function ensureKcat(): void {
  const how = "Install it (Debian, Ubuntu: `apt-get install kcat`; macOS: `brew install kcat`).";
  ensure({ command: "kcat", package: "kcat", how });
}

function ensure({ command, package: name, how }: Program): void {
  if (pathOf(command) !== undefined) return;
  if (!canInstall()) throw new Error(`${command} was not found. ${how}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update"], { stdio: "ignore", env });
  // The package would start a server of its own; a test starts what it needs.
  const options = ["install", "-y", "--no-install-recommends", name];
  execFileSync("apt-get", options, { stdio: "ignore", env: { ...env, RUNLEVEL: "1" } });
}

/** Where a program is; undefined when it is nowhere. Does not run it: some take everything for a wish to start. */
export function pathOf(command: string): string | undefined {
  // Debian has there what mostly root starts.
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];
  return folders.map((folder) => `${folder}/${command}`).find((path) => existsSync(path));
}

export function hasCommand(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).error === undefined;
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version") && hasCommand("apt-get");
}
