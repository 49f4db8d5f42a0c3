import type { Dispatcher } from "undici";
import type { Authenticator, Authorization } from "../../ports/authenticator.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";
import { type DigestRequest, digestChallenge, digestParameter } from "./digest.ts";
import { credentialsIn, type OAuthPolicy, type Policy, policyOf } from "./policy.ts";
import { Tokens } from "./tokens.ts";

/** What proves to a service who calls, for one activity. */
export interface Credentials {
  /** Value of `authorization` to send first; undefined when the service must ask for it. */
  first(): Promise<string | undefined>;
  /** Value to send once more after a 401; undefined when nothing else can be tried. */
  again(request: DigestRequest, challenge: string | undefined): Promise<string | undefined>;
}

/** As the port; executors also take credentials for the requests they make. */
export interface ExecutorAuthenticator extends Authenticator {
  /** @throws {ProblemError} configuration 400 for a policy that cannot be used; its members as `requestGrant`. */
  credentialsFor(policy: Json, signal: AbortSignal): Credentials;
}

/** @param agent reaches the authorities, within the address policy. */
export function createAuthenticator(agent: Dispatcher): ExecutorAuthenticator {
  const tokens = new Tokens(agent);
  return {
    async authorization(policy, signal) {
      try {
        return { ok: true, authorization: await authorizationOf(tokens, policyOf(policy), signal) };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ProblemError) return { ok: false, error: error.problem };
        throw error;
      }
    },
    credentials: (policy) => textsOf(tokens, policy),
    credentialsFor: (policy, signal) => credentialsOf(tokens, policyOf(policy), signal),
  };
}

async function authorizationOf(tokens: Tokens, policy: Policy, signal: AbortSignal): Promise<Authorization> {
  switch (policy.kind) {
    case "basic":
      return { scheme: "Basic", parameter: Buffer.from(`${policy.username}:${policy.password}`).toString("base64") };
    case "digest":
      return { scheme: "Digest", parameter: null };
    case "bearer":
      return { scheme: "Bearer", parameter: policy.token };
    case "oauth2":
    case "oidc":
      return { scheme: "Bearer", parameter: await tokens.accessToken(policy, signal) };
  }
}

function textsOf(tokens: Tokens, given: JsonObject): readonly string[] {
  try {
    const policy = policyOf(given);
    return [...credentialsIn(policy), ...(isOAuth(policy) ? tokens.texts(policy) : [])];
  } catch {
    return [];
  }
}

function isOAuth(policy: Policy): policy is OAuthPolicy {
  return policy.kind === "oauth2" || policy.kind === "oidc";
}

function credentialsOf(tokens: Tokens, policy: Policy, signal: AbortSignal): Credentials {
  let sent: string | undefined;
  return {
    async first() {
      const { scheme, parameter } = await authorizationOf(tokens, policy, signal);
      if (parameter === null) return undefined;
      sent = parameter;
      return `${scheme} ${parameter}`;
    },
    async again(request, challenge) {
      if (isOAuth(policy)) return `Bearer ${await tokens.accessToken(policy, signal, sent)}`;
      if (policy.kind !== "digest" || challenge === undefined) return undefined;
      const asked = digestChallenge(challenge);
      return asked === undefined ? undefined : `Digest ${digestParameter(asked, request, policy)}`;
    },
  };
}
