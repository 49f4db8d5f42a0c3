import { expect, test } from "vitest";
import { checkDefinition, compileWorkflow } from "../../../src/dsl/index.ts";
import { scheduleFaults } from "../../../src/runtime/schedules/min-interval.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const definition = (schedule: Json, options?: Json): JsonObject => ({
  document: {
    dsl: "1.0.3",
    namespace: "n",
    name: "s",
    version: "1.0.0",
    ...(options === undefined ? {} : { metadata: { schedule: options } }),
  },
  schedule,
  do: [{ a: { set: { b: 1 } } }],
});

test.each<[Json, Json | undefined, object]>([
  [{ every: "PT15M" }, undefined, { when: { kind: "every", interval: { minutes: 15 } }, catchUp: null, overlap: null }],
  [
    { after: { seconds: 5 } },
    { overlap: "skip" },
    { when: { kind: "after", interval: { seconds: 5 } }, overlap: "skip" },
  ],
  [{ cron: "0 2 * * *" }, { timeZone: "Asia/Tokyo" }, { when: { kind: "cron", timeZone: "Asia/Tokyo" } }],
  [
    { cron: "TZ=UTC 0 0 2 * * *" },
    { catchUp: "all" },
    { when: { pattern: "0 0 2 * * *", timeZone: "UTC" }, catchUp: "all" },
  ],
  [
    { on: { one: { with: { type: "a" } } } },
    { overlap: "skip" },
    { when: null, on: { to: { one: { with: { type: "a" } } }, read: "envelope" }, overlap: "skip" },
  ],
  [{ on: { any: [] }, read: "data", every: "PT1H" }, {}, { when: { kind: "every" }, on: { read: "data" } }],
  [{ cron: "@daily" }, {}, { when: { pattern: "@daily", timeZone: null } }],
])("given the schedule %j with %j, when it is read, then it is %j", (schedule, options, expected) => {
  expect(compileWorkflow(definition(schedule, options)).schedule).toMatchObject(expected);
});

test.each<[Json, Json | undefined, string, RegExp]>([
  [
    { every: "PT1H", cron: "* * * * *" },
    undefined,
    "/schedule/cron",
    /has one of every, cron, after, not every and cron/,
  ],
  [{}, undefined, "/schedule", /needs one of every, cron, after, on/],
  [{ evry: "PT1H" }, undefined, "/schedule/evry", /did you mean "every"/],
  [{ every: "PT0S" }, undefined, "/schedule/every", /longer than nothing/],
  [{ every: "-PT1H" }, undefined, "/schedule/every", /must be a duration/],
  [{ every: "${ .x }" }, undefined, "/schedule/every", /written out/],
  [{ after: 5 }, undefined, "/schedule/after", /must be a duration/],
  [{ cron: "61 * * * *" }, undefined, "/schedule/cron", /no cron expression: .*minute/],
  [{ cron: "* * * *" }, undefined, "/schedule/cron", /five fields/],
  [{ cron: "0 0 0 1 1 * 2031" }, undefined, "/schedule/cron", /five fields/],
  [{ cron: "0 0 31 2 *" }, undefined, "/schedule/cron", /no moment ever fits/],
  [{ cron: "TZ=Mars/Olympus 0 0 * * *" }, undefined, "/schedule/cron", /no time zone/],
  [{ cron: "0 0 * * *" }, { timeZone: "Berlin" }, "/document/metadata/schedule/timeZone", /no time zone/],
  [{ cron: "TZ=UTC 0 0 * * *" }, { timeZone: "UTC" }, "/document/metadata/schedule/timeZone", /itself/],
  [{ every: "PT1H" }, { timeZone: "UTC" }, "/document/metadata/schedule/timeZone", /of `cron` only/],
  [{ every: "PT1H" }, { overlap: "queue" }, "/document/metadata/schedule/overlap", /"allow", "skip"/],
  [{ every: "PT1H" }, { catchup: "all" }, "/document/metadata/schedule/catchup", /did you mean "catchUp"/],
  [{ read: "data", every: "PT1H" }, undefined, "/schedule/read", /events of `on`/],
  [{ on: { any: [] }, read: "all" }, undefined, "/schedule/read", /"data", "envelope" or "raw"/],
  [{ on: "x" }, undefined, "/schedule/on", /must be an object|is an object/],
  [{ on: { one: {} } }, undefined, "/schedule/on/one", /needs.*with/],
  [{ on: { one: { with: {} } } }, undefined, "/schedule/on/one/with", /at least one attribute/],
  [{ on: { all: [] } }, undefined, "/schedule/on/all", /waits for nothing/],
  [{ on: { one: { with: { type: "a" } }, any: [] } }, undefined, "/schedule/on", /one of one, all, any/],
  [{ on: { one: { with: { type: "a" } }, until: ". > 1" } }, undefined, "/schedule/on/until", /belongs to `any`/],
  [{ on: { any: [{ with: { type: "${ . == $input.type }" } }] } }, undefined, "/schedule/on/any/0/with/type", /input/],
  [
    { on: { any: [{ with: { type: "a" }, correlate: { k: { expect: "x" } } }] } },
    undefined,
    "/schedule/on/any/0/correlate/k",
    /from/,
  ],
  [
    { on: { any: [{ with: { type: "a" }, correlate: { k: { from: ".x", expect: "${ error }" } } }] } },
    undefined,
    "/schedule/on/any/0/correlate/k/expect",
    /cannot be evaluated/,
  ],
  [{ on: { any: [] } }, { timeZone: "UTC" }, "/document/metadata/schedule/timeZone", /of `cron` only/],
])(
  "given the schedule %j with %j, when it is checked, then %s says what is wrong",
  (schedule, options, pointer, words) => {
    const { issues } = checkDefinition(definition(schedule, options));
    expect(issues.map((issue) => issue.pointer)).toContain(pointer);
    expect(issues.find((issue) => issue.pointer === pointer)?.message).toMatch(words);
  },
);

test("given options without a schedule, when they are checked, then it is the author's own, with a warning", () => {
  const { schedule: _schedule, ...document } = definition({}, { anything: 1 });
  expect(checkDefinition(document)).toMatchObject({
    issues: [],
    warnings: [{ pointer: "/document/metadata/schedule" }],
  });
});

test.each<[Json, number]>([
  [{ every: "PT0.5S" }, 1],
  [{ every: "PT1S" }, 0],
  [{ cron: "* * * * * *" }, 0],
  [{ after: { milliseconds: 1 } }, 1],
])("given a shortest interval of a second, when %j is looked at, then it has %d faults", (schedule, count) => {
  const compiled = compileWorkflow(definition(schedule)).schedule;
  expect(scheduleFaults(compiled, 1_000, () => undefined)).toHaveLength(count);
});
