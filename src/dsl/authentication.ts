import { isJsonObject, type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { choiceOf, kindOf, listAt, listOf, namedEntry, objectOf, orOf, textOf } from "./fields.ts";
import { templateAt } from "./programs.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./scope.ts";
import type { Place } from "./scopes.ts";
import { secretsNamedIn } from "./secrets.ts";
import { expressionOf, readsOf } from "./template.ts";
import type { Authentication } from "./workflow.ts";

const SCHEMES = { basic: "Basic", bearer: "Bearer", digest: "Digest", oauth2: "Bearer", oidc: "Bearer" } as const;
type Kind = keyof typeof SCHEMES;
const KINDS = Object.keys(SCHEMES) as readonly Kind[];
const GRANTS = [
  "authorization_code",
  "client_credentials",
  "password",
  "refresh_token",
  "urn:ietf:params:oauth:grant-type:token-exchange",
] as const;
const CLIENT_AUTHENTICATIONS = [
  "client_secret_post",
  "client_secret_basic",
  "client_secret_jwt",
  "private_key_jwt",
  "none",
] as const;
const ENCODINGS = ["application/x-www-form-urlencoded", "application/json"] as const;
const OAUTH = [
  "authority",
  "grant",
  "client",
  "request",
  "issuers",
  "scopes",
  "audiences",
  "username",
  "password",
  "subject",
  "actor",
];
const HTTP_URI = /^https?:\/\//i;

/**
 * A policy, inline, by the name of one in `use.authentications`, or from a secret; null when absent or (reported) unusable. Its
 * expressions may read `$secrets`, since only an executor evaluates them.
 */
export function authenticationAt(
  value: Json | undefined,
  pointer: string,
  place: Place,
  scope: Scope,
): Authentication | null {
  if (value === undefined) return null;
  const name = ownProperty(value, "use");
  if (name === undefined) return policyAt(value, pointer, place, scope);
  const { use } = objectOf(
    value,
    pointer,
    { what: "a reference to an authentication", allowed: ["use"] },
    scope.report,
  );
  const named = textOf(use, pointerOf(pointer, "use"), "`use`", scope.report);
  const entry = namedEntry(scope.use, "authentications", named, pointerOf(pointer, "use"), scope.report);
  return entry === undefined ? null : policyAt(entry, pointerOf("/use/authentications", named), place, scope);
}

/** A policy written inline, or an entry of `use.authentications`. */
export function policyAt(value: Json, pointer: string, place: Place, scope: Scope): Authentication | null {
  const { report } = scope;
  const shape = { what: "an authentication", allowed: KINDS };
  const policy = objectOf(value, pointer, shape, report);
  const [kind, ...more] = KINDS.filter((each) => Object.hasOwn(policy, each));
  if (kind === undefined || more.length > 0) {
    const found = kind === undefined ? "none" : listOf([kind, ...more]);
    report.issue(pointer, `an authentication is one of ${orOf(KINDS)}; this one has ${found}`);
    return null;
  }
  const at = pointerOf(pointer, kind);
  const properties = policy[kind] ?? null;
  const secret = ownProperty(properties, "use");
  if (secret === undefined) checkInline(kind, properties, at, scope);
  else checkSecret(properties, secret, at, scope);
  const template = templateAt({ [kind]: properties }, pointer, place, scope, true);
  return {
    scheme: SCHEMES[kind],
    policy: template,
    secret: typeof secret === "string" ? secret : null,
    secrets: [...(typeof secret === "string" ? [secret] : []), ...secretsNamedIn(properties)],
    reads: readsOf(template),
  };
}

function checkSecret(properties: Json, secret: Json, at: string, scope: Scope): void {
  objectOf(properties, at, { what: "an authentication from a secret", allowed: ["use"] }, scope.report);
  const name = textOf(secret, pointerOf(at, "use"), "`use`", scope.report);
  const declared = Array.isArray(scope.use.secrets) ? scope.use.secrets : [];
  if (typeof secret !== "string" || declared.includes(name)) return;
  scope.report.issue(pointerOf(at, "use"), `"${name}" is not one of the secrets that \`use.secrets\` lists`);
}

function checkInline(kind: Kind, value: Json, at: string, { report }: Scope): void {
  if (kind === "oauth2" || kind === "oidc") {
    checkOAuth(kind, value, at, report);
    return;
  }
  const required = kind === "bearer" ? ["token"] : ["username", "password"];
  const shape = { what: `the authentication "${kind}"`, allowed: required, required };
  checkTexts(objectOf(value, at, shape, report), at, report);
}

function checkOAuth(kind: "oauth2" | "oidc", value: Json, at: string, report: Report): void {
  const allowed = kind === "oauth2" ? [...OAUTH, "endpoints"] : OAUTH;
  const required = ["authority", "grant"];
  const given = objectOf(value, at, { what: `the authentication "${kind}"`, allowed, required }, report);
  checkTexts(given, at, report, ["authority", "username", "password"]);
  const { authority, grant, client, request, endpoints, subject, actor } = given;
  if (typeof authority === "string" && expressionOf(authority) === undefined && !HTTP_URI.test(authority)) {
    report.issue(pointerOf(at, "authority"), "an authority must be a URI that begins with http:// or https://");
  }
  if (grant !== undefined) choiceOf(grant, pointerOf(at, "grant"), "`grant`", GRANTS, report);
  if (client !== undefined) checkClient(client, pointerOf(at, "client"), report);
  if (request !== undefined) {
    const shape = { what: "`request`", allowed: ["encoding"] };
    const { encoding } = objectOf(request, pointerOf(at, "request"), shape, report);
    choiceOf(encoding, pointerOf(at, "request", "encoding"), "`encoding`", ENCODINGS, report);
  }
  if (endpoints !== undefined) {
    const shape = { what: "`endpoints`", allowed: ["token", "revocation", "introspection"] };
    checkTexts(objectOf(endpoints, pointerOf(at, "endpoints"), shape, report), pointerOf(at, "endpoints"), report);
  }
  for (const list of ["issuers", "scopes", "audiences"]) {
    if (given[list] === undefined) continue;
    const items = listAt(given[list], pointerOf(at, list), `\`${list}\``, report);
    for (const [index, item] of items.entries()) textOf(item, pointerOf(at, list, index), "an item", report);
  }
  for (const [name, token] of Object.entries({ subject, actor })) {
    if (token === undefined) continue;
    const shape = { what: `\`${name}\``, allowed: ["token", "type"], required: ["token", "type"] };
    checkTexts(objectOf(token, pointerOf(at, name), shape, report), pointerOf(at, name), report);
  }
  checkGrant(given, at, report);
}

function checkClient(value: Json, at: string, report: Report): void {
  const shape = { what: "`client`", allowed: ["id", "secret", "assertion", "authentication"] };
  const client = objectOf(value, at, shape, report);
  checkTexts(client, at, report, ["id", "secret", "assertion"]);
  const way = pointerOf(at, "authentication");
  choiceOf(client.authentication, way, "`authentication`", CLIENT_AUTHENTICATIONS, report);
}

/** What a grant cannot do without. */
function checkGrant(given: JsonObject, at: string, report: Report): void {
  const { grant } = given;
  const needs =
    grant === "password"
      ? ["username", "password"]
      : grant === "client_credentials"
        ? ["client"]
        : typeof grant === "string" && GRANTS.some((each) => each === grant)
          ? ["subject"]
          : [];
  for (const member of needs) {
    if (!Object.hasOwn(given, member)) report.issue(at, `grant "${String(grant)}" needs \`${member}\``);
  }
}

function checkTexts(object: JsonObject, at: string, report: Report, members = Object.keys(object)): void {
  for (const member of members) {
    const value = object[member];
    if (value === undefined || typeof value === "string") continue;
    report.issue(pointerOf(at, member), `\`${member}\` must be text, not ${kindOf(value)}`);
  }
}

/** The evaluated policy with what its secret holds, which may be the bare token of `bearer`; undefined when that cannot be a policy. */
export function withSecret({ secret }: Authentication, policy: Json, secrets: JsonObject): JsonObject | undefined {
  if (!isJsonObject(policy) || secret === null) return isJsonObject(policy) ? policy : undefined;
  const held = ownProperty(secrets, secret);
  if (typeof held === "string" && Object.hasOwn(policy, "bearer")) return { bearer: { token: held } };
  return isJsonObject(held) ? Object.fromEntries(Object.keys(policy).map((kind) => [kind, held])) : undefined;
}
