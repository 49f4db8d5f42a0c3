import type { JsonObject } from "../../values/json.ts";
import type { ExecutorAuthenticator } from "../auth/authenticator.ts";
import type { DigestRequest } from "../auth/digest.ts";
import { type Policy, policyOf } from "../auth/policy.ts";
import { ProblemError } from "../http/problem-error.ts";
import { misconfigured } from "./document.ts";
import type { Target } from "./target.ts";

export type Mechanism = "plain" | "scram-sha-256" | "scram-sha-512" | "oauthbearer";

/** How a connection proves who calls. */
export interface Login {
  /** Of protocols that know a user and a password. */
  readonly username?: string;
  readonly password?: string;
  /** Of Kafka: how SASL proves it. */
  readonly mechanism?: Mechanism;
  /** Of an HTTP request, or of the handshake of a WebSocket. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** Logins to try, one after another. */
export interface Logins {
  first(): Promise<Login>;
  /** Once the first was refused; undefined when nothing else can be tried. */
  again(refused: LoginRefusedError): Promise<Login | undefined>;
}

/** The server does not know who calls. */
export class LoginRefusedError extends ProblemError {
  constructor(
    kind: "authentication" | "communication",
    detail: string,
    /** What a digest is made over; of HTTP only. */
    readonly asked: DigestRequest = { method: "GET", uri: "/", body: "" },
    readonly challenge?: string,
  ) {
    super(kind, detail, 401);
  }
}

const NOTHING: Login = { headers: {}, query: {} };
/** Of a token, where a protocol wants a user and neither the address nor the policy has one: servers look at the password only. */
const USER_OF_TOKEN = "token";
/** They need a certificate, a key or an exchange that no policy of the language stands for. */
const NEVER: readonly string[] = ["X509", "symmetricEncryption", "asymmetricEncryption", "gssapi"];
/** Of Kafka only: how users and passwords are proved there. */
const SCRAM: Readonly<Record<string, Mechanism>> = { scramSha256: "scram-sha-256", scramSha512: "scram-sha-512" };

/**
 * What the task's policy amounts to at a server: the security schemes of the document say where it stands, and without any the
 * protocol does. Without a policy: user and password of the server's address.
 * @throws {ProblemError} configuration 400 when the policy fits none of the schemes, or no policy could.
 */
export function loginsOf(
  target: Pick<Target, "family" | "url" | "security">,
  given: JsonObject | undefined,
  authenticator: Pick<ExecutorAuthenticator, "credentialsFor">,
  signal: AbortSignal,
): Logins {
  if (given === undefined) {
    refuseImpossible(target);
    const login = loginOfAddress(target);
    return { first: async () => login, again: async () => undefined };
  }
  const policy = policyOf(given);
  const schemes = schemesFor(target, policy);
  const credentials = authenticator.credentialsFor(given, signal);
  const login = (authorization: string | undefined): Login =>
    schemes.map((scheme) => placed(scheme, target, policy, authorization)).reduce(merged, NOTHING);
  return {
    first: async () => login(await credentials.first()),
    async again({ asked, challenge }) {
      const authorization = await credentials.again(asked, challenge);
      return authorization === undefined ? undefined : login(authorization);
    },
  };
}

function loginOfAddress({ family, url, security }: Pick<Target, "family" | "url" | "security">): Login {
  const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  if (username === "" && password === "") return NOTHING;
  if (isHttp(family)) return { ...NOTHING, headers: { authorization: basic(username, password) } };
  const login = { ...NOTHING, ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
  return family === "kafka" ? { ...login, mechanism: mechanismOf(security.flat().find(isOfPassword) ?? {}) } : login;
}

function isOfPassword({ type }: JsonObject): boolean {
  return type === "userPassword" || type === "plain" || SCRAM[String(type)] !== undefined;
}

function mechanismOf({ type }: JsonObject): Mechanism {
  return SCRAM[String(type)] ?? "plain";
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function isHttp(family: Target["family"]): boolean {
  return family === "http" || family === "ws";
}

function refuseImpossible({ family, security }: Pick<Target, "family" | "security">): void {
  const [first] = security;
  if (first === undefined || security.some((schemes) => !schemes.some((each) => isImpossible(each, family)))) return;
  throw misconfigured(`its server takes ${typesOf(security)} only, which a definition cannot give`);
}

function isImpossible({ type }: JsonObject, family: Target["family"]): boolean {
  return NEVER.includes(String(type)) || (family !== "kafka" && SCRAM[String(type)] !== undefined);
}

function typesOf(security: Target["security"]): string {
  return security.map((schemes) => schemes.map(({ type }) => String(type)).join(" with ")).join(", ");
}

/** The first alternative of the document that the policy can fill; without any, an unnamed one. */
function schemesFor({ family, security }: Pick<Target, "family" | "security">, policy: Policy): readonly JsonObject[] {
  if (policy.kind === "digest" && !isHttp(family)) {
    throw new ProblemError(
      "configuration",
      `AsyncAPI over ${family} knows no digest: use basic, bearer, oauth2 or oidc`,
    );
  }
  if (security.length === 0) return [{}];
  const found = security.find((schemes) => schemes.every((scheme) => fits(scheme, family, policy)));
  if (found !== undefined) return found;
  throw misconfigured(`its server takes ${typesOf(security)}, which an authentication "${policy.kind}" is not`);
}

function fits({ type, scheme }: JsonObject, family: Target["family"], { kind }: Policy): boolean {
  const isToken = kind === "bearer" || kind === "oauth2" || kind === "oidc";
  switch (type) {
    case "userPassword":
    case "plain":
      return kind === "basic";
    case "scramSha256":
    case "scramSha512":
      return family === "kafka" && kind === "basic";
    case "apiKey":
      return !isHttp(family) && family !== "kafka" && kind !== "digest";
    case "httpApiKey":
      return isHttp(family) && isToken;
    case "oauth2":
    case "openIdConnect":
      return isToken;
    case "http": {
      const name = String(scheme).toLowerCase();
      return name === "bearer" ? isToken : name === kind;
    }
    default:
      return false;
  }
}

/** @param authorization value of that header of HTTP; undefined while a digest waits for its challenge. */
function placed(
  scheme: JsonObject,
  { family, url }: Pick<Target, "family" | "url">,
  policy: Policy,
  authorization: string | undefined,
): Login {
  if (authorization === undefined) return NOTHING;
  const token = authorization.slice(authorization.indexOf(" ") + 1);
  if (scheme.type === "httpApiKey") return apiKey(scheme, token);
  if (isHttp(family)) return { ...NOTHING, headers: { authorization } };
  const kafka = (mechanism: Mechanism) => (family === "kafka" ? { mechanism } : {});
  if (policy.kind === "basic")
    return { ...NOTHING, username: policy.username, password: policy.password, ...kafka(mechanismOf(scheme)) };
  if (scheme.type === "apiKey" && scheme.in === "user") return { ...NOTHING, username: token };
  const username = decodeURIComponent(url.username);
  // Redis has a default user; elsewhere a password needs one.
  const user = username === "" && family === "redis" ? {} : { username: username || USER_OF_TOKEN };
  return { ...NOTHING, ...user, password: token, ...kafka("oauthbearer") };
}

function apiKey({ name, in: place }: JsonObject, key: string): Login {
  const called = typeof name === "string" && name !== "" ? name : "authorization";
  if (place === "query") return { ...NOTHING, query: { [called]: key } };
  if (place === "cookie") return { ...NOTHING, headers: { cookie: `${called}=${encodeURIComponent(key)}` } };
  return { ...NOTHING, headers: { [called.toLowerCase()]: key } };
}

function merged(one: Login, other: Login): Login {
  return {
    ...one,
    ...other,
    headers: { ...one.headers, ...other.headers },
    query: { ...one.query, ...other.query },
  };
}
