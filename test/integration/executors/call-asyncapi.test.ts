import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Aedes } from "aedes";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { createAuthenticator } from "../../../src/executors/auth/authenticator.ts";
import { agentOf } from "../../../src/executors/call-http.ts";
import { createServiceExecutors, type ServicePolicy } from "../../../src/executors/services.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { startRedis, type TestServer } from "../../support/servers.ts";

const POLICY: ServicePolicy = {
  allowPrivateNetwork: true,
  allowedHosts: [],
  maxResponseBytes: 10_000,
  documents: { maxFiles: 3, maxBytes: 100_000 },
  authenticator: createAuthenticator(agentOf({ allowPrivateNetwork: true, allowedHosts: [] })),
  processes: { allowed: [], limits: { timeoutMs: 1_000, memoryBytes: 1, outputBytes: 1 } },
};

/** What a server of messages does, whatever its protocol. */
interface Broker {
  readonly address: string;
  /** What reached it on channel `orders`, as text. */
  readonly received: readonly string[];
  /** Sends to those who listen on channel `orders`. */
  send(text: string): Promise<unknown>;
  /** How many listen there. */
  listeners(): Promise<number>;
  close(): Promise<unknown>;
}

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await sleep(5);
};
const portOf = async (server: Server) => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

async function mqttBroker(): Promise<Broker> {
  const broker = await Aedes.createBroker();
  const received: string[] = [];
  const listeners = new Set<string>();
  broker.on("subscribe", (_, { id }) => listeners.add(id));
  broker.on("clientDisconnect", ({ id }) => listeners.delete(id));
  broker.on("publish", ({ topic, payload }, client) => {
    if (client !== null && topic === "orders") received.push(payload.toString());
  });
  const server = createServer(broker.handle);
  const port = await portOf(server);
  return {
    address: `127.0.0.1:${port}`,
    received,
    send: (payload) =>
      new Promise((resolve) =>
        broker.publish({ cmd: "publish", topic: "orders", payload, qos: 1, dup: false, retain: false }, resolve),
      ),
    listeners: async () => listeners.size,
    close: () => new Promise<void>((resolve) => broker.close(() => server.close(() => resolve()))),
  };
}

async function redisBroker(): Promise<Broker> {
  const server: TestServer = await startRedis();
  const { host } = new URL(server.url);
  const [listening, sending] = [new Redis(server.url), new Redis(server.url)];
  const received: string[] = [];
  await listening.subscribe("orders");
  listening.on("message", (_, text) => received.push(text));
  return {
    address: host,
    received,
    send: (text) => sending.publish("orders", text),
    listeners: async () => Number((await sending.pubsub("NUMSUB", "orders"))[1]) - 1,
    async close() {
      for (const client of [listening, sending]) client.disconnect();
      await server.stop();
    },
  };
}

async function webSocketServer(): Promise<Broker> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/orders" });
  const received: string[] = [];
  server.on("connection", (socket) => socket.on("message", (data) => received.push(data.toString())));
  await new Promise((resolve) => server.on("listening", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async send(text) {
      for (const client of server.clients) client.send(text);
    },
    listeners: async () => server.clients.size,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

async function eventServer(): Promise<Broker> {
  const received: string[] = [];
  const open = new Set<import("node:http").ServerResponse>();
  const server = createHttpServer(async (request, response) => {
    if (request.url !== "/orders") return void response.writeHead(404).end();
    if (request.method === "GET") {
      open.add(response.writeHead(200, { "content-type": "text/event-stream" }));
      response.on("close", () => open.delete(response)).flushHeaders();
      return;
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push(body);
    response.writeHead(202).end();
  });
  const port = await portOf(server);
  return {
    address: `127.0.0.1:${port}`,
    received,
    async send(text) {
      for (const response of open) response.write(`data: ${text}\n\n`);
    },
    listeners: async () => open.size,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const document2 = (protocol: string, url: string) => ({
  asyncapi: "2.6.0",
  servers: { main: { protocol, url: `${protocol}://{host}`, variables: { host: { default: url } } } },
  channels: {
    orders: {
      publish: { operationId: "placeOrder", message: { contentType: "application/json" } },
      subscribe: { operationId: "hearOrders", message: { $ref: "#/components/messages/order" } },
    },
  },
  components: { messages: { order: { contentType: "application/json" } } },
});
const document3 = (protocol: string, host: string) => ({
  asyncapi: "3.0.0",
  defaultContentType: "application/json",
  servers: { other: { protocol: "nats", host: "x.example" }, main: { protocol, host } },
  channels: { orderChannel: { address: "orders", servers: [{ $ref: "#/servers/main" }] } },
  operations: {
    placeOrder: { action: "receive", channel: { $ref: "#/channels/orderChannel" } },
    hearOrders: { action: "send", channel: { $ref: "#/channels/orderChannel" } },
  },
});

let document: Json = null;
const services: ReturnType<typeof createServiceExecutors>[] = [];
function call(given: JsonObject, policy: Partial<ServicePolicy> = {}, around = activityContext()) {
  const made = createServiceExecutors({ ...POLICY, ...policy });
  const context = { ...around, resource: async () => ({ ok: true, content: JSON.stringify(document) }) as const };
  services.push(made);
  return made.executors.asyncapi({ with: { document: { endpoint: "http://x.example" }, ...given } }, context);
}
afterAll(async () => {
  for (const each of services) await each.close();
});

const CASES = [
  ["mqtt", mqttBroker],
  ["redis", redisBroker],
  ["ws", webSocketServer],
  ["http", eventServer],
] as const;

describe.each(CASES)("given a server that speaks %s", (protocol, start) => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await start();
  });
  afterAll(() => broker.close());

  /** Runs a subscription, and sends numbered orders as soon as somebody listens. */
  const listened = () => until(async () => (await broker.listeners()) > 0);
  const silent = () => until(async () => (await broker.listeners()) === 0);
  async function subscribed(subscription: JsonObject, orders: number, given: JsonObject = { operation: "hearOrders" }) {
    await silent();
    const outcome = call({ ...given, subscription: { variables: {}, ...subscription } });
    await listened();
    for (let n = 1; n <= orders; n++) await broker.send(JSON.stringify({ n }));
    return outcome;
  }
  const numbers = (...all: readonly number[]) => ({
    ok: true,
    output: all.map((n) => expect.objectContaining({ payload: { n } })),
  });

  test.each([
    ["2.6", document2],
    ["3.0", document3],
  ])("when a message is published by a document of %s, then the server has it, and it is the output", async (_, of) => {
    document = of(protocol, broker.address);
    const before = broker.received.length;
    const message = { payload: { petId: 7 }, headers: {} };
    expect(await call({ operation: "placeOrder", message })).toEqual({ ok: true, output: message });
    await until(() => broker.received.length > before);
    expect(broker.received.at(-1)).toBe('{"petId":7}');
  });

  test("when the channel's parameter stands in the message, then the message is published there", async () => {
    const given = document3(protocol, broker.address);
    const parameters = { kind: { location: "$message.payload#/kind" } };
    document = {
      ...given,
      channels: { orderChannel: { ...given.channels.orderChannel, address: "{kind}", parameters } },
    };
    const before = broker.received.length;
    const message = { payload: { kind: "orders" }, headers: {} };
    expect(await call({ operation: "placeOrder", message })).toEqual({ ok: true, output: message });
    await until(() => broker.received.length > before);
    expect(broker.received.at(-1)).toBe('{"kind":"orders"}');
  });

  test("when so many messages are asked for, then those that pass the filter are the output", async () => {
    document = document3(protocol, broker.address);
    const filter = ".payload.n % 2 == $input.odd";
    expect(await subscribed({ filter, amount: 2, variables: { input: { odd: 1 } } }, 5)).toEqual(numbers(1, 3));
  });

  test("when it goes on while or until, then the messages consumed so far decide", async () => {
    document = document2(protocol, broker.address);
    const given = { channel: "orders", protocol };
    const context = { variables: { context: {} } };
    expect(await subscribed({ while: "length < 2" }, 4, given)).toEqual(numbers(1, 2));
    expect(await subscribed({ until: "($context.consumedMessages | length) == 3", ...context }, 4, given)).toEqual(
      numbers(1, 2, 3),
    );
    expect(await call({ ...given, subscription: { until: "true", variables: {} } })).toEqual(numbers());
  });

  test("when its time is over, then what was consumed is the output", async () => {
    document = document3(protocol, broker.address);
    expect(await subscribed({ amount: 5, forMs: 700 }, 2)).toEqual(numbers(1, 2));
  });

  test("when its activity is cancelled, then the reason is thrown", async () => {
    document = document3(protocol, broker.address);
    await silent();
    const controller = new AbortController();
    const context = activityContext({ signal: controller.signal });
    const running = call({ operation: "hearOrders", subscription: { amount: 1, variables: {} } }, {}, context);
    await listened();
    controller.abort(new Error("no longer owed"));
    await expect(running).rejects.toThrow("no longer owed");
  });

  test("when messages are too long, or a condition fails, then that is the error", async () => {
    document = document3(protocol, broker.address);
    await silent();
    const long = call(
      { operation: "hearOrders", subscription: { amount: 2, variables: {} } },
      { maxResponseBytes: 100 },
    );
    await listened();
    await broker.send(JSON.stringify({ text: "x".repeat(200) }));
    expect(await long).toMatchObject({ ok: false, error: { status: 500 } });
    expect(await subscribed({ filter: ".payload.n | error", amount: 1 }, 1)).toMatchObject({
      ok: false,
      error: { type: "https://serverlessworkflow.io/spec/1.0.0/errors/expression" },
    });
  });

  test("when its address is not allowed, then that is authorization 403", async () => {
    document = document3(protocol, broker.address);
    const message = { payload: {}, headers: {} };
    expect(await call({ operation: "placeOrder", message }, { allowPrivateNetwork: false })).toMatchObject({
      ok: false,
      error: { status: 403 },
    });
  });
});

describe("given a document in several files, when a message is published, then what it needs of them is fetched", () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await webSocketServer();
  });
  afterAll(() => broker.close());
  const folder = "http://x.example/docs";
  test.each<[string, (host: string) => Readonly<Record<string, Json>>, readonly string[]]>([
    [
      "2.6",
      (host) => {
        const { servers, channels, ...rest } = document2("ws", host);
        const { orders } = channels;
        return {
          "": {
            ...rest,
            servers: { main: { $ref: "servers.json#/main" } },
            channels: { orders: { $ref: "parts/c.json" } },
          },
          "servers.json": servers,
          "parts/c.json": { ...orders, subscribe: { $ref: "never-fetched.json" } },
        };
      },
      [],
    ],
    [
      "3.0",
      (host) => {
        const { operations, channels, servers, ...rest } = document3("ws", host);
        const other = { $ref: "other.json" };
        return {
          "": {
            ...{ ...rest, operations: { ...operations, other }, servers },
            channels: { orderChannel: { $ref: "parts/c.json#/orders" }, other },
          },
          "parts/c.json": { orders: { ...channels.orderChannel, servers: [{ $ref: "../api.json#/servers/main" }] } },
        };
      },
      ["parts/c.json"],
    ],
  ])("%s", async (_, filesOf, wanted) => {
    const files = filesOf(broker.address);
    document = files[""] ?? null;
    const fetched: string[] = [];
    const resource: ReturnType<typeof activityContext>["resource"] = async (uri, _unfit, referrer) => {
      const name = referrer === undefined ? "" : uri.replace(`${folder}/`, "");
      if (name !== "") fetched.push(name);
      return { ok: true, content: JSON.stringify(files[name] ?? {}) };
    };
    const message = { payload: { petId: 7 }, headers: {} };
    const made = createServiceExecutors(POLICY);
    services.push(made);
    const given = { document: { endpoint: `${folder}/api.json` }, operation: "placeOrder", message };
    expect(await made.executors.asyncapi({ with: given }, activityContext({ resource }))).toEqual({
      ok: true,
      output: message,
    });
    if (wanted.length > 0) expect(fetched).toEqual(wanted);
    else expect(fetched).toContain("parts/c.json");
  });
});

test("given nobody at the server's address, when a message is published, then it is communication 500", async () => {
  for (const [protocol] of CASES) {
    document = document3(protocol, "127.0.0.1:1");
    const message = { payload: {}, headers: {} };
    expect(await call({ operation: "placeOrder", message })).toMatchObject({ ok: false, error: { status: 500 } });
  }
});

describe("given a document that does not fit, when it is called, then it is configuration 400 that says why", () => {
  const base = document3("mqtt", "x.example");
  test.each<[string, Json, JsonObject, RegExp]>([
    ["no document", [1], {}, /no AsyncAPI document/],
    ["another version", { asyncapi: "4.0.0" }, {}, /AsyncAPI 4\.0\.0/],
    ["no such operation", base, { operation: "x" }, /no operation "x", but placeOrder, hearOrders/],
    ["no such channel", base, { channel: "x" }, /no channel "x", but orderChannel/],
    [
      "no such variable",
      base,
      { server: { name: "main", variables: { nope: "x" } } },
      /server "main" has no variable "nope"/,
    ],
    ["no such server", base, { server: { name: "x", variables: {} } }, /no server "x", but other, main/],
    [
      "a protocol nobody speaks",
      base,
      { server: { name: "other", variables: {} } },
      /server "other": AsyncAPI over nats is not supported; amqp \(0-9-1\), http, kafka, mqtt \(3\.1\.1 and 5\), redis/,
    ],
    [
      "another AMQP",
      {
        ...base,
        servers: { main: { protocol: "amqp", protocolVersion: "1.0", host: "x.example" } },
        channels: { orderChannel: {} },
      },
      {},
      /over amqp 1\.0 is not supported; amqp \(0-9-1\)/,
    ],
    ["no server for a protocol", base, { protocol: "ws" }, /its channel has no server for ws, but main \(mqtt\)/],
    [
      "a channel on servers that nobody speaks to",
      { ...base, channels: { orderChannel: { servers: [{ $ref: "#/servers/other" }] } } },
      {},
      /server "other": AsyncAPI over nats is not supported/,
    ],
    [
      "a channel on none of the servers",
      {
        ...base,
        components: { servers: { far: {} } },
        channels: { orderChannel: { servers: [{ $ref: "#/components/servers/far" }] } },
      },
      {},
      /its channel is on none of its servers, which are other, main/,
    ],
    [
      "a parameter that the message does not say",
      {
        ...base,
        channels: { orderChannel: { address: "a/{id}", parameters: { id: { location: "$message.payload#/id" } } } },
      },
      {},
      /"a\/\{id\}" needs its parameter "id": the message has no text, number or boolean at \$message\.payload#\/id/,
    ],
    [
      "a reference into a folder of the worker",
      { ...base, channels: { orderChannel: { $ref: "file:///channel.json" } } },
      {},
      /cannot be reached/,
    ],
    ["a reference to nothing", { ...base, channels: { orderChannel: { $ref: "#/none" } } }, {}, /leads nowhere/],
    [
      "an operation of another channel",
      { ...base, channels: { orderChannel: { address: "orders" }, elsewhere: { address: "e" } } },
      { channel: "elsewhere" },
      /operation "placeOrder" is none of channel "elsewhere"/,
    ],
    [
      "a server that the channel is not on",
      { ...base, channels: { orderChannel: { address: "orders", servers: [{ $ref: "#/servers/other" }] } } },
      { server: { name: "main", variables: {} } },
      /not on server "main", but on other/,
    ],
    [
      "a topic with a wildcard for a message",
      { ...base, channels: { orderChannel: { address: "orders/+" } } },
      {},
      /"orders\/\+" of its channel has a wildcard/,
    ],
    ["headers over mqtt", base, { message: { payload: {}, headers: { a: "b" } } }, /have no headers/],
  ])("%s", async (_, given, more, detail) => {
    document = given;
    const refusedBefore = { payload: {}, headers: {} };
    const outcome = await call({ operation: "placeOrder", message: refusedBefore, ...more }, { allowedHosts: [] });
    expect(outcome).toMatchObject({ ok: false, error: { status: 400, detail: expect.stringMatching(detail) } });
  });
});
