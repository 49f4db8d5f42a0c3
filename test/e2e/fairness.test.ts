import { expect, test } from "vitest";
import { documentOf } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

onEachStore((store) => {
  const on = serviceOnStore(store);
  const neighbour = documentOf(`
    - one: {set: {n: 1}}
    - pause: {wait: {milliseconds: 10}}
    - two: {set: {n: "\${ .n + 1 }"}}
  `);

  test("given a loop over 20,000 items, when neighbours start meanwhile, then they end long before it and it completes", async () => {
    const loop = await on.api.start(
      documentOf(`
        - count:
            for: {in: "\${ [range(20000)] }"}
            do:
              - take: {set: {item: "\${ $item }", before: "\${ .item }"}}
      `),
    );
    await on.api.until(loop.executionId, ({ historyLength }) => historyLength > 1_000);
    const neighbours = await Promise.all(Array.from({ length: 5 }, () => on.api.start(neighbour)));
    const ends = await Promise.all(neighbours.map(({ executionId }) => on.api.ended(executionId)));
    const end = await on.api.ended(loop.executionId);

    expect(end).toMatchObject({ status: "COMPLETED", output: { item: 19_999, before: 19_998 } });
    expect(end.historyLength).toBe(40_004);
    for (const each of ends) {
      expect(each).toMatchObject({ status: "COMPLETED", output: { n: 2 } });
      // Theirs was over while half of the loop was still to come.
      const [event] = await on.api.events(loop.executionId, "after=20000&limit=1");
      expect(Date.parse(each.endedAt ?? "")).toBeLessThan(Date.parse(event?.time ?? ""));
    }
  });

  test("given a loop of `then` that never ends, when neighbours start, then they complete, and it can be cancelled or terminated", async () => {
    const endless = documentOf(`
      - again: {set: {n: "\${ (.n // 0) + 1 }"}}
      - back: {set: "\${ . }", then: again}
    `);
    const loops = await Promise.all([on.api.start(endless), on.api.start(endless)]);
    for (const { executionId } of loops) await on.api.until(executionId, ({ historyLength }) => historyLength > 2_000);
    const neighbours = await Promise.all(Array.from({ length: 5 }, () => on.api.start(neighbour)));
    for (const { executionId } of neighbours) {
      expect(await on.api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { n: 2 } });
    }
    const [cancelled, terminated] = loops.map(({ executionId }) => executionId);
    expect((await on.api.view(cancelled ?? "")).status).toBe("RUNNING");

    expect((await on.api.act(cancelled ?? "", "cancel")).status).toBe(202);
    expect((await on.api.act(terminated ?? "", "terminate")).status).toBe(202);
    for (const { executionId } of loops) expect((await on.api.ended(executionId)).status).toBe("CANCELLED");
  });

  test("given a fan-out of 200 calls, when their results arrive while it decides, then all outputs stand in the order of the branches", async () => {
    on.outside.answer("/fan-out", ({ body }) => ({ body: { got: (JSON.parse(body) as { n: number }).n } }));
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    const branches = numbers.map(
      (n) =>
        `        - b${n}: {call: http, with: {method: post, endpoint: "${on.outside.url}/fan-out", body: {n: ${n}}}}`,
    );
    const { executionId } = await on.api.start(
      documentOf(["- all:", "    fork:", "      branches:", ...branches].join("\n")),
    );

    expect(await on.api.ended(executionId)).toMatchObject({
      status: "COMPLETED",
      output: numbers.map((n) => ({ got: n })),
    });
    expect(on.outside.calls.filter(({ path }) => path === "/fan-out")).toHaveLength(200);
    const history = await on.api.history(executionId);
    expect(history.map(({ sequence }) => sequence)).toEqual(history.map((_, index) => index + 1));
  });
});
