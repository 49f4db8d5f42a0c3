import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

export const CLIENT_SECRET = "client-secret-of-at-least-32-characters";
export const ACCOUNT_PASSWORD = "account-password-canary";
const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** A real OpenID provider on loopback. */
export interface TestAuthority {
  readonly issuer: string;
  /** PKCS#8 PEM of the client `key`. */
  readonly privateKey: string;
  /** Whether a token is one of its, and still good. */
  accepts(token: string): Promise<boolean>;
  /** Parameters of the last requests for a token, oldest first. */
  readonly requests: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

type GrantHandler = Parameters<Provider["registerGrantType"]>[1];

const WAYS = ["client_secret_post", "client_secret_basic", "client_secret_jwt"] as const;

/** Clients are named after their way of authentication, and `key` uses `private_key_jwt`. Grants besides its own: password, token exchange. */
export async function startAuthority(): Promise<TestAuthority> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const grants = ["client_credentials", "password", TOKEN_EXCHANGE];
  const client = { grant_types: grants, redirect_uris: [], response_types: [] };
  let provider: Provider | undefined;
  const server = createServer((request, response) => provider?.callback()(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const requests: Record<string, unknown>[] = [];
  provider = new Provider(issuer, {
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ["api", "orders"],
    enabledJWA: { clientAuthSigningAlgValues: ["HS256", "RS256"] },
    clientAuthMethods: ["none", ...WAYS, "private_key_jwt"],
    clients: [
      ...WAYS.map((way) => ({
        ...client,
        client_id: way,
        client_secret: CLIENT_SECRET,
        token_endpoint_auth_method: way,
        scope: "api orders",
      })),
      {
        ...client,
        client_id: "key",
        token_endpoint_auth_method: "private_key_jwt" as const,
        scope: "api",
        jwks: { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", use: "sig", alg: "RS256" }] },
      },
    ],
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === "token") requests.push({ ...ctx.oidc.params });
  });
  const granting: GrantHandler = async (ctx) => {
    const { client: asked, params } = ctx.oidc;
    if (asked === undefined || provider === undefined) throw new Error("no client");
    if (params?.grant_type === "password" && params.password !== ACCOUNT_PASSWORD) {
      ctx.status = 400;
      ctx.body = { error: "invalid_grant", error_description: "wrong user or password" };
      return;
    }
    const token = new provider.ClientCredentials({ client: asked, scope: "api" });
    const value = await token.save();
    ctx.body = { access_token: value, expires_in: 600, token_type: "Bearer" };
  };
  provider.registerGrantType("password", granting, ["username", "password", "scope"]);
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    granting,
    ["subject_token", "subject_token_type", "actor_token", "actor_token_type", "scope", "audience"],
    ["audience"],
  );
  const running = provider;
  return {
    issuer,
    privateKey: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    accepts: async (token) => (await running.ClientCredentials.find(token)) !== undefined,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
