import type { Executor } from "../ports/executor.ts";
import type { ExecutorAuthenticator } from "./auth/authenticator.ts";
import { createA2aExecutor } from "./call-a2a.ts";
import { createAsyncapiExecutor } from "./call-asyncapi.ts";
import { createMcpExecutor } from "./call-mcp.ts";
import type { DocumentLimits } from "./documents/references.ts";
import type { AddressPolicy } from "./http/address-policy.ts";
import { createGuardedAgent } from "./http/agent.ts";
import { createGuardedFetch } from "./http/guarded-fetch.ts";
import type { ProcessPolicy } from "./process/runner.ts";

export interface ServicePolicy extends AddressPolicy {
  /** Longest response. */
  readonly maxResponseBytes: number;
  readonly documents: DocumentLimits;
  readonly authenticator: ExecutorAuthenticator;
  readonly processes: ProcessPolicy;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** The executors of calls that speak a protocol of their own; `close` closes the connections. */
export function createServiceExecutors(policy: ServicePolicy): {
  readonly executors: Readonly<Record<"a2a" | "asyncapi" | "mcp", Executor>>;
  close(): Promise<void>;
} {
  const agent = createGuardedAgent({ ...policy, connectTimeoutMs: CONNECT_TIMEOUT_MS });
  const fetch = createGuardedFetch(agent, policy.maxResponseBytes);
  const patient = agent.compose((dispatch) => (options, handler) => dispatch({ ...options, bodyTimeout: 0 }, handler));
  const endless = createGuardedFetch(patient, Number.POSITIVE_INFINITY);
  return {
    executors: {
      a2a: createA2aExecutor({ fetch: fetch(), authenticator: policy.authenticator }),
      asyncapi: createAsyncapiExecutor({
        fetch: fetch(),
        endless: endless(),
        policy,
        documents: policy.documents,
        authenticator: policy.authenticator,
      }),
      mcp: createMcpExecutor({ fetch, authenticator: policy.authenticator, processes: policy.processes }),
    },
    close: () => agent.close(),
  };
}
