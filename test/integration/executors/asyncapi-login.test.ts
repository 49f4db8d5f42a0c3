import { createHash } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Aedes } from "aedes";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { CLIENT_SECRET, startAuthority, type TestAuthority } from "../../support/authority.ts";
import { startRedis, type TestServer } from "../../support/servers.ts";
import { serviceExecutors } from "../../support/service-executors.ts";

const services = serviceExecutors();
afterAll(() => services.close());

const listening = async (server: Server) => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

type Scheme = JsonObject | undefined;
const document2 = (protocol: string, url: string, scheme: Scheme) => ({
  asyncapi: "2.6.0",
  servers: { main: { protocol, url, ...(scheme === undefined ? {} : { security: [{ theirs: [] }] }) } },
  channels: { orders: { publish: { operationId: "place" }, subscribe: { operationId: "hear" } } },
  ...(scheme === undefined ? {} : { components: { securitySchemes: { theirs: scheme } } }),
});
const document3 = (protocol: string, host: string, scheme: Scheme) => ({
  asyncapi: "3.0.0",
  servers: {
    main: {
      protocol,
      host,
      ...(scheme === undefined ? {} : { security: [{ $ref: "#/components/securitySchemes/s" }] }),
    },
  },
  channels: { orders: { address: "orders" } },
  operations: { place: { action: "receive", channel: { $ref: "#/channels/orders" } } },
  ...(scheme === undefined ? {} : { components: { securitySchemes: { s: scheme } } }),
});

const message = { payload: { n: 1 }, headers: {} };
function place(document: Json, authentication?: JsonObject) {
  const context = activityContext({ resource: async () => ({ ok: true, content: JSON.stringify(document) }) });
  const given = { document: { endpoint: "http://x.example" }, operation: "place", message };
  return services.executors.asyncapi(
    { with: given, ...(authentication === undefined ? {} : { authentication }) },
    context,
  );
}
const DONE = { ok: true, output: message };
const refused = (kind: string, status: number) => ({
  ok: false,
  error: { type: expect.stringMatching(new RegExp(`/${kind}$`)), status },
});
const jane = { username: "jane", password: "let me in" };

describe("given a server of MQTT that asks who calls", () => {
  let broker: Aedes;
  let address = "";
  let server: Server;
  let seen: { user: string | undefined; password: string | undefined };
  beforeAll(async () => {
    broker = await Aedes.createBroker();
    broker.authenticate = (_, user, password, done) => {
      seen = { user, password: password?.toString() };
      done(null, seen.password === jane.password || seen.password === "the-token" || user === "the-token");
    };
    server = createServer(broker.handle);
    address = await listening(server);
  });
  afterAll(() => new Promise<void>((resolve) => broker.close(() => server.close(() => resolve()))));

  test.each<[string, JsonObject | undefined, Scheme, object]>([
    ["basic", { basic: jane }, undefined, { user: "jane", password: jane.password }],
    ["basic, for userPassword", { basic: jane }, { type: "userPassword" }, { user: "jane" }],
    ["a token", { bearer: { token: "the-token" } }, undefined, { user: "token", password: "the-token" }],
    [
      "a token, for apiKey as user",
      { bearer: { token: "the-token" } },
      { type: "apiKey", in: "user" },
      { user: "the-token" },
    ],
    [
      "a token, for oauth2",
      { bearer: { token: "the-token" } },
      { type: "oauth2", flows: {} },
      { password: "the-token" },
    ],
  ])("when a policy is %s, then it is user and password", async (_, policy, scheme, expected) => {
    for (const document of [document2, document3])
      expect(await place(document("mqtt", address, scheme), policy)).toEqual(DONE);
    expect(seen).toMatchObject(expected);
  });

  test("when a policy is oidc, then a token of its authority is the password, and another is asked for once it is refused", async () => {
    const authority = await startAuthority();
    const client = { id: "client_secret_post", secret: CLIENT_SECRET };
    const policy = { oidc: { authority: authority.issuer, grant: "client_credentials", client } };
    expect(await place(document3("mqtt", address, undefined), policy)).toMatchObject(refused("authentication", 401));
    expect(seen.user).toBe("token");
    expect(await authority.accepts(seen.password ?? "")).toBe(true);
    expect(authority.requests).toHaveLength(2);
    await authority.close();
  });

  test("when it does not know them, then it is authentication 401", async () => {
    const policy = { basic: { ...jane, password: "wrong" } };
    expect(await place(document3("mqtt", address, undefined), policy)).toMatchObject(refused("authentication", 401));
    expect(await place(document3("mqtt", address, undefined))).toMatchObject(refused("authentication", 401));
  });

  test("when the address has them, then they are used without a policy", async () => {
    const url = `mqtt://jane:${encodeURIComponent(jane.password)}@${address}`;
    expect(await place(document2("mqtt", url, undefined))).toEqual(DONE);
  });

  test.each<[string, JsonObject | undefined, Scheme, RegExp]>([
    ["digest", { digest: jane }, undefined, /mqtt knows no digest/],
    ["X509", undefined, { type: "X509" }, /takes X509 only, which a definition cannot give/],
    ["X509 with a policy", { basic: jane }, { type: "X509" }, /takes X509, which an authentication "basic" is not/],
    ["a token for userPassword", { bearer: { token: "t" } }, { type: "userPassword" }, /takes userPassword, which/],
    ["a header", { bearer: { token: "t" } }, { type: "httpApiKey", name: "k", in: "header" }, /takes httpApiKey/],
  ])("when what is asked for does not fit (%s), then it is configuration 400", async (_, policy, scheme, detail) => {
    const outcome = await place(document3("mqtt", address, scheme), policy);
    expect(outcome).toMatchObject({ ok: false, error: { status: 400, detail: expect.stringMatching(detail) } });
  });
});

describe("given a Redis server with users", () => {
  let server: TestServer;
  let host = "";
  beforeAll(async () => {
    server = await startRedis();
    host = new URL(server.url).host;
    const admin = new Redis(server.url);
    await admin.call("ACL", "SETUSER", "jane", "on", `>${jane.password}`, "+@all", "&*");
    await admin.call("ACL", "SETUSER", "default", "resetpass", ">the-token");
    admin.disconnect();
  });
  afterAll(() => server.stop());

  test("when a policy is basic or a token, then it is let in; a token is the password of its default user", async () => {
    expect(await place(document3("redis", host, undefined), { basic: jane })).toEqual(DONE);
    expect(await place(document3("redis", host, undefined), { bearer: { token: "the-token" } })).toEqual(DONE);
  });

  test("when it does not know who calls, then it is authentication 401", async () => {
    for (const policy of [{ basic: { ...jane, password: "wrong" } }, undefined])
      expect(await place(document3("redis", host, undefined), policy)).toMatchObject(refused("authentication", 401));
  });
});

type Door = (request: IncomingMessage) => string | undefined;
const REALM = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256';

/** What a request has, as a text; undefined: refused. */
const door: Door = ({ headers, url = "", method = "" }) => {
  const { authorization = "", cookie } = headers;
  const query = new URL(url, "http://x").searchParams.get("key");
  if (authorization.startsWith("Digest")) return isDigest(authorization, method, url) ? "digest" : undefined;
  const known = [`Basic ${btoa("jane:let me in")}`, "Bearer the-token", "key the-token", "cookie key=the-token"];
  const given = [authorization, `key ${headers["x-key"] ?? query}`, `cookie ${cookie}`];
  return given.find((each) => known.includes(each));
};
function isDigest(authorization: string, method: string, uri: string): boolean {
  const { nc, cnonce, response } = Object.fromEntries(
    [...authorization.matchAll(/(\w+)="?([^",]+)"?/g)].map(([, name, value]) => [name, value]),
  );
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  return response === hash(`${hash("jane:r:let me in")}:n:${nc}:${cnonce}:auth:${hash(`${method}:${uri}`)}`);
}

const HTTP: readonly (readonly [string, () => Promise<{ address: string; let: string[]; close(): void }>])[] = [
  [
    "http",
    async () => {
      const inside: string[] = [];
      const server = createHttpServer((request, response) => {
        const who = door(request);
        if (who !== undefined) inside.push(who);
        request.resume();
        response.writeHead(who === undefined ? 401 : 202, { "www-authenticate": REALM }).end();
      });
      return { address: await listening(server), let: inside, close: () => server.close() };
    },
  ],
  [
    "ws",
    async () => {
      const inside: string[] = [];
      const server = new WebSocketServer({ noServer: true });
      const http = createHttpServer().on("upgrade", (request, socket, head) => {
        const who = door(request);
        if (who === undefined)
          return socket.end(`HTTP/1.1 401 Unauthorized\r\nwww-authenticate: ${REALM}\r\ncontent-length: 0\r\n\r\n`);
        inside.push(who);
        return server.handleUpgrade(request, socket, head, () => {});
      });
      return { address: await listening(http), let: inside, close: () => http.close() };
    },
  ],
];

describe.each(HTTP)("given a server of %s that asks who calls", (protocol, start) => {
  let server: Awaited<ReturnType<typeof start>>;
  let authority: TestAuthority;
  beforeAll(async () => {
    [server, authority] = await Promise.all([start(), startAuthority()]);
  });
  afterAll(async () => {
    server.close();
    await authority.close();
  });
  const token = { bearer: { token: "the-token" } };
  const inKey = (place: string) => ({ type: "httpApiKey", name: place === "header" ? "X-Key" : "key", in: place });

  test.each<[string, JsonObject, Scheme, string]>([
    ["basic", { basic: jane }, { type: "http", scheme: "basic" }, `Basic ${btoa("jane:let me in")}`],
    ["bearer", token, { type: "http", scheme: "bearer" }, "Bearer the-token"],
    ["digest", { digest: jane }, undefined, "digest"],
    ["a key in a header", token, inKey("header"), "key the-token"],
    ["a key in the query", token, inKey("query"), "key the-token"],
    ["a key in a cookie", token, inKey("cookie"), "cookie key=the-token"],
  ])("when a policy is %s, then it is let in", async (_, policy, scheme, expected) => {
    for (const document of [document2, document3])
      expect(await place(document(protocol, server.address, scheme), policy)).toEqual(DONE);
    expect(server.let.slice(-2)).toEqual([expected, expected]);
  });

  test("when a token of an authority is refused, then another one is tried, once", async () => {
    const given = { grant: "client_credentials", client: { id: "client_secret_post", secret: CLIENT_SECRET } };
    const scheme = { type: "openIdConnect", openIdConnectUrl: authority.issuer };
    const before = authority.requests.length;
    const outcome = await place(document3(protocol, server.address, scheme), {
      oidc: { authority: authority.issuer, ...given },
    });
    expect(outcome).toMatchObject(refused("communication", 401));
    expect(authority.requests.length - before).toBe(2);
  });

  test("when nobody says who calls, then it is communication 401", async () => {
    expect(await place(document3(protocol, server.address, undefined))).toMatchObject(refused("communication", 401));
  });
});
