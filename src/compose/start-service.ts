import type { RoleName, Service } from "../compose.ts";
import { addressesText, firstRun } from "./first-run.ts";
import { runProcess } from "./process.ts";

export const ALL_ROLES: readonly RoleName[] = ["api", "workflow", "task", "dlq"];

/** Everything in one process, with the first run on a new store. */
export async function startService(): Promise<Service> {
  const service = await runProcess(ALL_ROLES);
  const url = localUrl(service.addresses.api ?? "");
  if (service.config.examples) {
    await firstRun(service, url).catch((error: unknown) =>
      service.log.warn({ err: error }, "the examples were not run"),
    );
  }
  process.stderr.write(addressesText(url));
  return service;
}

/** An address of this machine for one that means all of them. */
function localUrl(address: string): string {
  return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
