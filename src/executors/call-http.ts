import type { Dispatcher } from "undici";
import type { Executor } from "../ports/executor.ts";
import type { Tracing } from "../ports/tracing.ts";
import { createAuthenticator, type ExecutorAuthenticator } from "./auth/authenticator.ts";
import type { AddressPolicy } from "./http/address-policy.ts";
import { createGuardedAgent, type Resolve } from "./http/agent.ts";
import { defaultHeaders, perform } from "./http/perform.ts";
import { ProblemError } from "./http/problem-error.ts";
import { httpCallOf } from "./http/request.ts";

export interface HttpPolicy extends AddressPolicy {
  /** Longest body, after decompression. */
  readonly maxResponseBytes: number;
  /** Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** Each call is a span of it. Default: the activity's trace is handed on as it is. */
  readonly tracing?: Tracing;
  /** Default: an agent, and an authenticator, of its own. */
  readonly agent?: Dispatcher;
  readonly authenticator?: ExecutorAuthenticator;
}

/** `close` waits for calls in hand and closes the connections. */
export type HttpExecutor = Executor & { close(): Promise<void> };

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** Reaches what the policy allows. */
export function agentOf(policy: Omit<HttpPolicy, "maxResponseBytes">): Dispatcher {
  return createGuardedAgent({
    allowPrivateNetwork: policy.allowPrivateNetwork,
    allowedHosts: policy.allowedHosts,
    connectTimeoutMs: policy.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    ...(policy.resolve === undefined ? {} : { resolve: policy.resolve }),
  });
}

/**
 * Carries out `call: http`. `with.endpoint` is a URL, its template expanded, or `{ uri }`.
 * Every failure is an outcome: communication with the response's status, communication 500 without a response, authorization 403 for
 * an address that the policy forbids, configuration 400 for a call that can never work, authentication 401 when no token is given.
 * Throws the signal's reason when it aborts.
 */
export function createHttpExecutor(policy: HttpPolicy): HttpExecutor {
  const agent = policy.agent ?? agentOf(policy);
  const authenticator = policy.authenticator ?? createAuthenticator(agent);
  const execute: Executor = async (activity, context) => {
    context.signal.throwIfAborted();
    try {
      const call = httpCallOf(activity.with, defaultHeaders(context));
      const { authentication } = activity;
      const credentials =
        authentication === undefined ? undefined : authenticator.credentialsFor(authentication, context.signal);
      return await perform({ ...policy, agent }, call, credentials, context);
    } catch (error) {
      if (error instanceof ProblemError) return { ok: false, error: error.problem };
      throw error;
    }
  };
  return Object.assign(execute, { close: () => agent.close() });
}
