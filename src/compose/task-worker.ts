import type { DefinedFunction } from "../functions/index.ts";

export interface TaskWorkerOptions {
  /** What this worker can do besides HTTP calls. */
  readonly functions: readonly DefinedFunction[];
  /** Settings as in `.env.example`; default: the process's own environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A worker of activities inside a program of the caller's. */
export interface TaskWorker {
  /** Where it answers `/livez` and `/readyz`. */
  readonly healthUrl: string;
  /** Where it answers `/metrics`. */
  readonly metricsUrl: string;
  /** Stops taking, finishes what is in hand or hands it back, and disconnects. Signals are the caller's to handle. */
  close(): Promise<void>;
}

/**
 * Takes activities: HTTP calls and the given functions, whose names it announces.
 * @throws {ConfigError} when the settings or the machine do not allow it.
 */
export async function createTaskWorker(options: TaskWorkerOptions): Promise<TaskWorker> {
  // Only now: whoever merely defines functions does not load the whole service.
  const [{ openService }, { readySettings }] = await Promise.all([
    import("../compose.ts"),
    import("./ready-settings.ts"),
  ]);
  const { config, loaded } = await readySettings(options.env ?? process.env, ["task"]);
  const service = await openService(config, ["task"], { functions: options.functions, loaded });
  return {
    healthUrl: service.addresses.health,
    metricsUrl: service.addresses.metrics,
    close: () => service.drain(),
  };
}
