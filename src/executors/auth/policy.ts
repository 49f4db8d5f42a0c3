import { z } from "zod";
import type { Json } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";

const text = z.string().min(1);
/** `type` as in RFC 8693: `urn:ietf:params:oauth:token-type:access_token` … */
const token = z.object({ token: text, type: text.default("urn:ietf:params:oauth:token-type:access_token") });

export const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

const oauth = z.object({
  authority: z.url({ protocol: /^https?$/ }),
  endpoints: z.object({ token: text.default("/oauth2/token") }).default({ token: "/oauth2/token" }),
  grant: z.enum(["authorization_code", "client_credentials", "password", "refresh_token", TOKEN_EXCHANGE]),
  client: z
    .object({
      id: text.optional(),
      /** For `private_key_jwt`: a private key as PEM. */
      secret: text.optional(),
      assertion: text.optional(),
      authentication: z
        .enum(["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"])
        .default("client_secret_post"),
    })
    .default({ authentication: "none" }),
  request: z
    .object({
      encoding: z
        .enum(["application/x-www-form-urlencoded", "application/json"])
        .default("application/x-www-form-urlencoded"),
    })
    .default({ encoding: "application/x-www-form-urlencoded" }),
  issuers: z.array(text).default([]),
  scopes: z.array(text).default([]),
  audiences: z.array(text).default([]),
  username: z.string().optional(),
  password: z.string().optional(),
  /** The token exchanged; the code of `authorization_code`; the refresh token of `refresh_token`. */
  subject: token.optional(),
  actor: token.optional(),
  /** Of `authorization_code`; the language has no place for them, so they come from a secret. */
  redirectUri: text.optional(),
  codeVerifier: text.optional(),
});

const credentials = z.object({ username: z.string(), password: z.string() });
const policy = z.union([
  z.object({ basic: credentials }).transform(({ basic }) => ({ kind: "basic" as const, ...basic })),
  z.object({ digest: credentials }).transform(({ digest }) => ({ kind: "digest" as const, ...digest })),
  z.object({ bearer: z.object({ token: text }) }).transform(({ bearer }) => ({ kind: "bearer" as const, ...bearer })),
  z.object({ oauth2: oauth }).transform(({ oauth2 }) => ({ kind: "oauth2" as const, ...oauth2 })),
  z.object({ oidc: oauth }).transform(({ oidc }) => ({ kind: "oidc" as const, ...oidc })),
]);

/** A policy whose expressions and secrets are replaced by what they stand for. */
export type Policy = z.infer<typeof policy>;
export type OAuthPolicy = Extract<Policy, { readonly kind: "oauth2" | "oidc" }>;

/** @throws {ProblemError} configuration 400, which names members and no values. */
export function policyOf(value: Json): Policy {
  const parsed = policy.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ProblemError("configuration", `authentication: ${wrongIn(parsed.error.issues).join("; ")}`);
}

/** What is wrong with the one kind that was meant; a union tells of all the others as well. */
function wrongIn(issues: readonly z.core.$ZodIssue[]): readonly string[] {
  return issues.flatMap((issue) => {
    if (issue.code !== "invalid_union") return [`${issue.path.join(".")} is missing or cannot be used`];
    const meant = issue.errors.filter((branch) => !branch.some(({ path }) => path.length < 2));
    const [branch] = meant.length === 0 ? [] : meant;
    return branch === undefined ? ["no usable basic, bearer, digest, oauth2 or oidc"] : wrongIn(branch);
  });
}

/** Texts of a policy that authenticate somebody. */
export function credentialsIn(policy: Policy): readonly string[] {
  switch (policy.kind) {
    case "basic":
    case "digest":
      return [policy.password];
    case "bearer":
      return [policy.token];
    case "oauth2":
    case "oidc": {
      const { client, password, subject, actor } = policy;
      const texts = [client.secret, client.assertion, password, subject?.token, actor?.token, policy.codeVerifier];
      return texts.filter((each) => each !== undefined);
    }
  }
}
