import { statSync } from "node:fs";
import { createServer } from "node:net";
import type { RoleName } from "../compose.ts";
import { type Config, checkConfig, configError, type Environment, type Settings } from "../config/index.ts";
import { ConfigError } from "../errors.ts";
import { type DefinedFunction, loadFunctions } from "../functions/index.ts";
import { listenMistake } from "./listen.ts";

export interface ReadySettings {
  readonly config: Config;
  /** Those of `FUNCTIONS`. */
  readonly loaded: readonly DefinedFunction[];
}

/**
 * Checks all settings before anything is opened: what can be said of their texts, and what only the machine knows (modules,
 * directories, ports).
 * @throws {ConfigError} that names every mistake.
 */
export async function readySettings(environment: Environment, roles: readonly RoleName[]): Promise<ReadySettings> {
  const { config, mistakes, settings } = checkConfig(environment);
  const isTaskWorker = roles.includes("task");
  const [functions, ports] = await Promise.all([
    isTaskWorker && settings.FUNCTIONS !== undefined ? functionsOf(settings.FUNCTIONS) : { loaded: [], mistakes: [] },
    portMistakes(settings, roles),
  ]);
  const directories = isTaskWorker && settings.SECRETS_DIR !== undefined ? directoryMistakes(settings.SECRETS_DIR) : [];
  const all = [...mistakes, ...functions.mistakes, ...directories, ...ports];
  if (config === null || all.length > 0) throw configError(all);
  return { config, loaded: functions.loaded };
}

async function functionsOf(path: string) {
  try {
    return { loaded: await loadFunctions(path), mistakes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { loaded: [], mistakes: [error.message] };
  }
}

function directoryMistakes(path: string): readonly string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return [];
  return [`SECRETS_DIR=${path}: ${found === undefined ? "does not exist" : "is not a directory"}`];
}

/** Opens each port for a moment. Somebody may still take one before it is opened for good. */
async function portMistakes(settings: Partial<Settings>, roles: readonly RoleName[]): Promise<readonly string[]> {
  const { HOST: host } = settings;
  if (host === undefined) return [];
  const wanted = [...(roles.includes("api") ? (["PORT"] as const) : []), "HEALTH_PORT", "METRICS_PORT"] as const;
  const mistakes = await Promise.all(
    wanted.map(async (setting) => {
      const port = settings[setting];
      return port === undefined || port === 0 ? undefined : portMistake(setting, host, port);
    }),
  );
  return [...new Set(mistakes.filter((mistake) => mistake !== undefined))];
}

function portMistake(setting: string, host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error) => resolve(listenMistake(error, setting, host, port)));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
