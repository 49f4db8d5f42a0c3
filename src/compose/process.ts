import { constants } from "node:os";
import { openService, type RoleName, type Service, type ServiceOptions } from "../compose.ts";
import { EXIT_UNAVAILABLE, exitOnConfigError, loadEnvFile } from "../config/index.ts";
import { readySettings } from "./ready-settings.ts";

/** After the grace of a drain: what closing servers and connections may take before the process ends without it. */
const CLOSE_WITHIN_MS = 5_000;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Runs a process of the service until a signal ends it: the first drains, the second ends it at once. */
export async function runProcess(roles: readonly RoleName[], options: ServiceOptions = {}): Promise<Service> {
  return exitOnConfigError(async () => {
    loadEnvFile();
    const { config, loaded } = await readySettings(process.env, roles);
    // Heard from the beginning: a process that is stopped while it starts leaves no half-open server behind.
    const asked = firstSignal();
    const service = await openService(config, roles, { ...options, loaded });
    void asked.then((signal) => drain(service, signal));
    void service.adapters.lost.then(() => endWithoutStore(service));
    return service;
  });
}

/** Resolves at the first signal; the second ends the process at once, with the code that shells give to a signal. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let heard = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (heard) process.exit(128 + constants.signals[signal]);
        heard = true;
        resolve(signal);
      });
    }
  });
}

/** Nothing is lost: the next start takes the store up where it is. Whatever restarts processes sees that this one has ended. */
function endWithoutStore({ log }: Service): never {
  log.error({}, "the embedded PostgreSQL has ended: this process ends too; start it again");
  process.exit(EXIT_UNAVAILABLE);
}

async function drain(service: Service, signal: NodeJS.Signals): Promise<never> {
  const { log, config } = service;
  log.info({ signal, graceMs: config.shutdownGraceMs }, "asked to end");
  setTimeout(() => {
    log.error({}, "could not close everything in time");
    process.exit(1);
  }, config.shutdownGraceMs + CLOSE_WITHIN_MS).unref();
  try {
    await service.drain();
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, "could not drain");
    process.exit(1);
  }
}
