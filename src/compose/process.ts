import { openService, type RoleName, type Service, type ServiceOptions } from "../compose.ts";
import { exitOnConfigError, loadConfig, loadEnvFile } from "../config/index.ts";

/** Runs a process of the service until a signal ends it: the first drains, the second ends it at once. */
export async function runProcess(roles: readonly RoleName[], options: ServiceOptions = {}): Promise<Service> {
  return exitOnConfigError(async () => {
    loadEnvFile();
    const service = await openService(loadConfig(process.env), roles, options);
    drainOnSignals(service);
    return service;
  });
}

function drainOnSignals(service: Service): void {
  let draining = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (draining) process.exit(1);
    draining = true;
    service.log.info({ signal }, "asked to end");
    service.drain().then(
      () => process.exit(0),
      (error: unknown) => {
        service.log.error({ err: error }, "could not drain");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}
