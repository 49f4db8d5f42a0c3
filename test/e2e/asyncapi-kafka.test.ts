import { join } from "node:path";
import kafkajs, { type Kafka, type Producer } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { apiOf, documentOf, eventually } from "../support/api.ts";
import { makeCertificate } from "../support/certificate.ts";
import { type KafkaDoor, startKafkaDoor } from "../support/kafka-door.ts";
import { groupBegins, type KafkaServer, startKafka } from "../support/kafka-server.ts";
import { startOutside } from "../support/outside.ts";
import { dataDirectory } from "../support/server-process.ts";
import { startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

const LIMIT_MS = 180_000;
const jane = { username: "jane", password: "let me in" };
let server: KafkaServer;
/** Behind TLS, and for jane only. */
let door: KafkaDoor;
let certificate: string;
let other: Kafka;
let producer: Producer;
beforeAll(async () => {
  server = await startKafka();
  const { path } = dataDirectory(undefined, "durabull-kafka-e2e-");
  certificate = join(path, "certificate.pem");
  makeCertificate(certificate, join(path, "key.pem"));
  const tls = { certificate, key: join(path, "key.pem") };
  door = await startKafkaDoor(server.host, { tls, users: { [jane.username]: jane.password } });
  other = new kafkajs.Kafka({ brokers: [server.host], logLevel: kafkajs.logLevel.NOTHING });
  producer = other.producer();
  await producer.connect();
});
afterAll(async () => {
  await producer?.disconnect();
  await door?.close();
  await server?.stop();
});

const send = (topic: string, n: number) =>
  producer.send({ topic, messages: [{ value: JSON.stringify({ n }), partition: 0 }] });

onEachStore((store) => {
  test(
    "given a topic behind TLS whose messages are worked on, when the process is killed and started again, then no message is lost, and none that was worked on is so twice; another execution publishes",
    async () => {
      const [outside, env] = await Promise.all([startOutside(), store.fresh()]);
      const gate = outside.hold("/worked/2");
      const channel = (address: string) => ({ address, messages: { it: { payload: { type: "object" } } } });
      const document = {
        asyncapi: "3.0.0",
        defaultContentType: "application/json",
        servers: { main: { protocol: "kafka-secure", host: door.host } },
        channels: { orders: channel("orders"), replies: channel("replies") },
        operations: {
          hear: {
            action: "receive",
            channel: { $ref: "#/channels/orders" },
            bindings: { kafka: { groupId: { type: "string", const: "workers" } } },
          },
          reply: { action: "send", channel: { $ref: "#/channels/replies" } },
        },
      };
      outside.answer("/kafka.json", () => ({ body: document }));
      const start = () =>
        startService({ env: { ...env, NODE_EXTRA_CA_CERTS: certificate, ALLOW_PRIVATE_NETWORK: "true" } });
      let service = await start();
      const login = `authentication: {basic: {username: ${jane.username}, password: ${jane.password}}}`;
      const work = `{call: http, with: {method: post, endpoint: "${outside.url}/worked/{n}"}, input: {from: .payload}}`;
      const { executionId } = await apiOf(service).start(
        documentOf(`
        - orders:
            call: asyncapi
            with:
              document: {endpoint: "${outside.url}/kafka.json"}
              operation: hear
              ${login}
              subscription:
                consume: {while: '\${ $context.messages[-1] != 4 }'}
                foreach: {item: order, do: [{work: ${work}}], output: {as: '$order.payload.n'}}
      `),
      );
      await groupBegins(other, "orders", "workers");
      for (const n of [1, 2, 3]) await send("orders", n);
      await outside.seen("/worked/2");
      await service.kill();
      for (const n of [4, 5]) await send("orders", n);
      service = await start();
      gate.open();
      const api = apiOf(service);
      // Its group waits until the session of the killed member is over.
      await expect
        .poll(() => api.view(executionId), { timeout: 90_000, interval: 250 })
        .toMatchObject({ status: "COMPLETED", output: [1, 2, 3, 4] });
      const worked = outside.calls.filter(({ path }) => path.startsWith("/worked"));
      const keys = new Map(worked.map(({ path, idempotencyKey }) => [idempotencyKey, path]));
      expect([...keys.values()]).toEqual(["/worked/1", "/worked/2", "/worked/3", "/worked/4"]);

      const reply = await api.start(
        documentOf(`
        - reply:
            call: asyncapi
            with: {document: {endpoint: "${outside.url}/kafka.json"}, operation: reply, ${login}, message: {payload: {done: 4}}}
      `),
      );
      expect(await api.ended(reply.executionId)).toMatchObject({ status: "COMPLETED" });
      const found: string[] = [];
      const consumer = other.consumer({ groupId: "reader", maxWaitTimeInMs: 100 });
      await consumer.connect();
      await consumer.subscribe({ topics: ["replies"], fromBeginning: true });
      await consumer.run({ eachMessage: async ({ message }) => void found.push(String(message.value)) });
      await eventually(
        async () => found,
        ({ length }) => length > 0,
      );
      await consumer.disconnect();
      expect(found.map((text) => JSON.parse(text))).toEqual([{ done: 4 }]);
      expect(await service.stop()).toBe(0);
      await outside.close();
    },
    LIMIT_MS,
  );
}, "redis");
