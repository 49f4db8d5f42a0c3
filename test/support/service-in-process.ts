import type { Dispatcher } from "undici";
import { openService, type Service } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/index.ts";
import type { Environment, StoreUnderTest } from "./stores.ts";

/** All roles in this process, so that what it calls can be played here; spoken to over HTTP like any other. */
export async function openInProcess(
  store: StoreUnderTest,
  aroundAgent: (agent: Dispatcher) => Dispatcher,
  env: Environment = {},
): Promise<Service> {
  const config = loadConfig({
    ...(await store.fresh()),
    PORT: "0",
    HEALTH_PORT: "0",
    METRICS_PORT: "0",
    ALLOW_PRIVATE_NETWORK: "true",
    LOG_LEVEL: "error",
    ...env,
  });
  return openService(config, ["api", "workflow", "task", "dlq"], { aroundAgent });
}
