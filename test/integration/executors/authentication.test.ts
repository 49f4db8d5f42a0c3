import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHttpExecutor, type HttpExecutor } from "../../../src/executors/call-http.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { ACCOUNT_PASSWORD, CLIENT_SECRET, startAuthority, type TestAuthority } from "../../support/authority.ts";
import { type Ledger, type LedgerHandler, startLedger } from "../../support/ledger.ts";

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
let service: Ledger;
let authority: TestAuthority;
let execute: HttpExecutor;

beforeAll(async () => {
  [service, authority] = await Promise.all([startLedger(), startAuthority()]);
});
beforeEach(() => {
  execute = createHttpExecutor({ allowPrivateNetwork: true, allowedHosts: [], maxResponseBytes: 100_000 });
});
afterEach(async () => {
  service.clear();
  await execute.close();
});
afterAll(() => Promise.all([service.close(), authority.close()]));

const call = (authentication: JsonObject, more: JsonObject = {}) =>
  execute({ with: { method: "GET", endpoint: `${service.origin}/a?b=1`, ...more }, authentication }, activityContext());
const sent = () => service.entries.map(({ headers }) => headers.authorization);
const failure = (kind: string, status: number, detail: unknown = expect.any(String)) => ({
  ok: false,
  error: expect.objectContaining({ type: `https://serverlessworkflow.io/spec/1.0.0/errors/${kind}`, status, detail }),
});

describe("given basic or bearer authentication", () => {
  test("when a call is made, then it is sent at once; an Authorization header of the author's wins", async () => {
    await call({ basic: { username: "jane", password: "p:w" } });
    await call({ bearer: { token: "t1" } });
    await call({ bearer: { token: "t1" } }, { headers: { Authorization: "Own x" } });
    expect(sent()).toEqual([`Basic ${btoa("jane:p:w")}`, "Bearer t1", "Own x"]);
  });

  test("when a service redirects, then credentials go along within the origin only, and not on the way back", async () => {
    const other = await startLedger();
    other.answer((_, response) => response.writeHead(302, { location: `${service.origin}/end` }).end());
    const steps: Record<string, string> = { "/a?b=1": "/next", "/next": other.origin };
    service.answer((entry, response) => {
      const location = steps[entry.url];
      response.writeHead(location === undefined ? 200 : 307, location === undefined ? {} : { location }).end();
    });
    expect(await call({ bearer: { token: "t1" } }, { redirect: true })).toEqual({ ok: true, output: null });
    expect(sent()).toEqual(["Bearer t1", "Bearer t1", undefined]);
    expect(other.entries.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    await other.close();
  });

  test.each<[string, JsonObject]>([
    ["a kind that is none", { magic: {} }],
    ["a secret without a password", { basic: { username: "u" } }],
    ["an authority that is no URL", { oauth2: { authority: "idp", grant: "client_credentials" } }],
    ["a grant without what it needs", { oauth2: { authority: "http://127.0.0.1", grant: "password", username: "u" } }],
  ])("when there is %s, then it is a configuration error and nothing is sent", async (_, authentication) => {
    expect(await call(authentication)).toEqual(failure("configuration", 400));
    expect(service.entries).toEqual([]);
  });
});

describe("given a service with digest authentication", () => {
  const digests = (algorithm: "MD5" | "SHA-256"): LedgerHandler => {
    const hash = (text: string) =>
      createHash(algorithm === "MD5" ? "md5" : "sha256")
        .update(text)
        .digest("hex");
    return (entry, response) => {
      const given = new Map(
        [...(entry.headers.authorization ?? "").matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(
          ([, name = "", quoted, plain]) => [name, quoted ?? plain ?? ""],
        ),
      );
      const key = hash(`jane:door:${"correct horse"}`);
      const what = hash(`${entry.method}:${entry.url}`);
      const expected = hash(`${key}:n0nce:${given.get("nc")}:${given.get("cnonce")}:auth:${what}`);
      if (given.get("response") === expected && given.get("uri") === entry.url) response.writeHead(200).end("in");
      else {
        response
          .writeHead(401, {
            "www-authenticate": `Digest realm="door", nonce="n0nce", qop="auth", algorithm=${algorithm}`,
          })
          .end();
      }
    };
  };

  test.each(["MD5", "SHA-256"] as const)(
    "when %s is asked for, then the second request is let in",
    async (algorithm) => {
      service.answer(digests(algorithm));
      const digest = { username: "jane", password: "correct horse" };
      expect(await call({ digest }, { method: "POST", body: { x: 1 } })).toEqual({ ok: true, output: "in" });
      expect(service.entries.map(({ body }) => body)).toEqual(['{"x":1}', '{"x":1}']);
      expect(sent()[0]).toBeUndefined();
    },
  );

  test("when the password is wrong, then the call fails with the service's 401, after two requests", async () => {
    service.answer(digests("MD5"));
    const outcome = await call({ digest: { username: "jane", password: "wrong" } });
    expect(outcome).toEqual(failure("communication", 401));
    expect(service.entries).toHaveLength(2);
  });
});

/** Lets in who brings a token of the provider. */
function guarded(): void {
  service.answer((entry, response) => {
    const token = entry.headers.authorization?.replace("Bearer ", "") ?? "";
    authority.accepts(token).then((good) => response.writeHead(good ? 200 : 401).end(good ? "in" : ""));
  });
}

describe("given an OpenID provider", () => {
  const secretly = (id: string) => ({ id, secret: CLIENT_SECRET, authentication: id });
  const clients: readonly [string, () => JsonObject][] = [
    ["client_secret_post", () => ({ id: "client_secret_post", secret: CLIENT_SECRET })],
    ["client_secret_basic", () => secretly("client_secret_basic")],
    ["client_secret_jwt", () => secretly("client_secret_jwt")],
    ["private_key_jwt", () => ({ id: "key", secret: authority.privateKey, authentication: "private_key_jwt" })],
  ];
  test.each(clients)("when a client shows who it is by %s, then its token opens the service", async (_, client) => {
    guarded();
    const oidc = { authority: authority.issuer, grant: "client_credentials", client: client(), scopes: ["api"] };
    expect(await call({ oidc })).toEqual({ ok: true, output: "in" });
  });

  test("when the authority is not to be discovered, then its token endpoint is where the policy says", async () => {
    guarded();
    const client = { id: "client_secret_post", secret: CLIENT_SECRET };
    const oauth2 = { authority: authority.issuer, endpoints: { token: "/token" }, grant: "client_credentials", client };
    expect(await call({ oauth2 })).toEqual({ ok: true, output: "in" });
  });

  test("when a user's password or another token is exchanged, then the token opens the service", async () => {
    guarded();
    const client = { id: "client_secret_post", secret: CLIENT_SECRET };
    const base = { authority: `${authority.issuer}/.well-known/openid-configuration`, client };
    const password = { ...base, grant: "password", username: "jane", password: ACCOUNT_PASSWORD };
    expect(await call({ oidc: password })).toEqual({ ok: true, output: "in" });
    const subject = { token: "theirs", type: "urn:ietf:params:oauth:token-type:access_token" };
    const actor = { token: "mine", type: "urn:ietf:params:oauth:token-type:jwt" };
    const exchange = { ...base, grant: TOKEN_EXCHANGE, subject, actor, audiences: ["a", "b"] };
    expect(await call({ oidc: exchange })).toEqual({ ok: true, output: "in" });
    expect(authority.requests.at(-1)).toMatchObject({
      subject_token: "theirs",
      actor_token: "mine",
      actor_token_type: actor.type,
      audience: ["a", "b"],
    });
  });

  test.each<[string, JsonObject, unknown]>([
    ["the secret is wrong", { client: { id: "client_secret_post", secret: "no" } }, /refuses a token: invalid_client/],
    ["the scope is not the client's", { scopes: ["orders"], client: { id: "none" } }, /refuses a token/],
    [
      "the issuer is not allowed",
      { client: { id: "client_secret_post", secret: CLIENT_SECRET }, issuers: ["https://other.example"] },
      /the token is of another issuer/,
    ],
  ])("when %s, then it is an authentication error and the service is not called", async (_, more, detail) => {
    const oidc = { authority: authority.issuer, grant: "client_credentials", ...more };
    expect(await call({ oidc })).toEqual(failure("authentication", 401, expect.stringMatching(detail as RegExp)));
    expect(service.entries).toEqual([]);
  });
});

describe("given an authority that counts", () => {
  let idp: Ledger;
  beforeAll(async () => {
    idp = await startLedger();
  });
  afterEach(() => idp.clear());
  afterAll(() => idp.close());
  /** Answers the n-th request (from 1) with token t<n>. */
  const gives = (more: JsonObject = {}): LedgerHandler => {
    return (_, response) =>
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ access_token: `t${idp.entries.length}`, token_type: "Bearer", ...more }));
  };
  const policy = (more: JsonObject = {}) => ({
    oauth2: {
      authority: idp.origin,
      grant: "client_credentials",
      client: { id: "c", secret: "s", authentication: "client_secret_post" },
      ...more,
    },
  });
  const forms = () => idp.entries.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));

  test("when calls need the same token, also at the same time, then it is asked for once", async () => {
    idp.answer(gives({ expires_in: 3600 }));
    await Promise.all([call(policy()), call(policy()), call(policy())]);
    await call(policy());
    expect(new Set(sent())).toEqual(new Set(["Bearer t1"]));
    expect(idp.entries.map(({ url }) => url)).toEqual(["/oauth2/token"]);
    await call(policy({ scopes: ["x", "y"], audiences: ["z"] }));
    expect(forms().at(-1)).toEqual({
      grant_type: "client_credentials",
      client_id: "c",
      client_secret: "s",
      scope: "x y",
      audience: "z",
    });
  });

  test("when a token has run out, then the refresh token gives the next one, and the grant where that is refused", async () => {
    idp.answer(gives({ expires_in: 0, refresh_token: "r" }));
    await call(policy());
    await call(policy());
    expect(forms().map(({ grant_type }) => grant_type)).toEqual(["client_credentials", "refresh_token"]);
    idp.answer((entry, response) =>
      entry.body.includes("grant_type=refresh_token")
        ? response.writeHead(400, { "content-type": "application/json" }).end('{"error":"invalid_grant"}')
        : gives()(entry, response),
    );
    await call(policy());
    expect(forms().map(({ grant_type }) => grant_type)).toEqual([
      "client_credentials",
      "refresh_token",
      "refresh_token",
      "client_credentials",
    ]);
    expect(sent().at(-1)).toBe("Bearer t4");
  });

  test("when the service refuses a token, then one more is got and tried, once", async () => {
    idp.answer(gives({ expires_in: 3600 }));
    service.answer((entry, response) =>
      response.writeHead(entry.headers.authorization === "Bearer t2" ? 200 : 401).end("in"),
    );
    expect(await call(policy())).toEqual({ ok: true, output: "in" });
    expect(sent()).toEqual(["Bearer t1", "Bearer t2"]);
    service.answer((_, response) => response.writeHead(401).end());
    expect(await call(policy())).toEqual(failure("communication", 401));
    expect(sent()).toEqual(["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]);
  });

  test("when the request is to be JSON, then it is, with the same members", async () => {
    idp.answer(gives());
    await call(policy({ request: { encoding: "application/json" }, audiences: ["a", "b"] }));
    const [entry] = idp.entries;
    expect(entry?.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(entry?.body ?? "")).toEqual({
      grant_type: "client_credentials",
      client_id: "c",
      client_secret: "s",
      audience: ["a", "b"],
    });
  });

  test.each<[string, JsonObject, Json]>([
    ["authorization_code", { redirectUri: "https://us.example" }, { code: "sub", redirect_uri: "https://us.example" }],
    ["refresh_token", {}, { refresh_token: "sub" }],
  ])("when the grant is %s, then the subject is what is handed in", async (grant, more, expected) => {
    idp.answer(gives());
    const subject = { token: "sub", type: "urn:ietf:params:oauth:token-type:refresh_token" };
    const client = { id: "c", assertion: "jwt", authentication: "private_key_jwt" };
    await call(policy({ grant, subject, client, ...more }));
    expect(forms()).toEqual([
      {
        grant_type: grant,
        client_id: "c",
        client_assertion: "jwt",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ...(expected as JsonObject),
      },
    ]);
  });

  test("when it is away, answers nonsense or may not be reached, then that is what the error says", async () => {
    const away = await startLedger();
    await away.close();
    expect(await call(policy({ authority: away.origin }))).toEqual(failure("communication", 500));
    idp.answer((_, response) => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
    expect(await call(policy())).toEqual(failure("authentication", 401));
    const careful = createHttpExecutor({
      allowPrivateNetwork: false,
      allowedHosts: [`127.0.0.1`],
      maxResponseBytes: 100_000,
      resolve: async () => [{ address: "10.0.0.1", family: 4 }],
    });
    const request = {
      with: { method: "GET", endpoint: `${service.origin}/` },
      authentication: policy({ authority: "http://idp.internal" }),
    };
    expect(await careful(request, activityContext())).toEqual(failure("authorization", 403));
    await careful.close();
    expect(service.entries).toEqual([]);
  });
});
