import { describe, expect, test } from "vitest";
import { type Login, loginsOf } from "../../../../src/executors/asyncapi/login.ts";
import type { Family } from "../../../../src/executors/asyncapi/target.ts";
import { createAuthenticator } from "../../../../src/executors/auth/authenticator.ts";
import { agentOf } from "../../../../src/executors/call-http.ts";
import type { JsonObject } from "../../../../src/values/json.ts";

const { signal } = new AbortController();
const authenticator = createAuthenticator(agentOf({ allowPrivateNetwork: false, allowedHosts: [] }));
/** @param alternatives security schemes of a server, each enough by itself. */
const loginsAt = (
  alternatives: readonly JsonObject[],
  policy?: JsonObject,
  address = "http://a:9092",
  family: Family = "kafka",
) => {
  const security = alternatives.map((scheme) => [scheme]);
  return loginsOf({ family, url: new URL(address), security }, policy, authenticator, signal);
};

const jane = { basic: { username: "jane", password: "p" } };
const token = { bearer: { token: "t" } };
const asJane = { username: "jane", password: "p" };

describe("given a policy for Kafka, when it logs in, then the mechanism is", () => {
  test.each<[string, readonly JsonObject[], JsonObject, Partial<Login>]>([
    ["PLAIN without a scheme", [], jane, { mechanism: "plain", ...asJane }],
    ["PLAIN for plain", [{ type: "plain" }], jane, { mechanism: "plain", ...asJane }],
    ["PLAIN for userPassword", [{ type: "userPassword" }], jane, { mechanism: "plain", ...asJane }],
    ["SCRAM of 256", [{ type: "scramSha256" }], jane, { mechanism: "scram-sha-256", ...asJane }],
    ["SCRAM of 512", [{ type: "scramSha512" }], jane, { mechanism: "scram-sha-512", ...asJane }],
    ["OAUTHBEARER without a scheme", [], token, { mechanism: "oauthbearer", password: "t" }],
    ["OAUTHBEARER for oauth2", [{ type: "oauth2" }], token, { mechanism: "oauthbearer", password: "t" }],
    ["OAUTHBEARER for openIdConnect", [{ type: "openIdConnect" }], token, { mechanism: "oauthbearer", password: "t" }],
    [
      "that of the first scheme that fits",
      [{ type: "oauth2" }, { type: "scramSha512" }],
      jane,
      { mechanism: "scram-sha-512" },
    ],
    ["that, past what nobody can give", [{ type: "X509" }, { type: "plain" }], jane, { mechanism: "plain" }],
  ])("%s", async (_, schemes, policy, login) => {
    expect(await loginsAt(schemes, policy).first()).toMatchObject(login);
  });
});

describe("given user and password in the address of Kafka, when it logs in, then the mechanism is", () => {
  test.each<[string, readonly JsonObject[], Login["mechanism"]]>([
    ["PLAIN without a scheme", [], "plain"],
    ["that of the first scheme with a password", [{ type: "oauth2" }, { type: "scramSha256" }], "scram-sha-256"],
  ])("%s", async (_, schemes, mechanism) => {
    const logins = loginsAt(schemes, undefined, "http://jane:a%20b@a:9092");
    expect(await logins.first()).toMatchObject({ username: "jane", password: "a b", mechanism });
  });

  test("none without them", async () => {
    expect(await loginsAt([{ type: "plain" }]).first()).toEqual({ headers: {}, query: {} });
  });
});

describe("given a policy that the server takes not, when it logs in, then that is refused", () => {
  test.each<[string, readonly JsonObject[], JsonObject | undefined, Family, string]>([
    [
      "a token for SCRAM",
      [{ type: "scramSha256" }],
      token,
      "kafka",
      'takes scramSha256, which an authentication "bearer" is not',
    ],
    [
      "a password for oauth2",
      [{ type: "oauth2" }],
      jane,
      "kafka",
      'takes oauth2, which an authentication "basic" is not',
    ],
    [
      "an API key of Kafka",
      [{ type: "apiKey", in: "user" }],
      token,
      "kafka",
      'takes apiKey, which an authentication "bearer"',
    ],
    ["SCRAM elsewhere", [{ type: "scramSha256" }], jane, "mqtt", 'takes scramSha256, which an authentication "basic"'],
    ["a certificate", [{ type: "X509" }], undefined, "kafka", "takes X509 only, which a definition cannot give"],
    ["SCRAM elsewhere, without a policy", [{ type: "scramSha512" }], undefined, "mqtt", "takes scramSha512 only"],
    ["a digest", [], { digest: { username: "jane", password: "p" } }, "kafka", "knows no digest"],
  ])("%s", (_, schemes, policy, family, detail) => {
    expect(() => loginsAt(schemes, policy, undefined, family)).toThrow(detail);
  });
});
