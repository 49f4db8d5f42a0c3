import { join } from "node:path";
import kafkajs, { type Kafka, type Producer } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ActivityContext, Intake } from "../../../src/ports/executor.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { eventually } from "../../support/api.ts";
import { makeCertificate } from "../../support/certificate.ts";
import { freePort } from "../../support/free-port.ts";
import { type KafkaDoor, startKafkaDoor } from "../../support/kafka-door.ts";
import { groupBegins, type KafkaServer, startKafka } from "../../support/kafka-server.ts";
import { dataDirectory } from "../../support/server-process.ts";
import { serviceExecutors } from "../../support/service-executors.ts";

const services = serviceExecutors();
const jane = { username: "jane", password: "let me in" };
let server: KafkaServer;
/** Where groups can be deleted. */
let open: KafkaDoor;
let guarded: KafkaDoor;
let other: Kafka;
let producer: Producer;
beforeAll(async () => {
  server = await startKafka();
  open = await startKafkaDoor(server.host);
  guarded = await startKafkaDoor(server.host, { users: { [jane.username]: jane.password, token: "the-token" } });
  other = new kafkajs.Kafka({ brokers: [server.host], logLevel: kafkajs.logLevel.NOTHING });
  producer = other.producer();
  await producer.connect();
});
afterAll(async () => {
  await Promise.all([producer?.disconnect(), services.close()]);
  await Promise.all([open?.close(), guarded?.close()]);
  await server?.stop();
});

const documentOf = (main: JsonObject, more: { address?: string; operation?: JsonObject; key?: Json } = {}) => ({
  asyncapi: "3.0.0",
  defaultContentType: "application/json",
  servers: { main: { protocol: "kafka", host: open.host, ...main } },
  channels: {
    it: {
      address: more.address ?? "orders",
      messages: { it: { bindings: { kafka: more.key === undefined ? {} : { key: more.key } } } },
    },
  },
  operations: {
    it: { action: "send", channel: { $ref: "#/channels/it" }, bindings: { kafka: more.operation ?? {} } },
  },
});
function call(
  document: JsonObject,
  given: JsonObject,
  context: Partial<ActivityContext> = {},
  authentication?: JsonObject,
) {
  const resource = async () => ({ ok: true, content: JSON.stringify(document) }) as const;
  const whole = { document: { endpoint: "http://x.example" }, operation: "it", ...given };
  return services.executors.asyncapi(
    { with: whole, ...(authentication === undefined ? {} : { authentication }) },
    activityContext({ ...context, resource }),
  );
}
const hearing = (subscription: JsonObject) => ({ subscription: { variables: {}, ...subscription } });
const message = { payload: { n: 1 }, headers: { kind: "big" } };
const send = (topic: string, n: number) =>
  producer.send({ topic, messages: [{ value: JSON.stringify({ n }), partition: 0 }] });

/** What is in a topic, from its beginning. */
async function recordsIn(topic: string, count: number): Promise<readonly JsonObject[]> {
  const consumer = other.consumer({ groupId: `reader-of-${topic}`, maxWaitTimeInMs: 100 });
  const found: JsonObject[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { key, value, headers } }) => {
      const texts = Object.entries(headers ?? {}).map(([name, each]) => [name, String(each)] as const);
      found.push({
        key: key?.toString() ?? null,
        value: value?.toString() ?? null,
        headers: Object.fromEntries(texts),
      });
    },
  });
  await eventually(
    async () => found.length,
    (length) => length >= count,
  );
  await consumer.disconnect();
  return found;
}

/** Keeps messages in memory, and wants so many of them. */
const intakeOf = (kept: JsonObject[], wanted: number, last?: Json): Intake => ({
  before: { count: last === undefined ? 0 : 1, last },
  elapsedMs: 0,
  async keep(given) {
    kept.push(given as JsonObject);
    return undefined;
  },
  goesOn: async () => kept.length < wanted,
});
const numbersIn = (kept: readonly JsonObject[]) => kept.map(({ payload }) => (payload as { n: number }).n);

describe("given a broker of Kafka, when a message is published", () => {
  test("then the topic of the channel has it, with headers and the key that the call or the document says", async () => {
    const keyed = { ...message, headers: { ...message.headers, "kafka.key": "o-1" } };
    expect(await call(documentOf({}, { address: "sent" }), { message: keyed })).toEqual({ ok: true, output: keyed });
    const document = {
      asyncapi: "2.6.0",
      servers: { main: { protocol: "kafka", url: `kafka://${await nowhere()},${open.host}` } },
      channels: {
        anything: {
          bindings: { kafka: { topic: "sent" } },
          publish: {
            operationId: "it",
            message: {
              contentType: "text/plain",
              bindings: { kafka: { key: { type: "string", enum: ["only"] } } },
            },
          },
        },
      },
    };
    expect(await call(document, { message: { payload: "hi", headers: {} } })).toMatchObject({ ok: true });
    const found = await recordsIn("sent", 2);
    expect(found.find(({ key }) => key === "o-1")).toEqual({
      key: "o-1",
      value: '{"n":1}',
      headers: { kind: "big", "content-type": "application/json", "idempotency-key": "key-1" },
    });
    expect(found.find(({ key }) => key === "only")).toMatchObject({
      value: "hi",
      headers: { "content-type": "text/plain" },
    });
  });

  test("then a broker that is away is communication 500, and an address that is not allowed authorization 403", async () => {
    const away = documentOf({ host: await nowhere() });
    expect(await call(away, { message })).toMatchObject({
      ok: false,
      error: { type: expect.stringMatching(/communication$/), status: 500, detail: expect.stringContaining("REFUSED") },
    });
    const strict = serviceExecutors({ allowPrivateNetwork: false });
    const resource = async () => ({ ok: true, content: JSON.stringify(documentOf({})) }) as const;
    const given = { document: { endpoint: "http://x.example" }, operation: "it", message };
    expect(await strict.executors.asyncapi({ with: given }, activityContext({ resource }))).toMatchObject({
      ok: false,
      error: { status: 403 },
    });
    await strict.close();
  });
});

async function nowhere(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}

describe("given a broker of Kafka that asks who calls", () => {
  const secured = (scheme: JsonObject | undefined) => ({
    ...documentOf({ host: guarded.host, ...(scheme === undefined ? {} : { security: [scheme] }) }),
  });
  const token = { bearer: { token: "the-token" } };

  test.each<[string, JsonObject | undefined, JsonObject, string]>([
    ["basic", undefined, { basic: jane }, "PLAIN jane"],
    ["basic, for userPassword", { type: "userPassword" }, { basic: jane }, "PLAIN jane"],
    ["basic, for plain", { type: "plain" }, { basic: jane }, "PLAIN jane"],
    ["basic, for scramSha256", { type: "scramSha256" }, { basic: jane }, "SCRAM-SHA-256 jane"],
    ["basic, for scramSha512", { type: "scramSha512" }, { basic: jane }, "SCRAM-SHA-512 jane"],
    ["a token", undefined, token, "OAUTHBEARER token"],
    ["a token, for oauth2", { type: "oauth2", flows: {} }, token, "OAUTHBEARER token"],
  ])("when a policy is %s, then it is let in", async (_, scheme, policy, expected) => {
    expect(await call(secured(scheme), { message }, {}, policy)).toMatchObject({ ok: true });
    expect(guarded.letIn.at(-1)).toBe(expected);
  });

  test("when it does not know them, then that is authentication 401", async () => {
    const wrong = { basic: { ...jane, password: "wrong" } };
    for (const type of ["plain", "scramSha256"])
      expect(await call(secured({ type }), { message }, {}, wrong)).toMatchObject({
        ok: false,
        error: { type: expect.stringMatching(/authentication$/), status: 401 },
      });
  });

  test.each<[string, JsonObject, JsonObject | undefined, RegExp]>([
    ["X509", { type: "X509" }, undefined, /takes X509 only, which a definition cannot give/],
    ["a token for SCRAM", { type: "scramSha256" }, token, /takes scramSha256, which/],
    ["digest", { type: "plain" }, { digest: jane }, /kafka knows no digest/],
  ])("when what is asked for does not fit (%s), then it is configuration 400", async (_, scheme, policy, detail) => {
    const outcome = await call(secured(scheme), { message }, {}, policy);
    expect(outcome).toMatchObject({ ok: false, error: { status: 400, detail: expect.stringMatching(detail) } });
  });

  test("when its certificate is one that nobody vouches for, then that is communication 500", async () => {
    const { path } = dataDirectory(undefined, "durabull-kafka-door-");
    const tls = { certificate: join(path, "certificate.pem"), key: join(path, "key.pem") };
    makeCertificate(tls.certificate, tls.key);
    const behindTls = await startKafkaDoor(server.host, { tls });
    const document = documentOf({ protocol: "kafka-secure", host: behindTls.host });
    expect(await call(document, { message })).toMatchObject({
      ok: false,
      error: { status: 500, detail: expect.stringMatching(/self.signed/) },
    });
    await behindTls.close();
  });
});

describe.concurrent("given a broker of Kafka, when messages are consumed", () => {
  test("as a list, then it begins at the newest, and a group of its own is gone once the list is recorded", async () => {
    await send("listed", 0);
    const idempotencyKey = "a-list";
    const over: ((isRecorded: boolean) => Promise<void>)[] = [];
    const outcome = call(documentOf({}, { address: "listed" }), hearing({ filter: ".payload.n != 2", amount: 2 }), {
      idempotencyKey,
      whenOver: (tell) => void over.push(tell),
    });
    await groupBegins(other, "listed", `durabull.${idempotencyKey}`);
    for (const n of [1, 2, 3, 4]) await send("listed", n);
    const headers = (offset: number) => ({ "kafka.partition": 0, "kafka.offset": String(offset) });
    expect(await outcome).toEqual({
      ok: true,
      output: [
        { payload: { n: 1 }, headers: headers(1) },
        { payload: { n: 3 }, headers: headers(3) },
      ],
    });
    expect(open.deleted).not.toContain(`durabull.${idempotencyKey}`);
    for (const tell of over) await tell(true);
    expect(open.deleted).toContain(`durabull.${idempotencyKey}`);
  });

  test.each([
    [true, [3, 4]],
    [false, [1, 2]],
  ])(
    "as a list of a group of the document that is recorded (%s), then only then it is committed",
    async (isRecorded, expected) => {
      const topic = `shared-${isRecorded}`;
      const groupId = { type: "string", enum: [`group-${isRecorded}`] };
      const document = documentOf({}, { address: topic, operation: { groupId } });
      const over: ((isRecorded: boolean) => Promise<void>)[] = [];
      const whenOver: ActivityContext["whenOver"] = (tell) => void over.push(tell);
      const first = call(document, hearing({ amount: 2 }), { whenOver });
      await groupBegins(other, topic, `group-${isRecorded}`);
      for (const n of [1, 2, 3, 4]) await send(topic, n);
      expect(await first).toMatchObject({ ok: true, output: [{ payload: { n: 1 } }, { payload: { n: 2 } }] });
      for (const tell of over) await tell(isRecorded);
      const second = await call(document, hearing({ amount: 2 }), { idempotencyKey: "another" });
      expect(second).toMatchObject({ ok: true, output: expected.map((n) => ({ payload: { n } })) });
    },
  );

  test("one by one, when a run breaks off, then the next one goes on after the last that was kept", async () => {
    const document = documentOf({}, { address: "worked" });
    const idempotencyKey = "one-call";
    const kept: JsonObject[] = [];
    const breaking = new AbortController();
    const around = { idempotencyKey, signal: breaking.signal, intake: intakeOf(kept, 99) };
    const first = call(document, hearing({}), around);
    await groupBegins(other, "worked", `durabull.${idempotencyKey}`);
    for (const n of [1, 2]) await send("worked", n);
    await eventually(
      async () => kept.length,
      (length) => length === 2,
    );
    breaking.abort(new Error("it dies"));
    await expect(first).rejects.toThrow("it dies");
    for (const n of [3, 4, 5]) await send("worked", n);
    const [, last] = kept;
    const second = call(document, hearing({}), { idempotencyKey, intake: intakeOf(kept, 4, last) });
    expect(await second).toEqual({ ok: true, output: [] });
    expect(numbersIn(kept)).toEqual([1, 2, 3, 4]);
    expect(open.deleted).toContain(`durabull.${idempotencyKey}`);
  });

  test("one by one, when one was kept and the worker died before it could say so, then it is not kept again", async () => {
    const document = documentOf({}, { address: "twice", operation: { groupId: "twice" } });
    const kept: JsonObject[] = [];
    const first = call(document, hearing({}), { intake: intakeOf(kept, 1) });
    await groupBegins(other, "twice", "twice");
    for (const n of [1, 2]) await send("twice", n);
    await first;
    // As if the first had not been committed.
    const [[one]] = [kept];
    const again = { ...one, headers: { ...(one?.headers as JsonObject), "kafka.offset": "1" } };
    const rest: JsonObject[] = [];
    const second = call(document, hearing({}), { intake: intakeOf(rest, 1, again) });
    await eventually(
      () => ofGroup("twice", "twice"),
      (offset) => offset === "2",
    );
    await send("twice", 3);
    await second;
    expect(numbersIn(rest)).toEqual([3]);
  });

  test("one by one, when the work on one takes long, then the group stands and the next comes after", async () => {
    const document = documentOf({}, { address: "slow" });
    const kept: JsonObject[] = [];
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow: Intake = {
      ...intakeOf(kept, 2),
      async goesOn() {
        await gate;
        return kept.length < 2;
      },
    };
    const outcome = call(document, hearing({}), { idempotencyKey: "slow", intake: slow });
    await groupBegins(other, "slow", "durabull.slow");
    for (const n of [1, 2]) await send("slow", n);
    await eventually(
      () => ofGroup("slow", "durabull.slow"),
      (offset) => offset === "1",
    );
    // Longer than a message may be in hand before the rest is held elsewhere.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(numbersIn(kept)).toEqual([1]);
    open();
    expect(await outcome).toEqual({ ok: true, output: [] });
    expect(numbersIn(kept)).toEqual([1, 2]);
  });

  test("and its time is over, then what was consumed is the output", async () => {
    const document = documentOf({}, { address: "timed" });
    expect(await call(document, hearing({ amount: 9, forMs: 200 }))).toEqual({ ok: true, output: [] });
  });

  test("and the broker goes away, then that is communication 500", async () => {
    const passing = await startKafka();
    const client = new kafkajs.Kafka({ brokers: [passing.host], logLevel: kafkajs.logLevel.NOTHING });
    const document = documentOf({ host: passing.host }, { address: "gone" });
    const outcome = call(document, hearing({ amount: 1 }), { idempotencyKey: "gone" });
    await groupBegins(client, "gone", "durabull.gone");
    await passing.stop();
    expect(await outcome).toMatchObject({
      ok: false,
      error: { type: expect.stringMatching(/communication$/), status: 500 },
    });
  });
});

async function ofGroup(topic: string, groupId: string): Promise<string | undefined> {
  const admin = other.admin();
  await admin.connect();
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  await admin.disconnect();
  return found?.partitions.find(({ partition }) => partition === 0)?.offset;
}
