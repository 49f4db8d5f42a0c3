import { createHmac } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { documentOf, eventually } from "../support/api.ts";
import { startOutside } from "../support/outside.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const SECRET = "a secret of sinks";
const sink = await startOutside();
afterAll(() => sink.close());
const EMIT = "- e: {emit: {event: {with: {source: 'https://shop.example', type: order.placed, data: {n: '${ .n }'}}}}}";

onEachStore((store) => {
  const on = serviceOnStore(store, {
    EVENT_SINKS: `${sink.url}/${store.name.replaceAll(" ", "-")}`,
    EVENT_SINK_SECRET: SECRET,
    EVENT_SINK_RETRIES: "1",
  });
  const path = `/${store.name.replaceAll(" ", "-")}`;
  const calls = () => sink.calls.filter((call) => call.path === path);

  test("given a sink that refuses at first, when a workflow emits, then the event is sent again, the same, signed, under one key", async () => {
    let refusals = 1;
    sink.answer(path, () => (refusals-- > 0 ? { status: 503 } : { status: 202 }));
    const before = calls().length;
    const { executionId } = await on.api.start(documentOf(EMIT), { input: { n: 1 } });
    const { output } = await on.api.ended(executionId);
    await eventually(calls, ({ length }) => length === before + 2);
    const [first, second] = calls().slice(before);
    expect(second?.idempotencyKey).toBe(first?.idempotencyKey);
    for (const call of [first, second]) {
      expect(JSON.parse(call?.body ?? "")).toEqual(output);
      const { "webhook-id": id, "webhook-timestamp": at, "content-type": type } = call?.headers ?? {};
      expect(type).toContain("application/cloudevents+json");
      const signature = createHmac("sha256", SECRET).update(`${id}.${at}.${call?.body}`).digest("base64");
      expect(call?.headers["webhook-signature"]).toBe(`v1,${signature}`);
    }
    const tries = async () => (await (await fetch(`${on.service.metricsUrl}/metrics`)).text()).split("\n");
    const wanted = ["error", "ok"].map((outcome) => `durabull_event_sink_seconds_count{outcome="${outcome}"} 1`);
    await eventually(tries, (lines) => wanted.every((line) => lines.includes(line)));
  });

  test("given a sink that takes nothing, when retries are used up, then the event is a dead letter, and a redrive sends it", async () => {
    sink.answer(path, () => ({ status: 500 }));
    const { executionId } = await on.api.start(documentOf(EMIT), { input: { n: 2 } });
    expect((await on.api.ended(executionId)).status).toBe("COMPLETED");
    type Letters = { items: readonly { id: string; error: { status: number } }[] };
    const letters = async () => (await on.api.ask<Letters>("GET", "/api/v1/dead-letters")).body.items;
    const [letter] = await eventually(letters, ({ length }) => length === 1);
    expect(letter?.error).toMatchObject({ status: 500 });
    sink.answer(path, () => ({}));
    const before = calls().length;
    await on.api.redrive(letter?.id ?? "");
    await eventually(calls, ({ length }) => length === before + 1);
    expect(JSON.parse(calls().at(-1)?.body ?? "")).toMatchObject({ type: "order.placed", data: { n: 2 } });
  });
});
