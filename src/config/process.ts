import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, StoreUnavailableError } from "../errors.ts";

/** EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;
/** EX_UNAVAILABLE: nothing is known to be wrong with the settings, so that a supervisor may well try again. */
export const EXIT_UNAVAILABLE = 69;

/**
 * Adds the `.env` of a directory, when there is one, to `process.env`; what the real environment says stands.
 * @throws {ConfigError} when it cannot be read.
 */
export function loadEnvFile(directory: string = process.cwd()): void {
  const path = join(directory, ".env");
  if (!existsSync(path)) return;
  try {
    process.loadEnvFile(path);
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Runs the start of a process. A ConfigError is written to standard error, without a stack, and ends it with 78; so is a server that
 * does not answer, with 69.
 */
export async function exitOnConfigError<Result>(start: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof ConfigError) return exitWith(EXIT_CONFIG, error.message);
    if (!(error instanceof StoreUnavailableError)) throw error;
    return exitWith(
      EXIT_UNAVAILABLE,
      `${error.message}; REDIS_URL (or REDIS_HOST) and DATABASE_URL say which servers are used`,
    );
  }
}

function exitWith(code: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
