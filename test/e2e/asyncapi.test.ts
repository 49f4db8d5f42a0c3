import { afterAll, beforeAll, expect, test } from "vitest";
import { type Api, apiOf, documentOf, eventually } from "../support/api.ts";
import { type EventFeed, startEventFeed } from "../support/event-feed.ts";
import { type MosquittoServer, startMosquitto } from "../support/mosquitto-server.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

onEachStore((store) => {
  let env: Readonly<Record<string, string>>;
  let outside: Outside;
  let feed: EventFeed;
  let mosquitto: MosquittoServer;
  let service: ServiceProcess;
  let api: Api;
  const run = async () => {
    const trusted = { NODE_EXTRA_CA_CERTS: mosquitto.certificate };
    // One activity at once: a subscription takes no place from the tasks that work on its messages.
    const settings = { ...trusted, ALLOW_PRIVATE_NETWORK: "true", TASK_CONCURRENCY: "1" };
    service = await startService({ env: { ...env, ...settings } });
    api = apiOf(service);
  };
  beforeAll(async () => {
    [outside, feed, env, mosquitto] = await Promise.all([
      startOutside(),
      startEventFeed(),
      store.fresh(),
      startMosquitto({ tls: true }),
    ]);
    await run();
  });
  afterAll(async () => {
    await service.stop();
    await Promise.all([outside.close(), feed.close(), mosquitto.stop()]);
  });

  const hear = (subscription: string, more = "") =>
    `{call: asyncapi, with: {document: {endpoint: "${feed.document}"}, operation: hear, subscription: ${subscription}}${more}}`;
  const listening = (count: number) =>
    eventually(
      async () => feed.listeners.length,
      (listeners) => listeners >= count,
    );

  test("given a subscription with foreach, when messages come, then tasks work on each in its order, and what they export decides when it ends", async () => {
    const before = feed.listeners.length;
    const each =
      "{item: order, at: n, do: [{double: {set: {twice: '${ $order.payload.n * 2 }', place: '${ $n }'}}}], export: {as: '{sum: (($context.sum // 0) + .twice)}'}}";
    const { executionId } = await api.start(
      documentOf(`
        - orders: ${hear(`{filter: '\${ .payload.n > 0 }', consume: {while: '\${ $context.sum < 10 }'}, foreach: ${each}}`)}
      `),
    );
    await listening(before + 1);
    feed.send({ n: 1 }, { n: -1 }, { n: 2 });
    await eventually(
      () => api.history(executionId),
      (history) => history.filter(({ type }) => type === "io.flunq.event.processed").length === 2,
    );
    feed.send({ n: 3 });
    expect(await api.ended(executionId)).toMatchObject({
      status: "COMPLETED",
      output: [
        { twice: 2, place: 0 },
        { twice: 4, place: 1 },
        { twice: 6, place: 2 },
      ],
    });
    expect(await api.rescues()).toBe(0);
  });

  test("given a server that hangs up, when a message was kept before, then it is worked on, and then the task fails", async () => {
    const before = feed.listeners.length;
    const { executionId } = await api.start(
      documentOf(`
        - t:
            try: [{orders: ${hear(`{consume: {amount: 2}, foreach: {do: [{c: {call: http, with: {method: post, endpoint: "${outside.url}/kept", body: '\${ $item.payload }'}}}]}}`)}}]
            catch: {as: e, do: [{why: {set: {detail: '\${ $e.detail }', at: '\${ $e.instance }'}}}]}
      `),
    );
    await listening(before + 1);
    feed.send({ n: 1 });
    feed.hangUp();
    expect((await api.ended(executionId)).output).toEqual({
      detail: "the server ended the response before the subscription was satisfied",
      at: "/do/0/t/try/0/orders",
    });
    expect(outside.calls.filter(({ path }) => path === "/kept")).toHaveLength(1);
  });

  test("given a subscription with foreach and a time, when that is over, then what came is worked on, and that is all", async () => {
    const before = feed.listeners.length;
    const { executionId } = await api.start(
      documentOf(`
        - orders: ${hear("{consume: {amount: 9, for: {milliseconds: 700}}, foreach: {do: [{w: {wait: {seconds: 1}}}], output: {as: .payload.n}}}")}
      `),
    );
    await listening(before + 1);
    feed.send({ n: 1 }, { n: 2 });
    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: [1, 2] });
  });

  test("given a message that is worked on, when the process is killed and started again, then no message is worked on twice, none is lost, and the place in the feed is kept", async () => {
    const before = feed.listeners.length;
    const gate = outside.hold("/worked/2");
    const work = `{call: http, with: {method: post, endpoint: "${outside.url}/worked/{n}"}, input: {from: .payload}}`;
    const { executionId } = await api.start(
      documentOf(`
        - orders: ${hear(`{consume: {amount: 4}, foreach: {item: order, do: [{work: ${work}}], output: {as: '$order.payload.n'}}}`)}
      `),
    );
    await listening(before + 1);
    feed.send({ n: 1 }, { n: 2 }, { n: 3 });
    await outside.seen("/worked/2");
    await eventually(
      () => api.history(executionId),
      (history) => history.filter(({ type }) => type === "io.flunq.message.received").length === 3,
    );
    await service.kill();
    feed.send({ n: 4 });
    await run();
    gate.open();
    expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: [1, 2, 3, 4] });

    const worked = outside.calls.filter(({ path }) => path.startsWith("/worked"));
    const keys = new Map(worked.map(({ path, idempotencyKey }) => [idempotencyKey, path]));
    expect([...keys.values()]).toEqual(["/worked/1", "/worked/2", "/worked/3", "/worked/4"]);
    expect(worked.filter(({ path }) => path !== "/worked/2")).toHaveLength(3);
    const history = await api.history(executionId);
    expect(history.filter(({ type }) => type === "io.flunq.event.processed")).toHaveLength(4);
    const known = (await api.history(executionId)).filter(({ type }) => type === "io.flunq.message.received");
    expect(known.filter(({ data }) => data.value !== undefined)).toHaveLength(4);
    expect(feed.listeners.slice(before)[0]).toBeUndefined();
    expect(Number(feed.listeners.at(-1))).toBeGreaterThan(0);
  });

  test("given a broker of MQTT 5 behind TLS, when a workflow works on what another publishes, then messages have their headers", async () => {
    const channel = { channel: { $ref: "#/channels/orders" } };
    outside.answer("/mqtt.json", () => ({
      body: {
        asyncapi: "3.0.0",
        servers: { main: { protocol: "secure-mqtt", protocolVersion: "5", host: `localhost:${mosquitto.port}` } },
        channels: { orders: { address: "orders" } },
        operations: { orders: channel },
      },
    }));
    const call = (more: string) =>
      `{call: asyncapi, with: {document: {endpoint: "${outside.url}/mqtt.json"}, operation: orders, ${more}}}`;
    const hears = await api.start(
      documentOf(`
        - hear: ${call("subscription: {consume: {amount: 1}, foreach: {do: [{keep: {set: {n: '${ .payload.n }', kind: '${ .headers.kind }'}}}]}}")}
      `),
    );
    // Nobody says from outside when it listens: it is told again until it has heard.
    await eventually(
      async () => {
        const publish = call("message: {payload: {n: 7}, headers: {kind: big}}");
        const { executionId } = await api.start(documentOf(`- tell: ${publish}`));
        expect((await api.ended(executionId)).status).toBe("COMPLETED");
        return (await api.view(hears.executionId)).status;
      },
      (status) => status !== "RUNNING",
    );
    expect((await api.ended(hears.executionId)).output).toEqual([{ n: 7, kind: "big" }]);
  });
});
