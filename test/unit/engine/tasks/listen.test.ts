import { describe, expect, test } from "vitest";
import { owed, statusOf } from "../../../../src/engine/index.ts";
import type { Json } from "../../../../src/values/json.ts";
import { EngineRun, workflowOf } from "../../../support/run-engine.ts";

const started = (tasks: string, input: Json = {}) => new EngineRun(workflowOf(tasks), input).decide();
const listen = (to: string, more = "") => started(`- l: {listen: {to: ${to}}${more}}`);
const outputOf = (run: EngineRun) => run.checkPrefixes().result.output;

describe("given a task that listens", () => {
  test("when it is entered, then a subscription is owed and the execution waits; the history names what is expected", () => {
    const run = started(
      "- l: {listen: {to: {one: {with: {type: a}, correlate: {k: {from: .subject, expect: '${ .id }'}, c: {from: .x, expect: fixed}}}}}}",
      { id: 7 },
    );
    expect(statusOf(run.state)).toBe("WAITING");
    expect(owed(run.state)).toEqual([{ kind: "subscription", name: 3, task: "/do/0/l" }]);
    expect(run.events[2]).toMatchObject({
      type: "event.subscribed",
      data: { from: 0, expected: [{ k: 7, c: "fixed" }] },
    });
  });

  test("when one event is wanted, then the first that fits ends it, and the output is a list all the same", () => {
    const run = listen("{one: {with: {type: a}}}").hear({ type: "b", data: 1 });
    expect(run.result.status).toBe("WAITING");
    expect(outputOf(run.hear({ type: "a", data: { n: 2 } }))).toEqual([{ n: 2 }]);
    expect(owed(run.state)).toEqual([]);
  });

  test("when all are wanted, then one event fills one filter, in declared order, and the output has the order of arrival", () => {
    const run = listen("{all: [{with: {type: a}}, {with: {type: 'a|b'}}]}");
    run.hear({ type: "b", data: "b" }).hear({ type: "b", data: "again" });
    expect(run.result.status).toBe("WAITING");
    expect(outputOf(run.hear({ type: "a", data: "a" }))).toEqual(["b", "a"]);
    const twice = listen("{all: [{with: {type: a}}, {with: {type: a}}]}").hear({ type: "a", data: 1 });
    expect(outputOf(twice.hear({ type: "a", data: 2 }))).toEqual([1, 2]);
  });

  test("when every event is wanted, then the first ends it", () => {
    expect(outputOf(listen("{any: []}").hear({ type: "whatever" }))).toEqual([null]);
  });

  test.each<[string, string, object, boolean]>([
    ["equal text", "{type: a.b}", { type: "a.b" }, true],
    ["a dot is no pattern", "{type: a.b}", { type: "axb" }, false],
    ["a pattern of the whole value", "{type: 'a.b.*'}", { type: "a.bcd" }, true],
    ["not of a part", "{type: 'b+'}", { type: "abb" }, false],
    ["an expression on the attribute", "{type: a, data: '${ .n > 1 }'}", { type: "a", data: { n: 2 } }, true],
    ["one that says no", "{type: a, data: '${ .n > 1 }'}", { type: "a", data: { n: 1 } }, false],
    ["one that fails", "{type: a, data: '${ .n + 1 > 1 }'}", { type: "a", data: { n: "x" } }, false],
    ["true is true and nothing else", "{type: a, data: '${ .n }'}", { type: "a", data: { n: 1 } }, false],
    ["one that names the value", "{type: a, subject: '${ $input.id }'}", { type: "a", subject: "i1" }, true],
    ["one that names another", "{type: a, subject: '${ $input.id }'}", { type: "a", subject: "i2" }, false],
    ["an extension", "{type: a, kind: big}", { type: "a", kind: "big" }, true],
    ["an attribute that is not there", "{type: a, kind: big}", { type: "a" }, false],
    ["data, deeply", "{type: a, data: {x: [1, {y: 2}]}}", { type: "a", data: { x: [1, { y: 2 }] } }, true],
    ["data that have more", "{type: a, data: {x: 1}}", { type: "a", data: { x: 1, y: 1 } }, false],
    ["an expression inside data", "{type: a, data: {x: '${ . > 1 }'}}", { type: "a", data: { x: 2 } }, true],
    ["a bad regular expression", "{type: 'a('}", { type: "a(" }, true],
  ])("when its filter is %s, then it says so", (_, filter, event, isTaken) => {
    const run = started(`- l: {listen: {to: {one: {with: ${filter}}}}}`, { id: "i1" });
    run.hear({ type: "x", ...event });
    expect(run.result.status).toBe(isTaken ? "COMPLETED" : "WAITING");
  });

  test.each<[string, object, string | undefined, Json]>([
    ["data", { data: { a: 1 } }, undefined, { a: 1 }],
    ["data", { data_base64: "AAE=" }, undefined, "AAE="],
    ["data", {}, undefined, null],
    ["raw", { data: { a: 1 } }, '{"a" : 1}', '{"a" : 1}'],
    ["raw", { data: { a: 1 } }, undefined, '{"a":1}'],
    ["raw", { data: "text" }, undefined, "text"],
    ["raw", { data_base64: "AAE=" }, undefined, "AAE="],
    ["envelope", { data: 1 }, undefined, { specversion: "1.0", id: "e1", source: "/test", type: "a", data: 1 }],
  ])("when it reads %s of %j, then that is what it takes", (read, event, raw, expected) => {
    const run = started(`- l: {listen: {to: {any: []}, read: ${read}}}`);
    run.hear({ type: "a", ...event }, raw === undefined ? {} : { raw });
    expect(outputOf(run)).toEqual([expected]);
  });

  test("when correlations are expected, then only events with those values count; numbers and their texts are one", () => {
    const tasks = "- l: {listen: {to: {one: {with: {type: a}, correlate: {o: {from: .data.o, expect: '${ .o }'}}}}}}";
    const run = started(tasks, { o: 42 })
      .hear({ type: "a", data: { o: 41 } })
      .hear({ type: "a", data: {} });
    run.hear({ type: "a" });
    expect(run.result.status).toBe("WAITING");
    expect(outputOf(run.hear({ type: "a", data: { o: "42" } }))).toEqual([{ o: "42" }]);
  });

  test("when nothing is expected, then the first value is what the other filters expect", () => {
    const filter = (type: string) => `{with: {type: ${type}}, correlate: {room: {from: .room}}}`;
    const run = listen(`{all: [${filter("hot")}, ${filter("wet")}]}`);
    run.hear({ type: "hot", room: "r1", data: 1 }).hear({ type: "wet", room: "r2", data: 2 });
    expect(run.result.status).toBe("WAITING");
    expect(outputOf(run.hear({ type: "wet", room: "r1", data: 3 }))).toEqual([1, 3]);
  });

  test("when until is a condition, then it judges what was consumed after each event", () => {
    const run = listen("{any: [{with: {type: a}}], until: '${ (map(.) | add) > 5 }'}");
    run.hear({ type: "a", data: 2 }).hear({ type: "b", data: 100 }).hear({ type: "a", data: 3 });
    expect(run.result.status).toBe("WAITING");
    expect(outputOf(run.hear({ type: "a", data: 1 }))).toEqual([2, 3, 1]);
  });

  test("when until is a strategy, then its events end it and are no part of the output", () => {
    const run = listen("{any: [], until: {all: [{with: {type: x}}, {with: {type: y}}]}}");
    run.hear({ type: "a", data: 1 }).hear({ type: "x" }).hear({ type: "b", data: 2 });
    expect(outputOf(run.hear({ type: "y" }))).toEqual([1, 2]);
  });

  test("when until never holds, then what was consumed is not kept", () => {
    const run = listen("{any: [], until: '${ false }'}");
    for (let i = 0; i < 50; i++) run.hear({ type: "a", data: i });
    expect(Object.values(run.state.frames).find(({ name }) => name === "l")?.listen).toMatchObject({ consumed: [] });
    expect(run.say("cancel").checkPrefixes().result.status).toBe("CANCELLED");
    expect(owed(run.state)).toEqual([]);
  });

  test("when until fails, then so does the task, with its place", () => {
    const run = listen("{any: [], until: '${ .[0] + 1 }'}").hear({ type: "a", data: {} });
    expect(run.result.error).toMatchObject({ type: expect.stringContaining("expression"), instance: "/do/0/l" });
  });

  test("when the execution is paused, then events are taken and nothing follows before it is resumed", () => {
    const run = listen("{one: {with: {type: a}}}").say("pause").hear({ type: "a", data: 1 });
    expect(run.result.status).toBe("PAUSED");
    expect(outputOf(run.say("resume"))).toEqual([1]);
  });

  test("when the execution itself emitted the event before it listened, then that is not heard; after that, it is", () => {
    const run = listen("{one: {with: {type: a}}}");
    const { executionId } = run.state;
    run.hear({ type: "a" }, { origin: `${executionId}.2` });
    expect(run.result.status).toBe("WAITING");
    expect(run.hear({ type: "a" }, { origin: `${executionId}.9` }).result.status).toBe("COMPLETED");
  });
});

describe("given a task that works on each event", () => {
  const each = (foreach: string, to = "{any: [], until: '${ length == 2 }'}") =>
    started(`- l: {listen: {to: ${to}}, foreach: ${foreach}}\n- s: {set: {all: '\${ . }', ctx: '\${ $context }'}}`);
  const GATE = "{g: {call: http, with: {method: get, endpoint: 'https://x.example'}}}";

  test("when events come while one is worked on, then they wait their turn", () => {
    const run = each(`{item: e, at: i, do: [${GATE}, {s: {set: {e: '\${ $e }', i: '\${ $i }'}}}]}`);
    run.hear({ type: "a", data: "one" }).hear({ type: "a", data: "two" });
    const asked = () => owed(run.state).filter(({ kind }) => kind === "activity");
    expect(asked()).toHaveLength(1);
    run.answer(asked()[0]?.name ?? 0, { ok: true, output: null });
    expect(asked()).toHaveLength(1);
    run.answer(asked()[0]?.name ?? 0, { ok: true, output: null });
    expect(outputOf(run)).toMatchObject({
      all: [
        { e: "one", i: 0 },
        { e: "two", i: 1 },
      ],
    });
  });

  test("when it has output and export, then these are per event", () => {
    const run = each(
      "{do: [{s: {set: {n: '${ $item }'}}}], output: {as: .n}, export: {as: '${ ($context.n // 0) + . | {n: .} }'}}",
    );
    run.hear({ type: "a", data: 2 }).hear({ type: "a", data: 3 });
    expect(outputOf(run)).toEqual({ all: [2, 3], ctx: { n: 5 } });
  });

  test("when it has no tasks, then each event goes on as it is read; exit ends the work on one event only", () => {
    expect(
      outputOf(each("{output: {as: '${ . * 10 }'}}").hear({ type: "a", data: 1 }).hear({ type: "a", data: 2 })),
    ).toMatchObject({ all: [10, 20] });
    const run = each(
      "{do: [{x: {set: 'out', then: exit}}, {y: {set: 'never'}}]}"
        .replaceAll("'out'", "{o: 1}")
        .replaceAll("'never'", "{n: 1}"),
    );
    expect(outputOf(run.hear({ type: "a" }).hear({ type: "a" }))).toMatchObject({ all: [{ o: 1 }, { o: 1 }] });
  });

  test("when one of its tasks fails, then a redrive repeats that task and goes on listening after what it has taken", () => {
    const run = each(`{do: [${GATE}]}`).hear({ type: "a", data: 1 });
    const [first] = owed(run.state).filter(({ kind }) => kind === "activity");
    const error = { type: "https://example.com/x", status: 500 };
    run.answer(first?.name ?? 0, { ok: false, error });
    expect(run.result.error).toMatchObject({ instance: "/do/0/l/foreach/do/0/g" });
    expect(owed(run.state)).toEqual([]);
    run.retry();
    const [subscription, activity] = owed(run.state);
    expect([subscription?.kind, activity?.kind]).toEqual(["subscription", "activity"]);
    expect(run.events.find(({ sequence }) => sequence === subscription?.name)).toMatchObject({ data: { from: 1 } });
    run.answer(activity?.name ?? 0, { ok: true, output: "a" }).hear({ type: "a", data: 2 });
    const [, second] = owed(run.state);
    run.answer(second?.name ?? 0, { ok: true, output: "b" });
    expect(outputOf(run)).toMatchObject({ all: ["a", "b"] });
  });

  test("when its events are complete while one is worked on, then it ends after the last", () => {
    const run = each(`{do: [${GATE}]}`, "{all: [{with: {type: a}}, {with: {type: b}}]}");
    run.hear({ type: "b" }).hear({ type: "a" });
    expect(owed(run.state).map(({ kind }) => kind)).toEqual(["activity"]);
    for (let i = 0; i < 2; i++) run.answer(owed(run.state)[0]?.name ?? 0, { ok: true, output: i });
    expect(outputOf(run)).toMatchObject({ all: [0, 1] });
  });
});

describe("given a listen inside a try", () => {
  test("when its time is up, then nobody listens any more and the error can be caught", () => {
    const run = started(
      "- t: {try: [{l: {timeout: {after: {seconds: 5}}, listen: {to: {any: []}}}}], catch: {do: [{h: {set: {s: '${ $error.status }'}}}]}}",
    );
    run.toTheEnd();
    expect(outputOf(run)).toEqual({ s: 408 });
    expect(owed(run.state)).toEqual([]);
  });
});

describe("given a task that emits", () => {
  const emit = (with_: string, input: Json = {}) => started(`- e: {emit: {event: {with: ${with_}}}}`, input);

  test("when it is entered, then the event is recorded whole, and is its output; what is missing is made up", () => {
    const run = emit(
      "{source: 'https://me.example', type: t, data: {a: '${ .n }'}, kind: big, subject: '${ .none }'}",
      { n: 1 },
    );
    const event = {
      specversion: "1.0",
      id: `${run.state.executionId}.3`,
      source: "https://me.example",
      time: new Date(run.now).toISOString(),
      datacontenttype: "application/json",
      type: "t",
      data: { a: 1 },
      kind: "big",
    };
    expect(outputOf(run)).toEqual(event);
    expect(run.events[2]).toMatchObject({ type: "event.emitted", data: { event } });
  });

  test.each([
    ["no source", "{source: '${ 5 }', type: t}", "validation"],
    ["no extension", "{source: 'https://a.example', type: t, ext: {a: 1}}", "validation"],
    ["a type of histories", "{source: 'https://a.example', type: '${ \"io.flunq.x\" }'}", "configuration"],
  ])("when what it makes is %s, then the task fails", (_, event, kind) => {
    expect(emit(event).result.error).toMatchObject({ type: expect.stringContaining(kind), instance: "/do/0/e" });
  });
});
