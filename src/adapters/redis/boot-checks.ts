import type { Redis } from "ioredis";
import { gte } from "semver";
import { ConfigError } from "../../errors.ts";
import { answered } from "./connection.ts";

export interface CheckOptions {
  /** Also accept a Redis that keeps nothing on disk. */
  readonly allowVolatile: boolean;
}

/**
 * Refuses a Redis that could lose what it has acknowledged.
 * @returns what could not be checked, a sentence each.
 * @throws {ConfigError} with everything that is wrong, and what to do.
 */
export async function checkRedis(connection: Redis, { allowVolatile }: CheckOptions): Promise<readonly string[]> {
  const info = await infoOf(connection);
  const wrong: string[] = [];
  const unchecked: string[] = [];

  const version = info.get("redis_version");
  if (version === undefined) unchecked.push("The version of Redis could not be read; 7.0 or later is needed.");
  else if (!isSeven(version)) wrong.push(`Redis ${version} is too old: run Redis 7.0 or later.`);

  const policy = info.get("maxmemory_policy") ?? (await configOf(connection, "maxmemory-policy"));
  if (policy === undefined) unchecked.push("maxmemory-policy could not be read; make sure that it is noeviction.");
  else if (policy !== "noeviction") {
    wrong.push(
      `maxmemory-policy is ${policy}, so Redis may drop executions: run CONFIG SET maxmemory-policy noeviction.`,
    );
  }

  const aof = info.get("aof_enabled");
  if (!allowVolatile && aof === undefined) unchecked.push("appendonly could not be read; make sure that it is on.");
  else if (!allowVolatile && aof === "0") {
    wrong.push(
      "appendonly is off, so a restart of Redis loses executions: run CONFIG SET appendonly yes, or set ALLOW_VOLATILE=true.",
    );
  }
  if (aof === "1" && (await configOf(connection, "appendfsync")) === undefined) {
    unchecked.push("appendfsync could not be read (CONFIG is not allowed); durability counts as `process`.");
  }
  if (wrong.length > 0) throw new ConfigError(wrong.join("\n"));
  return unchecked;
}

/** `disk` when each answer follows a flush to disk. */
export async function durabilityOf(connection: Redis): Promise<"process" | "disk"> {
  const info = await infoOf(connection);
  if (info.get("aof_enabled") !== "1") return "process";
  return (await configOf(connection, "appendfsync")) === "always" ? "disk" : "process";
}

function isSeven(version: string): boolean {
  const [major = "0", minor = "0", patch = "0"] = version.split(".");
  return gte(`${Number(major)}.${Number(minor)}.${Number.parseInt(patch, 10) || 0}`, "7.0.0");
}

async function infoOf(connection: Redis): Promise<ReadonlyMap<string, string>> {
  const text = await answered(connection.info());
  const lines = text.split(/\r?\n/).flatMap((line) => (line.includes(":") ? [line.split(":", 2)] : []));
  return new Map(lines.map(([name = "", value = ""]) => [name, value]));
}

/** A setting, or undefined where CONFIG is not allowed, as on managed servers. */
async function configOf(connection: Redis, name: string): Promise<string | undefined> {
  const found = await connection.config("GET", name).catch((error: unknown) => {
    if (error instanceof Error && /^(NOPERM|ERR unknown command|ERR unknown subcommand)/.test(error.message)) return [];
    throw error;
  });
  const [, value] = Array.isArray(found) ? found : [];
  return typeof value === "string" ? value : undefined;
}
