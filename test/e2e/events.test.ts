import { describe, expect, test } from "vitest";
import { documentOf, type Execution } from "../support/api.ts";
import { readUntil } from "../support/read-until.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

let serial = 0;
const anEvent = (type: string, more: object = {}) => {
  serial += 1;
  return { specversion: "1.0", id: `e-${serial}`, source: "/test", type, ...more };
};

onEachStore((store) => {
  const on = serviceOnStore(store);
  const publish = async (...events: readonly object[]) => {
    const answer = await on.api.ask<{ accepted: number }>("POST", "/api/v1/events", events);
    expect(answer).toMatchObject({ status: 202, body: { accepted: events.length } });
  };
  const listening = (executionId: string) =>
    on.api.until(executionId, ({ waitingFor }) => waitingFor.some(({ kind }) => kind === "listening"));
  /** A started execution that listens, and whose subscription stands in the index. */
  const listener = async (tasks: string, more: object = {}) => {
    const { executionId } = await on.api.start(documentOf(tasks), more);
    await listening(executionId);
    return executionId;
  };

  describe("given an execution that listens", () => {
    test("when an event of its type comes, then it goes on with the data; others, and repeats, change nothing", async () => {
      const id = await listener("- l: {listen: {to: {all: [{with: {type: a.one}}, {with: {type: a.two}}]}}}");
      const one = anEvent("a.one", { data: { n: 1 } });
      await publish(anEvent("a.other"), one, one);
      await publish(one);
      const hasHeard = ({ waitingFor: [first, ...more] }: Execution) =>
        first?.listensFor?.heard === 1 && more.length === 0;
      const after = await on.api.until(id, hasHeard);
      expect(after.waitingFor).toMatchObject([
        {
          kind: "listening",
          task: "/do/0/l",
          listensFor: { strategy: "all", types: ["a.one", "a.two"], heard: 1 },
          detail: "it listens for all of a.one, a.two; 1 heard",
        },
      ]);
      await publish(anEvent("a.two", { data: 2 }));
      expect((await on.api.ended(id)).output).toEqual([{ n: 1 }, 2]);
      const types = (await on.api.history(id)).map(({ type }) => type);
      expect(types.filter((type) => type === "io.flunq.event.received")).toHaveLength(2);
    });

    test("when many wait for one type and each expects its own value, then each hears only its own", async () => {
      const tasks =
        "- l: {listen: {to: {one: {with: {type: b.paid}, correlate: {o: {from: .data.order, expect: '${ .order }'}}}}}}";
      const ids = await Promise.all([1, 2, 3].map((order) => listener(tasks, { input: { order } })));
      await publish(anEvent("b.paid", { data: { order: 2, by: "Ada" } }));
      expect((await on.api.ended(ids[1] ?? "")).output).toEqual([{ order: 2, by: "Ada" }]);
      await publish(...[1, 3].map((order) => anEvent("b.paid", { data: { order } })));
      for (const id of ids) expect((await on.api.ended(id)).status).toBe("COMPLETED");
      const received = (await on.api.history(ids[0] ?? "")).filter(({ type }) => type === "io.flunq.event.received");
      expect(received).toHaveLength(1);
    });

    test("when one workflow emits what another listens for, then that goes on; the emitter's output is the event", async () => {
      const id = await listener(
        "- l: {listen: {to: {one: {with: {type: c.placed, source: 'https://shop.example/.*'}}}, read: envelope}}",
      );
      const emitter = await on.api.start(
        documentOf(
          "- e: {emit: {event: {with: {source: https://shop.example/x, type: c.placed, data: '${ .order }', kind: big}}}}",
        ),
        { input: { order: { n: 1 } } },
      );
      const { output } = await on.api.ended(emitter.executionId);
      expect(output).toMatchObject({ specversion: "1.0", type: "c.placed", data: { n: 1 }, kind: "big" });
      expect((await on.api.ended(id)).output).toEqual([output]);
    });

    test("when it is cancelled or times out, then nobody waits any more", async () => {
      const cancelled = await listener("- l: {listen: {to: {any: []}, read: raw}}");
      expect((await on.api.act(cancelled, "cancel")).status).toBe(202);
      expect((await on.api.ended(cancelled)).status).toBe("CANCELLED");
      const terminated = await listener("- l: {listen: {to: {any: []}}}");
      expect((await on.api.act(terminated, "terminate")).status).toBe(202);
      const { executionId } = await on.api.start(
        documentOf("- l: {timeout: {after: {milliseconds: 300}}, listen: {to: {any: []}}}"),
      );
      expect((await on.api.ended(executionId)).error).toMatchObject({ status: 408, instance: "/do/0/l" });
    });

    test("when it works on each event, then one after another in the order of their publication, until its condition holds", async () => {
      const id = await listener(`
        - l:
            listen: {to: {any: [{with: {type: d.reading}}], until: '\${ length == 4 }'}}
            foreach:
              item: event
              at: i
              do: [{w: {wait: {milliseconds: 5}}}, {s: {set: {n: '\${ $event.n }', i: '\${ $i }'}}}]
              output: {as: '\${ .n }'}
              export: {as: '\${ {sum: (($context.sum // 0) + .)} }'}
        - s: {set: {all: '\${ . }', sum: '\${ $context.sum }'}}`);
      await publish(...[5, 6, 7, 8].map((n) => anEvent("d.reading", { data: { n } })));
      expect((await on.api.ended(id)).output).toEqual({ all: [5, 6, 7, 8], sum: 26 });
    });

    test("when its until listens itself, then that event ends it and is no part of the output", async () => {
      const id = await listener("- l: {listen: {to: {any: [], until: {one: {with: {type: f.end}}}}}}");
      await publish(anEvent("f.a", { data: 1 }), anEvent("f.b", { data: 2 }), anEvent("f.end"), anEvent("f.c"));
      expect((await on.api.ended(id)).output).toEqual([1, 2]);
    });
  });

  test("given a stream of events, when workflows run and events come, then each is one CloudEvent, lifecycle included, and it goes on where it was", async () => {
    const seen: { id: string; data: { type: string; executionid?: string; id: string } }[] = [];
    const controller = new AbortController();
    const response = await fetch(`${on.service.url}/api/v1/events/stream`, { signal: controller.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const id = await listener("- l: {listen: {to: {one: {with: {type: g.go}}}}}");
    await publish(anEvent("g.go"));
    await on.api.ended(id);
    const text = await readUntil(reader, "workflow.completed.v1");
    controller.abort();
    for (const block of text.split("\n\n")) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) seen.push({ id: /^id: (.*)$/m.exec(block)?.[1] ?? "", data: JSON.parse(data) });
    }
    const types = seen
      .filter(({ data }) => data.executionid === id || data.type === "g.go")
      .map(({ data }) => data.type);
    const lifecycle = (what: string) => `io.serverlessworkflow.${what}.v1`;
    expect(types).toEqual(
      expect.arrayContaining([
        ...["workflow.started", "task.created", "task.started", "workflow.correlation-started"].map(lifecycle),
        "g.go",
        ...["workflow.correlation-completed", "task.completed", "workflow.completed"].map(lifecycle),
      ]),
    );
    const [first] = seen;
    const again = await fetch(`${on.service.url}/api/v1/events/stream?type=g.go`, {
      headers: { "last-event-id": first?.id ?? "" },
    });
    const more = again.body?.pipeThrough(new TextDecoderStream()).getReader();
    const rest = await readUntil(more, "data: ");
    await more?.cancel();
    expect(rest).toContain('"type":"g.go"');
  });
});
