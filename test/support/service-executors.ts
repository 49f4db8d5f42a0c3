import { Agent } from "undici";
import { createAuthenticator } from "../../src/executors/auth/authenticator.ts";
import { createServiceExecutors } from "../../src/executors/services.ts";

type Policy = Parameters<typeof createServiceExecutors>[0];

/** Executors of service calls that may reach loopback; tests name only what they are about. */
export function serviceExecutors(over: Partial<Policy> = {}): ReturnType<typeof createServiceExecutors> {
  return createServiceExecutors({
    allowPrivateNetwork: true,
    allowedHosts: [],
    maxResponseBytes: 10_000,
    documents: { maxFiles: 3, maxBytes: 100_000 },
    authenticator: createAuthenticator(new Agent()),
    processes: { allowed: [], limits: { timeoutMs: 1_000, memoryBytes: 1, outputBytes: 1 } },
    ...over,
  });
}
