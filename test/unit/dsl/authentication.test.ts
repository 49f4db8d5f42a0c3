import { describe, expect, test } from "vitest";
import { checkDefinition, compileWorkflow } from "../../../src/dsl/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const AT = "/do/0/t/with/endpoint/authentication";

function definition(authentication: Json, use: JsonObject = {}, more: JsonObject = {}): JsonObject {
  const endpoint = { uri: "https://api.example", authentication };
  return {
    document: { dsl: "1.0.3", namespace: "n", name: "w", version: "1.0.0" },
    ...(Object.keys(use).length === 0 ? {} : { use }),
    do: [{ t: { call: "http", with: { method: "get", endpoint, ...more } } }],
  };
}

function compiled(authentication: Json, use?: JsonObject, more?: JsonObject) {
  const [task] = compileWorkflow(definition(authentication, use, more)).tasks;
  if (task?.kind !== "call" || task.call !== "http") throw new Error("no HTTP call");
  return task;
}

const issues = (authentication: Json, use?: JsonObject) =>
  checkDefinition(definition(authentication, use)).issues.map(({ pointer, message }) => `${pointer}: ${message}`);

describe("given an authentication, when it is compiled, then it stands apart from what is recorded", () => {
  test("inline, with what it reads and the secrets it needs", () => {
    const task = compiled({ basic: { username: "${ .user }", password: "${ $secrets.DOOR.key }" } });
    expect(task.authentication).toMatchObject({
      scheme: "Basic",
      secret: null,
      secrets: ["DOOR"],
      reads: expect.arrayContaining(["secrets"]),
    });
    expect(task.with).toEqual({ kind: "literal", value: { method: "get", endpoint: { uri: "https://api.example" } } });
    expect(task.isLate).toBe(false);
  });

  test("by name, and from a secret", () => {
    const use = { secrets: ["IDP"], authentications: { door: { oidc: { use: "IDP" } } } };
    expect(compiled({ use: "door" }, use).authentication).toMatchObject({
      scheme: "Bearer",
      secret: "IDP",
      secrets: ["IDP"],
    });
  });

  test("and arguments that read $authorization wait for the executor", () => {
    const bearer = { bearer: { token: "t" } };
    expect(compiled(bearer, {}, { headers: { "X-Seen": "${ $authorization.parameter }" } }).isLate).toBe(true);
  });
});

describe("given a mistake in an authentication, when it is checked, then its place is named", () => {
  const client = { id: "a", secret: "b" };
  const oauth = { authority: "https://idp.example", grant: "client_credentials", client };
  const cases: readonly [Json, JsonObject | undefined, readonly string[]][] = [
    [{ basic: { username: "u" } }, undefined, [`${AT}/basic: the authentication "basic" needs "password"`]],
    [{ bearer: { token: 7 } }, undefined, [`${AT}/bearer/token: \`token\` must be text, not the number 7`]],
    [
      {},
      undefined,
      [`${AT}: an authentication is one of "basic", "bearer", "digest", "oauth2" or "oidc"; this one has none`],
    ],
    [{ use: "door" }, undefined, [`${AT}/use: "door" is not defined; use.authentications is empty`]],
    [
      { digest: { use: "DOOR" } },
      undefined,
      [`${AT}/digest/use: "DOOR" is not one of the secrets that \`use.secrets\` lists`],
    ],
    [
      { oauth2: { ...oauth, grant: "implicit" } },
      undefined,
      [
        `${AT}/oauth2/grant: \`grant\` must be "authorization_code", "client_credentials", "password", "refresh_token" or "${TOKEN_EXCHANGE}", not the text "implicit"`,
      ],
    ],
    [
      { oauth2: { ...oauth, grant: "password" } },
      undefined,
      [`${AT}/oauth2: grant "password" needs \`username\``, `${AT}/oauth2: grant "password" needs \`password\``],
    ],
    [
      { oauth2: { ...oauth, grant: TOKEN_EXCHANGE } },
      undefined,
      [`${AT}/oauth2: grant "${TOKEN_EXCHANGE}" needs \`subject\``],
    ],
    [
      { oidc: { ...oauth, endpoints: {} } },
      undefined,
      [expect.stringMatching(/^.*\/oidc\/endpoints: the authentication "oidc" has no "endpoints"/)],
    ],
    [
      { oauth2: { ...oauth, authority: "ftp://x" } },
      undefined,
      [`${AT}/oauth2/authority: an authority must be a URI that begins with http:// or https://`],
    ],
    [
      { use: "door" },
      { authentications: { door: { bearer: { tokn: "x", token: "y" } } } },
      ['/use/authentications/door/bearer/tokn: the authentication "bearer" has no "tokn"; did you mean "token"?'],
    ],
  ];
  test.each(cases)("%j", (authentication, use, expected) => {
    expect(issues(authentication, use)).toEqual(expected);
  });
});
