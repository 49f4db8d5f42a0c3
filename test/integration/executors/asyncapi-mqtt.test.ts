import { connect, connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Intake } from "../../../src/ports/executor.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { type MosquittoServer, startMosquitto } from "../../support/mosquitto-server.ts";
import { serviceExecutors } from "../../support/service-executors.ts";

const services = serviceExecutors();
let server: MosquittoServer;
let other: MqttClient;
beforeAll(async () => {
  server = await startMosquitto({ users: { jane: "let me in", other: "other" } });
  other = await connectAsync(server.url, { protocolVersion: 5, username: "other", password: "other" });
});
afterAll(async () => {
  await Promise.all([other.endAsync(), services.close()]);
  await server.stop();
});

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const documentOf = (main: JsonObject, bindings: JsonObject = {}): JsonObject => ({
  asyncapi: "3.0.0",
  servers: { main: { protocol: "mqtt", host: server.host, bindings: { mqtt: bindings }, ...main } },
  channels: { orders: { address: "orders/new" } },
  operations: { orders: { action: "receive", channel: { $ref: "#/channels/orders" } } },
});
const jane = { basic: { username: "jane", password: "let me in" } };
function call(document: JsonObject, given: JsonObject, around = activityContext(), authentication: JsonObject = jane) {
  const context = { ...around, resource: async () => ({ ok: true, content: JSON.stringify(document) }) as const };
  const whole = { document: { endpoint: "http://x.example" }, operation: "orders", ...given };
  return services.executors.asyncapi({ with: whole, authentication }, context);
}
const hearing = (subscription: JsonObject) => ({ subscription: { variables: {}, ...subscription } });

/** Sends until somebody has heard: who subscribes does not say so here. */
async function sendUntilHeard(outcome: Promise<unknown>, properties: object = {}): Promise<void> {
  let isHeard = false;
  outcome.finally(() => (isHeard = true));
  while (!isHeard) await other.publishAsync("orders/new", '{"n":1}', { qos: 1, properties });
}

describe("given a broker of MQTT 3.1.1 and 5", () => {
  const message = { payload: { n: 1 }, headers: { "x-kind": "big" } };
  test.each<[string, JsonObject, JsonObject]>([
    ["protocolVersion 5", { protocolVersion: "5.0" }, {}],
    ["protocol mqtt5", { protocol: "mqtt5" }, {}],
    ["a call for mqtt5", {}, { protocol: "mqtt5" }],
  ])("when MQTT 5 is spoken by %s, then headers are user properties, both ways", async (_, main, more) => {
    const heard = new Promise<Json>((resolve) =>
      other.once("message", (_topic, body, { properties }) =>
        resolve({ body: body.toString(), headers: { ...properties?.userProperties } }),
      ),
    );
    await other.subscribeAsync("orders/new", { qos: 1 });
    expect(await call(documentOf(main), { message, ...more })).toEqual({ ok: true, output: message });
    expect(await heard).toEqual({ body: '{"n":1}', headers: { "x-kind": "big", "idempotency-key": "key-1" } });
    await other.unsubscribeAsync("orders/new");

    const outcome = call(documentOf(main), { ...hearing({ amount: 1 }), ...more });
    await sendUntilHeard(outcome, {
      userProperties: { a: "b" },
      correlationData: Buffer.from("c-1"),
      contentType: "text/plain",
    });
    const output = [{ payload: '{"n":1}', headers: { a: "b" }, correlationId: "c-1" }];
    expect(await outcome).toEqual({ ok: true, output });
  });

  test("when MQTT 3.1.1 is spoken, then headers are refused", async () => {
    for (const main of [{}, { protocolVersion: "3.1.1" }])
      expect(await call(documentOf(main), { message })).toMatchObject({ ok: false, error: { status: 400 } });
    const outcome = call(documentOf({ protocolVersion: "3.1.1" }), { protocol: "mqtt5", message });
    expect(await outcome).toMatchObject({ error: { detail: expect.stringContaining("no server for mqtt5") } });
    const heard = call(documentOf({}), hearing({ amount: 1 }));
    await sendUntilHeard(heard, { userProperties: { a: "b" } });
    expect(await heard).toEqual({ ok: true, output: [{ payload: { n: 1 }, headers: {} }] });
  });

  test.each(["3.1.1", "5"])(
    "when it does not know who calls, then %s says authentication 401",
    async (protocolVersion) => {
      const wrong = { basic: { username: "jane", password: "wrong" } };
      const sent = { payload: {}, headers: {} };
      const outcome = await call(documentOf({ protocolVersion }), { message: sent }, activityContext(), wrong);
      expect(outcome).toMatchObject({ ok: false, error: { status: 401 } });
    },
  );
});

/** Keeps messages in memory; the last one so many of them is when nothing more is wanted. */
function intakeOf(kept: Json[], before: number, wanted: number): Intake {
  return {
    before: { count: before, last: undefined },
    elapsedMs: 0,
    async keep(message) {
      kept.push((message as { payload: { n: number } }).payload.n);
      return undefined;
    },
    goesOn: async () => kept.length < wanted,
  };
}

describe.each(["3.1.1", "5"])("given a document with cleanSession: false, over MQTT %s", (protocolVersion) => {
  const send = (n: number) => other.publishAsync("orders/new", JSON.stringify({ n }), { qos: 1 });
  const idempotencyKey = `session-${protocolVersion}-of-one-call`;

  test("when a run breaks off, then the next one is given what was sent meanwhile, and nobody loses what was not wanted", async () => {
    const document = documentOf({ protocolVersion }, { cleanSession: false });
    const kept: Json[] = [];
    const breaking = new AbortController();
    const first = call(
      document,
      hearing({}),
      activityContext({ idempotencyKey, signal: breaking.signal, intake: intakeOf(kept, 0, 99) }),
    );
    for (let n = 0; kept.length === 0; n++) await send(n);
    breaking.abort(new Error("it dies"));
    await expect(first).rejects.toThrow("it dies");
    kept.length = 0;
    for (const n of [100, 101, 102]) await send(n);
    const second = call(document, hearing({}), activityContext({ idempotencyKey, intake: intakeOf(kept, 0, 50) }));
    await until(() => kept.includes(102));
    for (let n = 103; kept.length < 50; n++) await send(n);
    expect(await second).toEqual({ ok: true, output: [] });
    const meanwhile = kept.filter((n) => Number(n) >= 100);
    expect(meanwhile).toEqual(meanwhile.map((_, index) => 100 + index));
    expect(kept).toHaveLength(50);
  });

  test("when its call has ended, then the broker has no session of it", async () => {
    const clientId = `d${idempotencyKey.slice(0, 22)}`;
    const again = connect(server.url, {
      protocolVersion: 5,
      clean: false,
      clientId,
      username: "other",
      password: "other",
    });
    const isPresent = await new Promise((resolve) => {
      again.once("connect", ({ sessionPresent }) => resolve(sessionPresent));
    });
    expect(isPresent).toBe(false);
    await again.endAsync();
  });
});

test("given a broker whose certificate nobody vouches for, when it is called, then that is communication 500", async () => {
  const behindTls = await startMosquitto({ tls: true });
  for (const protocol of ["mqtts", "secure-mqtt"]) {
    const document = documentOf({ protocol, host: behindTls.host });
    expect(await call(document, { message: { payload: {}, headers: {} } })).toMatchObject({
      ok: false,
      error: { status: 500, detail: expect.stringMatching(/self.signed/) },
    });
  }
  await behindTls.stop();
});
