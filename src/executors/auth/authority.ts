import { createPrivateKey, type webcrypto } from "node:crypto";
import * as oauth from "oauth4webapi";
import type { Dispatcher } from "undici";
import { bodyOf, headerOf, send } from "../http/client.ts";
import { networkProblem } from "../http/network-error.ts";
import { ProblemError } from "../http/problem-error.ts";
import { type OAuthPolicy, TOKEN_EXCHANGE } from "./policy.ts";

/** What an authority gave. */
export interface Grant {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** From when it was asked for, in seconds; undefined when the authority does not say. */
  readonly expiresInSeconds: number | undefined;
}

/** Longest answer of an authority, in bytes. */
const MAX_ANSWER_BYTES = 1_048_576;
const WELL_KNOWN = "/.well-known/openid-configuration";

/**
 * Asks for a token: by the policy's grant, or with a refresh token that an earlier answer held.
 * @throws {ProblemError} authentication 401 when the authority refuses or its answer cannot be used, communication 500 when it does
 * not answer, authorization 403 where the address policy forbids the call, configuration 400 for a policy without what its grant needs.
 */
export async function requestGrant(
  agent: Dispatcher,
  policy: OAuthPolicy,
  signal: AbortSignal,
  refreshToken?: string,
): Promise<Grant> {
  const parameters = refreshToken === undefined ? parametersOf(policy) : [["refresh_token", refreshToken]];
  const client = { client_id: policy.client.id ?? "none" };
  const authentication = await clientAuthentication(policy);
  return reporting(policy, async () => {
    const server = policy.kind === "oidc" ? await discovered(agent, policy, signal) : declared(policy);
    const response = await oauth.genericTokenEndpointRequest(
      server,
      client,
      authentication,
      refreshToken === undefined ? policy.grant : "refresh_token",
      parameters,
      {
        signal,
        [oauth.allowInsecureRequests]: true,
        [oauth.customFetch]: guardedFetch(agent, policy.request.encoding),
      },
    );
    const { answer, idToken } = await withoutForeignIdToken(policy, response);
    const token = await oauth.processGenericTokenEndpointResponse(server, client, answer);
    const grant = {
      accessToken: token.access_token,
      refreshToken: token.refresh_token,
      idToken: token.id_token ?? idToken,
      expiresInSeconds: token.expires_in,
    };
    checkIssuer(policy, server.issuer, grant);
    return grant;
  });
}

function parametersOf(policy: OAuthPolicy): string[][] {
  const { scopes, audiences } = policy;
  return [
    ...(scopes.length === 0 ? [] : [["scope", scopes.join(" ")]]),
    ...audiences.map((audience) => ["audience", audience]),
    ...grantParameters(policy),
  ];
}

function grantParameters(policy: OAuthPolicy): string[][] {
  const { grant, username, password, subject, actor, redirectUri, codeVerifier } = policy;
  switch (grant) {
    case "client_credentials":
      return [];
    case "password":
      return [
        ["username", needed(username, policy, "username")],
        ["password", needed(password, policy, "password")],
      ];
    case "authorization_code":
      return [
        ["code", needed(subject?.token, policy, "subject.token")],
        ...(redirectUri === undefined ? [] : [["redirect_uri", redirectUri]]),
        ...(codeVerifier === undefined ? [] : [["code_verifier", codeVerifier]]),
      ];
    case "refresh_token":
      return [["refresh_token", needed(subject?.token, policy, "subject.token")]];
    case TOKEN_EXCHANGE:
      return [
        ["subject_token", needed(subject?.token, policy, "subject.token")],
        ["subject_token_type", needed(subject?.type, policy, "subject.type")],
        ...(actor === undefined
          ? []
          : [
              ["actor_token", actor.token],
              ["actor_token_type", actor.type],
            ]),
      ];
  }
}

function needed(value: string | undefined, policy: OAuthPolicy, member: string): string {
  if (value !== undefined && value !== "") return value;
  throw misconfigured(policy, `grant ${policy.grant} needs \`${member}\``);
}

function misconfigured({ kind }: OAuthPolicy, detail: string): ProblemError {
  return new ProblemError("configuration", `authentication ${kind}: ${detail}`);
}

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async function clientAuthentication(policy: OAuthPolicy): Promise<oauth.ClientAuth> {
  const { id, secret, assertion, authentication } = policy.client;
  if (authentication === "none") return id === undefined ? () => {} : oauth.None();
  if (id === undefined) throw misconfigured(policy, `client authentication ${authentication} needs \`client.id\``);
  const named = () => needed(secret, policy, "client.secret");
  switch (authentication) {
    case "client_secret_basic":
      return oauth.ClientSecretBasic(named());
    case "client_secret_post":
      return secret === undefined && assertion === undefined ? oauth.None() : oauth.ClientSecretPost(named());
    case "client_secret_jwt":
      return assertion === undefined ? oauth.ClientSecretJwt(named()) : asserted(assertion);
    case "private_key_jwt":
      return assertion === undefined ? oauth.PrivateKeyJwt(await privateKey(policy, named())) : asserted(assertion);
  }
}

function asserted(assertion: string): oauth.ClientAuth {
  return (_server, client, body) => {
    body.set("client_id", client.client_id);
    body.set("client_assertion_type", ASSERTION_TYPE);
    body.set("client_assertion", assertion);
  };
}

async function privateKey(policy: OAuthPolicy, pem: string): Promise<webcrypto.CryptoKey> {
  try {
    const key = createPrivateKey(pem);
    const curve = key.asymmetricKeyDetails?.namedCurve;
    const algorithm =
      key.asymmetricKeyType === "rsa"
        ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
        : key.asymmetricKeyType === "ed25519"
          ? { name: "Ed25519" }
          : { name: "ECDSA", namedCurve: curve === "secp384r1" ? "P-384" : curve === "secp521r1" ? "P-521" : "P-256" };
    const bytes = key.export({ type: "pkcs8", format: "der" });
    return await crypto.subtle.importKey("pkcs8", new Uint8Array(bytes), algorithm, false, ["sign"]);
  } catch {
    throw misconfigured(
      policy,
      "client authentication private_key_jwt needs `client.assertion`, or a private key as PEM in `client.secret`",
    );
  }
}

/** An authority that is not asked for its metadata. */
function declared(policy: OAuthPolicy): oauth.AuthorizationServer {
  const { token } = policy.endpoints;
  const endpoint = /^[a-z][a-z0-9+.-]*:\/\//i.test(token)
    ? token
    : `${policy.authority.replace(/\/$/, "")}/${token.replace(/^\//, "")}`;
  return { issuer: policy.authority, token_endpoint: endpoint };
}

async function discovered(
  agent: Dispatcher,
  policy: OAuthPolicy,
  signal: AbortSignal,
): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(policy.authority.replace(/\/$/, "").replace(new RegExp(`${WELL_KNOWN}$`), ""));
  const response = await oauth.discoveryRequest(issuer, {
    signal,
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: guardedFetch(agent),
  });
  return oauth.processDiscoveryResponse(issuer, response);
}

/** Nobody says who signs the ID tokens of an `oauth2` authority, so none is looked at but for its issuer. */
async function withoutForeignIdToken(policy: OAuthPolicy, response: Response) {
  if (policy.kind === "oidc" && policy.client.id !== undefined) return { answer: response, idToken: undefined };
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  if (typeof body !== "object" || body === null || !("id_token" in body))
    return { answer: response, idToken: undefined };
  const { id_token: idToken, ...rest } = body;
  const { status, headers } = response;
  return {
    answer: new Response(JSON.stringify(rest), { status, headers }),
    idToken: typeof idToken === "string" ? idToken : undefined,
  };
}

/** `issuers`: the token must be of one of them. */
function checkIssuer({ kind, issuers }: OAuthPolicy, discoveredIssuer: string, grant: Grant): void {
  if (issuers.length === 0) return;
  const issuer =
    issuerOf(grant.accessToken) ?? issuerOf(grant.idToken ?? "") ?? (kind === "oidc" ? discoveredIssuer : undefined);
  if (issuer !== undefined && issuers.includes(issuer)) return;
  const why = issuer === undefined ? "the token does not say its issuer" : "the token is of another issuer";
  throw new ProblemError("authentication", `authentication ${kind}: ${why}, and \`issuers\` names those allowed`);
}

function issuerOf(jwt: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
    return typeof claims === "object" && claims !== null && "iss" in claims && typeof claims.iss === "string"
      ? claims.iss
      : undefined;
  } catch {
    return undefined;
  }
}

/** `fetch` over an agent that only connects where the policy allows, with a limit of size and nothing followed. */
function guardedFetch(agent: Dispatcher, encoding = "application/x-www-form-urlencoded") {
  return async (
    url: string,
    options: {
      readonly method: string;
      readonly headers: Record<string, string>;
      readonly body?: URLSearchParams | unknown;
      readonly signal?: AbortSignal;
    },
  ): Promise<Response> => {
    const form = options.body instanceof URLSearchParams ? options.body : undefined;
    const json = form !== undefined && encoding === "application/json";
    const response = await send(
      agent,
      {
        method: options.method,
        url: new URL(url),
        headers: {
          ...options.headers,
          "user-agent": "durabull",
          ...(json ? { "content-type": "application/json" } : {}),
        },
        body: form === undefined ? null : json ? JSON.stringify(membersOf(form)) : form.toString(),
      },
      options.signal ?? new AbortController().signal,
    );
    const body = await bodyOf(response, MAX_ANSWER_BYTES);
    const headers = new Headers();
    for (const name of ["content-type", "www-authenticate", "date"]) {
      const value = headerOf(response, name);
      if (value !== undefined) headers.set(name, value);
    }
    return new Response(body.length === 0 ? null : new Uint8Array(body), { status: response.statusCode, headers });
  };
}

/** Parameters as members; one that is repeated is a list. */
function membersOf(form: URLSearchParams): Record<string, string | string[]> {
  const names = [...new Set(form.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}

async function reporting<Result>(policy: OAuthPolicy, ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    const origin = new URL(policy.authority).origin;
    if (error instanceof oauth.ResponseBodyError) {
      const described = error.error_description === undefined ? "" : ` (${error.error_description.slice(0, 200)})`;
      throw refused(policy, `${origin} refuses a token: ${error.error.slice(0, 100)}${described}`);
    }
    if (error instanceof oauth.WWWAuthenticateChallengeError) {
      throw refused(policy, `${origin} refuses a token with status ${error.status}`);
    }
    if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
      throw refused(policy, `the answer of ${origin} cannot be used: ${error.message.slice(0, 200)}`);
    }
    const problem = networkProblem(error, "POST", origin);
    throw new ProblemError(
      problem.status === 403 ? "authorization" : "communication",
      `authentication ${policy.kind}: ${problem.detail ?? ""}`,
      problem.status,
    );
  }
}

function refused({ kind }: OAuthPolicy, detail: string): ProblemError {
  return new ProblemError("authentication", `authentication ${kind}: ${detail}`);
}
