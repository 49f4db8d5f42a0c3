import { type Channel, connect, type GetMessage } from "amqplib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ActivityContext, Intake } from "../../src/ports/executor.ts";
import type { Json, JsonObject } from "../../src/values/json.ts";
import { activityContext } from "../support/activity.ts";
import { apiOf, documentOf, eventually } from "../support/api.ts";
import { startOutside } from "../support/outside.ts";
import { RABBITMQ_USER, type RabbitmqServer, startRabbitmq } from "../support/rabbitmq-server.ts";
import { serviceExecutors } from "../support/service-executors.ts";
import { startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

// One file for all that needs this broker: it takes longer to start than all of its tests.
const START_LIMIT_MS = 150_000;

const services = serviceExecutors();
let server: RabbitmqServer;
let connection: Awaited<ReturnType<typeof connect>>;
let channel: Channel;
beforeAll(async () => {
  server = await startRabbitmq();
  connection = await connect({ hostname: "127.0.0.1", port: server.port, ...RABBITMQ_USER });
  channel = await connection.createChannel();
  await channel.assertQueue("orders", { durable: true });
}, START_LIMIT_MS);
afterAll(async () => {
  await Promise.all([connection?.close(), services.close()]);
  await server?.stop();
});

const ORDERS = { is: "queue", queue: { name: "orders", durable: true } };
const NEWS = { is: "routingKey", exchange: { name: "news", type: "topic", durable: true } };
const documentWith = (bindings: JsonObject, operation: JsonObject = {}, address = "orders"): JsonObject => ({
  asyncapi: "3.0.0",
  defaultContentType: "application/json",
  servers: { main: { protocol: "amqp", protocolVersion: "0.9.1", host: server.host } },
  channels: { it: { address, bindings: { amqp: bindings } } },
  operations: { it: { action: "receive", channel: { $ref: "#/channels/it" }, bindings: { amqp: operation } } },
});
function call(
  document: JsonObject,
  given: JsonObject,
  context: Partial<ActivityContext> = {},
  authentication: JsonObject = { basic: RABBITMQ_USER },
) {
  const resource = async () => ({ ok: true, content: JSON.stringify(document) }) as const;
  const whole = { document: { endpoint: "http://x.example" }, operation: "it", ...given };
  return services.executors.asyncapi({ with: whole, authentication }, activityContext({ ...context, resource }));
}
const hearing = (subscription: JsonObject) => ({ subscription: { variables: {}, ...subscription } });
const send = (n: number, more: object = {}) =>
  channel.sendToQueue("orders", Buffer.from(JSON.stringify({ n })), { contentType: "application/json", ...more });
/** What is in a queue, which is empty after. */
async function left(queue = "orders"): Promise<readonly GetMessage[]> {
  const found: GetMessage[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return found;
    found.push(message);
  }
}
const numbersIn = (messages: readonly GetMessage[]) => messages.map(({ content }) => JSON.parse(content.toString()).n);
/** Once the broker has taken back what was not acknowledged. */
const leftOf = (count: number) =>
  eventually(
    () => channel.checkQueue("orders"),
    ({ messageCount }) => messageCount === count,
  ).then(async () => numbersIn(await left()));

describe("given a broker of AMQP 0-9-1", () => {
  const message = { payload: { n: 1 }, headers: { kind: "big" } };

  test("when a message is published to a queue, then that is declared as the document says, and the message is to be kept", async () => {
    const declared = { is: "queue", queue: { name: "declared", durable: true } };
    expect(await call(documentWith(declared), { message })).toEqual({ ok: true, output: message });
    const [got] = await left("declared");
    expect(JSON.parse(got?.content.toString() ?? "")).toEqual({ n: 1 });
    expect(got?.properties).toMatchObject({
      ...{ messageId: "key-1", deliveryMode: 2, contentType: "application/json", headers: { kind: "big" } },
    });
  });

  test("when a message is published by a routing key, then the exchange gives it to whom it is for, also by cc", async () => {
    await channel.assertExchange("news", "topic", { durable: true });
    const { queue } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(queue, "news", "orders.#");
    const document = documentWith(NEWS, { cc: ["orders.copied"], deliveryMode: 1, priority: 3 }, "orders.new");
    expect(await call(document, { message })).toMatchObject({ ok: true });
    const [got] = await left(queue);
    expect(got).toMatchObject({ fields: { routingKey: "orders.new" }, properties: { deliveryMode: 1, priority: 3 } });
    const nobody = documentWith(NEWS, { mandatory: true }, "nobody");
    expect(await call(nobody, { message })).toMatchObject({
      ok: false,
      error: { status: 500, detail: expect.stringContaining("no queue for the message") },
    });
  });

  test("when a queue is only named and not there, or described otherwise, then that is communication 500", async () => {
    for (const queue of [{ name: "nowhere" }, { name: "orders", durable: false }])
      expect(await call(documentWith({ is: "queue", queue }), { message })).toMatchObject({
        ok: false,
        error: { status: 500, detail: expect.stringMatching(/NOT.FOUND|PRECONDITION.FAILED/) },
      });
  });

  test("when it does not know who calls, then it is authentication 401; a token is the password of the user in the address", async () => {
    const wrong = { basic: { ...RABBITMQ_USER, password: "wrong" } };
    expect(await call(documentWith(ORDERS), { message }, {}, wrong)).toMatchObject({ error: { status: 401 } });
    const document = {
      asyncapi: "2.6.0",
      servers: { main: { protocol: "amqp", url: `amqp://jane@${server.host}` } },
      channels: { orders: { bindings: { amqp: ORDERS }, publish: { operationId: "it" } } },
    };
    const outcome = await call(document, { message }, {}, { bearer: { token: RABBITMQ_USER.password } });
    expect(outcome).toMatchObject({ ok: true });
    await left();
  });

  test.each([true, false])(
    "when a list was consumed and is recorded (%s), then only then it is acknowledged",
    async (isRecorded) => {
      for (let n = 1; n <= 5; n++) send(n, { headers: { n }, correlationId: `c${n}` });
      const over: ((isRecorded: boolean) => Promise<void>)[] = [];
      const subscription = hearing({ filter: ".payload.n != 2", amount: 2 });
      const outcome = await call(documentWith(ORDERS), subscription, { whenOver: (tell) => void over.push(tell) });
      expect(outcome).toEqual({
        ok: true,
        output: [1, 3].map((n) => ({ payload: { n }, headers: { n }, correlationId: `c${n}` })),
      });
      for (const tell of over) await tell(isRecorded);
      // The one that did not pass the filter is nobody's any more.
      expect(await leftOf(isRecorded ? 2 : 4)).toEqual(isRecorded ? [4, 5] : [1, 3, 4, 5]);
    },
  );

  test("when the time of a list is over, then what comes until it is recorded is left to others", async () => {
    send(1);
    const over: ((isRecorded: boolean) => Promise<void>)[] = [];
    const subscription = hearing({ amount: 9, forMs: 300 });
    const outcome = await call(documentWith(ORDERS), subscription, { whenOver: (tell) => void over.push(tell) });
    for (const n of [2, 3]) send(n);
    await channel.checkQueue("orders");
    for (const tell of over) await tell(true);
    expect(outcome).toMatchObject({ ok: true, output: [{ payload: { n: 1 } }] });
    expect(await leftOf(2)).toEqual([2, 3]);
  });

  /** Keeps numbers in memory, and wants so many of them. */
  const intakeOf = (kept: Json[], wanted: number): Intake => ({
    before: { count: 0, last: undefined },
    elapsedMs: 0,
    async keep(given) {
      kept.push((given as { payload: { n: number } }).payload.n);
      return undefined;
    },
    goesOn: async () => kept.length < wanted,
  });

  test("when nothing more is wanted, then what comes after is left to others", async () => {
    for (let n = 1; n <= 5; n++) send(n);
    const kept: Json[] = [];
    expect(await call(documentWith(ORDERS), hearing({}), { intake: intakeOf(kept, 2) })).toEqual({
      ok: true,
      output: [],
    });
    expect(kept).toEqual([1, 2]);
    expect(await leftOf(3)).toEqual([3, 4, 5]);
  });

  test("when a run on an exchange breaks off, then a queue of its own holds back what comes, and goes once it has ended", async () => {
    const kept: Json[] = [];
    const document = documentWith(NEWS, {}, "orders.*");
    const say = (n: number) => channel.publish("news", "orders.new", Buffer.from(JSON.stringify({ n })));
    const breaking = new AbortController();
    const idempotencyKey = "one-call-on-an-exchange";
    const own = `durabull.${idempotencyKey}`;
    const first = call(document, hearing({}), { idempotencyKey, signal: breaking.signal, intake: intakeOf(kept, 99) });
    await eventually(
      async () => {
        say(0);
        return kept.length;
      },
      (length) => length > 0,
    );
    breaking.abort(new Error("it dies"));
    await expect(first).rejects.toThrow("it dies");
    await eventually(
      () => channel.checkQueue(own),
      ({ consumerCount }) => consumerCount === 0,
    );
    await channel.purgeQueue(own);
    for (const n of [1, 2, 3]) say(n);
    kept.length = 0;
    const second = call(document, hearing({}), { idempotencyKey, intake: intakeOf(kept, 3) });
    expect(await second).toEqual({ ok: true, output: [] });
    expect(kept).toEqual([1, 2, 3]);
    const probe = await connection.createChannel();
    probe.on("error", () => {});
    await expect(probe.checkQueue(own)).rejects.toThrow(/NOT.FOUND/);
  });
});

onEachStore((store) => {
  test("given a queue behind TLS whose messages are worked on, when the process is killed and started again, then no message is lost, and none that was worked on is so twice; one that ends as a list is gone once that is recorded", async () => {
    const [outside, env] = await Promise.all([startOutside(), store.fresh()]);
    const gate = outside.hold("/worked/2");
    const behindTls = { protocol: "amqps", host: server.tlsHost };
    outside.answer("/amqp.json", () => ({ body: { ...documentWith(ORDERS), servers: { main: behindTls } } }));
    const trusted = { NODE_EXTRA_CA_CERTS: server.certificate };
    const start = () => startService({ env: { ...env, ...trusted, ALLOW_PRIVATE_NETWORK: "true" } });
    let service = await start();
    const login = `authentication: {basic: {username: ${RABBITMQ_USER.username}, password: ${RABBITMQ_USER.password}}}`;
    const work = `{call: http, with: {method: post, endpoint: "${outside.url}/worked/{n}"}, input: {from: .payload}}`;
    const { executionId } = await apiOf(service).start(
      documentOf(`
        - orders:
            call: asyncapi
            with:
              document: {endpoint: "${outside.url}/amqp.json"}
              operation: it
              ${login}
              subscription:
                consume: {while: '\${ $context.messages[-1] != 4 }'}
                foreach: {item: order, do: [{work: ${work}}], output: {as: '$order.payload.n'}}
      `),
    );
    for (const n of [1, 2, 3]) send(n);
    await outside.seen("/worked/2");
    await service.kill();
    for (const n of [4, 5]) send(n);
    service = await start();
    gate.open();
    const api = apiOf(service);
    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: [1, 2, 3, 4] });
    const worked = outside.calls.filter(({ path }) => path.startsWith("/worked"));
    const keys = new Map(worked.map(({ path, idempotencyKey }) => [idempotencyKey, path]));
    expect([...keys.values()]).toEqual(["/worked/1", "/worked/2", "/worked/3", "/worked/4"]);

    const subscription = "subscription: {filter: '${ .payload.n > 0 }', consume: {amount: 1, for: {seconds: 30}}}";
    const list = await api.start(
      documentOf(`
        - order: {call: asyncapi, with: {document: {endpoint: "${outside.url}/amqp.json"}, operation: it, ${login}, ${subscription}}}
      `),
    );
    expect((await api.ended(list.executionId)).output).toEqual([{ payload: { n: 5 }, headers: {} }]);
    expect(await service.stop()).toBe(0);
    expect(await leftOf(0)).toEqual([]);
    await outside.close();
  });
});
