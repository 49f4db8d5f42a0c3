import { describe, expect, test } from "vitest";
import { checkDefinition } from "../../../src/dsl/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const HEADER = { dsl: "1.0.3", namespace: "test", name: "checked", version: "1.0.0" };
const check = (task: Json) => checkDefinition({ document: HEADER, do: [{ t: task }] } as JsonObject);
const listen = (to: Json, more: JsonObject = {}) => check({ listen: { to }, ...more });
const messages = ({ issues }: ReturnType<typeof check>) =>
  issues.map(({ pointer, message }) => `${pointer}: ${message}`);

describe("given a listen or emit task, when it is checked, then what is wrong is said at its place", () => {
  test.each<[string, ReturnType<typeof check>, string]>([
    ["no strategy", listen({}), "/do/0/t/listen/to: a strategy for events is one of one, all, any; this one has none"],
    [
      "two strategies",
      listen({ one: { with: { type: "a" } }, any: [] }),
      "/do/0/t/listen/to: a strategy for events is one of one, all, any; this one has one, any",
    ],
    [
      "an empty all",
      listen({ all: [] }),
      "/do/0/t/listen/to/all: `all` of no events waits for nothing; for every event write `any: []`",
    ],
    [
      "an empty filter",
      listen({ one: { with: {} } }),
      "/do/0/t/listen/to/one/with: a filter names at least one attribute; for every event write `any: []`",
    ],
    [
      "an until in an until",
      listen({ any: [], until: { any: [], until: "${ true }" } }),
      "/do/0/t/listen/to/until/until: an `until` cannot have an `until` of its own",
    ],
    [
      "an until of one",
      listen({ one: { with: { type: "a" } }, until: "${ true }" }),
      "/do/0/t/listen/to/until: `until` belongs to `any`, not to `one`",
    ],
    [
      "a source that is no URI reference",
      listen({ one: { with: { source: "the shop" } } }),
      '/do/0/t/listen/to/one/with/source: `source` must be a URI reference such as /orders or https://shop.example, a pattern of some, or an expression, not the text "the shop"',
    ],
    [
      "an expression without its end as a source",
      listen({ one: { with: { source: "${ .a" } } }),
      "/do/0/t/listen/to/one/with/source: `source` must be a URI reference",
    ],
    [
      "a relative dataschema",
      listen({ one: { with: { type: "a", dataschema: "/orders.json" } } }),
      "/do/0/t/listen/to/one/with/dataschema: `dataschema` must be an absolute URI",
    ],
    [
      "a name that is no attribute",
      listen({ one: { with: { Type: "a" } } }),
      '/do/0/t/listen/to/one/with/Type: "Type" is no attribute of an event: their names consist of lower-case letters and digits; all else belongs in `data`',
    ],
    [
      "a correlation without from",
      listen({ one: { with: { type: "a" }, correlate: { k: {} } } }),
      '/do/0/t/listen/to/one/correlate/k: a correlation needs "from"',
    ],
    [
      "a from that is no expression",
      listen({ one: { with: { type: "a" }, correlate: { k: { from: ".a[" } } } }),
      "/do/0/t/listen/to/one/correlate/k/from",
    ],
    [
      "a secret",
      listen({ one: { with: { type: "a", data: "${ . == $secrets.x }" } } }),
      "/do/0/t/listen/to/one/with/data: secrets can be read only",
    ],
    [
      "names that are one",
      listen({ any: [] }, { foreach: { item: "x", at: "x", do: [] } }),
      '/do/0/t/foreach: the item and its index cannot both be called "$x"',
    ],
    ["a wrong read", check({ listen: { to: { any: [] }, read: "all" } }), "/do/0/t/listen/read"],
    ["an emit without an event", check({ emit: {} }), '/do/0/t/emit: `emit` needs "event"'],
    [
      "an emit without a type",
      check({ emit: { event: { with: { source: "/a" } } } }),
      '/do/0/t/emit/event/with: an event needs a "type"',
    ],
    [
      "a type of histories",
      check({ emit: { event: { with: { source: "/a", type: "io.flunq.x" } } } }),
      "/do/0/t/emit/event/with/type",
    ],
  ])("%s", (_, checked, expected) => {
    expect(messages(checked)).toEqual([expect.stringContaining(expected)]);
  });

  test("a text that is no regular expression is taken as it is, with a warning", () => {
    const { issues, warnings } = listen({ one: { with: { type: "a(" } } });
    expect(issues).toEqual([]);
    expect(warnings).toMatchObject([{ pointer: "/do/0/t/listen/to/one/with/type" }]);
  });

  test.each([
    "/orders",
    "orders/eu?x=1",
    "urn:shop:1",
    "https://shop.example",
    "/orders/.+",
    "/a|/b",
    "${ . == $input.source }",
  ])("the source %s is taken, in filters of tasks and of schedules, and of what is emitted", (source) => {
    const filter = { with: { source }, correlate: { k: { from: ".data.k" } } };
    expect(messages(listen({ all: [filter, { with: { type: "b", source } }] }))).toEqual([]);
    expect(messages(check({ emit: { event: { with: { type: "a", source } } } }))).toEqual([]);
    const scheduled = {
      document: HEADER,
      schedule: { on: { one: { with: { source: source.replace("input", "event") } } } },
    };
    const { issues } = checkDefinition({ ...scheduled, do: [{ s: { set: { a: 1 } } }] } as JsonObject);
    expect(issues.filter(({ pointer }) => !pointer.endsWith("/source") || !source.includes("$"))).toEqual([]);
  });

  test("everything that may be there is taken", () => {
    const filter = {
      with: { type: "a.*", data: "${ .n > $input.n }" },
      correlate: { k: { from: "${ .subject }", expect: "${ .id }" } },
    };
    const foreach = {
      item: "e",
      at: "i",
      do: [{ s: { set: { a: "${ $e }" } } }],
      output: { as: ".a" },
      export: { as: "${ . }" },
    };
    expect(
      messages(check({ listen: { to: { any: [filter], until: { all: [filter] } }, read: "raw" }, foreach })),
    ).toEqual([]);
  });
});
