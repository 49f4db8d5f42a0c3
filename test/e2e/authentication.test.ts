import { afterAll, beforeAll, expect, test } from "vitest";
import { documentOf, eventually } from "../support/api.ts";
import { CLIENT_SECRET, startAuthority, type TestAuthority } from "../support/authority.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const PASSWORD = "password-canary-3b1f";
const TOKEN = "token-canary-90ce";

onEachStore((store) => {
  const on = serviceOnStore(store, {
    SECRET_DOOR: JSON.stringify({ username: "jane", password: PASSWORD }),
    SECRET_TOKEN: TOKEN,
    SECRET_CLIENT: CLIENT_SECRET,
    LOG_LEVEL: "debug",
  });
  let authority: TestAuthority;
  beforeAll(async () => {
    authority = await startAuthority();
  });
  afterAll(() => authority.close());

  test("given policies of every kind, when services answer with all they were sent, then no store, log or letter holds a credential", async () => {
    for (const path of ["/basic", "/bearer", "/oidc", "/broken"]) {
      on.outside.answer(path, (call) => ({ status: path === "/broken" ? 500 : 200, body: { ...call, path } }));
    }
    on.outside.answer("/echo", (call) => ({ body: call }));
    const place = { channel: { $ref: "#/channels/echo" } };
    on.outside.answer("/asyncapi.json", () => ({
      body: {
        asyncapi: "3.0.0",
        servers: { main: { protocol: "http", host: on.outside.url.replace("http://", "") } },
        channels: { echo: { address: "echo" } },
        operations: { place, hear: place },
      },
    }));
    const policy = `
      secrets: [DOOR, TOKEN, CLIENT]
      authentications:
        door: {basic: {use: DOOR}}
        token: {bearer: {use: TOKEN}}
        idp:
          oidc:
            authority: ${authority.issuer}
            grant: client_credentials
            client: {id: client_secret_post, secret: '\${ $secrets.CLIENT }'}`;
    const call = (path: string, use: string, more = "") =>
      `{call: http, with: {method: get, endpoint: {uri: "${on.outside.url}${path}", authentication: {use: ${use}}}${more}}`;
    const asyncapi = (operation: string, use: string, more: string) =>
      `{call: asyncapi, with: {document: {endpoint: {uri: "${on.outside.url}/asyncapi.json", authentication: {use: door}}}, operation: ${operation}, authentication: {use: ${use}}, ${more}}`;
    const { executionId } = await on.api.start(
      documentOf(
        `
        - basic: ${call("/basic", "door", `, headers: {X-Seen: '\${ $authorization.scheme + " " + $authorization.parameter }'}`)}, output: {as: '{saw: .headers, scheme: $authorization.scheme}'}, export: {as: '{first: .}'}}
        - bearer: ${call("/bearer", "token")}}
        - oidc: ${call("/oidc", "idp")}, output: {as: '{ok: (.path == "/oidc"), context: $context}'}}
        - place: ${asyncapi("place", "door", "message: {payload: {n: 1}}")}}
        - hear: ${asyncapi("hear", "token", "subscription: {consume: {amount: 1}}")}, output: {as: '{ok: true, heard: .[0].payload.headers}'}}
        - broken:
            try: [{ask: ${call("/broken", "token")}}}]
            catch: {do: [{note: {set: {kept: '\${ . }', error: '\${ $error }'}}}]}
        - letter: ${call("/broken", "door")}}
      `,
        `use:${policy}`,
      ),
    );
    const ended = await on.api.ended(executionId);
    expect(ended).toMatchObject({ status: "FAILED", error: { status: 500, instance: "/do/6/letter" } });
    const basic = `Basic ${btoa(`jane:${PASSWORD}`)}`;
    const seen = (path: string) => on.outside.calls.find((each) => each.path === path)?.headers;
    expect(seen("/basic")).toMatchObject({ authorization: basic, "x-seen": basic });
    expect(seen("/bearer")).toMatchObject({ authorization: `Bearer ${TOKEN}` });
    const echoed = on.outside.calls.filter(({ path }) => path === "/echo").map(({ headers }) => headers.authorization);
    expect(echoed).toEqual([basic, `Bearer ${TOKEN}`]);
    expect(seen("/asyncapi.json")).toMatchObject({ authorization: basic });
    const token = seen("/oidc")?.authorization?.replace("Bearer ", "") ?? "";
    expect(await authority.accepts(token)).toBe(true);
    await eventually(
      () => on.api.letterOf(executionId),
      (letter) => letter !== undefined,
    );
    const shown = JSON.stringify([
      ended,
      await on.api.history(executionId),
      await on.api.tasks(executionId),
      await on.api.letterOf(executionId),
      on.service.log,
    ]);
    for (const text of [
      PASSWORD,
      TOKEN,
      CLIENT_SECRET,
      token,
      btoa(`jane:${PASSWORD}`),
      btoa(`jane:${PASSWORD}`).slice(8, 24),
    ]) {
      expect(shown).not.toContain(text);
    }
    expect(shown).toContain("[hidden]");
    expect(shown).toContain('"scheme":"Basic"');
  });
});
