import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileWorkflow } from "../../../src/dsl/index.ts";
import { owed } from "../../../src/engine/index.ts";
import type { Outcome } from "../../../src/ports/executor.ts";
import { hashOf } from "../../../src/values/ids.ts";
import type { JsonObject } from "../../../src/values/json.ts";
import { EngineRun, type World } from "../../support/run-engine.ts";

type Body = JsonObject;

const then = fc.constantFrom({}, {}, {}, { then: "continue" }, { then: "exit" }, { then: "end" });
const flow = fc.constantFrom(
  {},
  {},
  { output: { as: "${ . }" } },
  { export: { as: "${ $context + {seen: .} }" } },
  { if: "${ .n != 1 }" },
);

function listOf(body: fc.Arbitrary<Body>): fc.Arbitrary<JsonObject[]> {
  return fc.array(body, { minLength: 1, maxLength: 3 }).map((bodies) => bodies.map((each, i) => ({ [`t${i}`]: each })));
}

/** Small definitions of every kind of task this version runs. */
const body: fc.Arbitrary<Body> = fc.letrec<{ body: Body }>((tie) => {
  const inner = listOf(tie("body") as fc.Arbitrary<Body>);
  const kinds: fc.Arbitrary<Body>[] = [
    fc.constant({ set: { n: "${ ((.n // 0) | tonumber? // 0) + 1 }" } }),
    fc.constant({ set: "${ $context }" }),
    fc.constant({ wait: { seconds: 1 } }),
    fc.constant({ call: "fn", with: { n: 1 } }),
    fc.constant({ raise: { error: { type: "https://example.com/oops", status: 418 } } }),
    fc.constant({ switch: [{ a: { when: "${ .n == 1 }", then: "exit" } }, { b: { then: "continue" } }] }),
    inner.map((list) => ({ do: list })),
    inner.map((list) => ({ for: { in: "${ [1, 2] }" }, do: list })),
    fc.tuple(inner, fc.boolean()).map(([branches, compete]) => ({ fork: { compete, branches } })),
    fc
      .tuple(
        inner,
        fc.constantFrom(
          {},
          { retry: { limit: { attempt: { count: 1 } } } },
          { retry: { delay: { seconds: 1 }, limit: { attempt: { count: 1 } } } },
        ),
        fc.option(inner),
      )
      .map(([list, policy, handler]) => ({
        try: list,
        catch: { ...policy, ...(handler === null ? {} : { do: handler }) },
      })),
    inner.map((list) => ({ do: list, timeout: { after: { milliseconds: 1_500 } } })),
  ];
  const all = fc.oneof({ depthSize: "small", withCrossShrink: true }, ...kinds);
  return {
    body: fc.tuple(all, then, flow).map(([task, directive, data]) => ({ ...task, ...data, ...directive }) as Body),
  };
}).body;

const definition = listOf(body).map((list) => ({
  document: { dsl: "1.0.3", namespace: "test", name: "random", version: "1.0.0" },
  do: list,
}));

/** Outcomes that look random and are the same for the same call. */
const world =
  (seed: number): World =>
  (_activity, event): Outcome => {
    const draw = Number.parseInt(hashOf(String(seed), String(event.sequence)).slice(0, 2), 16);
    return draw < 60
      ? { ok: false, error: { type: "https://example.com/down", status: 503 } }
      : { ok: true, output: { n: draw } };
  };

const runs = Number(process.env.SEEDS ?? 60);

describe("any definition", () => {
  test("given any definition and world, when it runs, then every prefix of its history folds to its live state and it ends", () => {
    fc.assert(
      fc.property(definition, fc.nat(), (document, seed) => {
        const live = new EngineRun(compileWorkflow(document), { n: 0 }, world(seed)).toTheEnd();
        live.checkPrefixes();
        expect(["COMPLETED", "FAILED"]).toContain(live.result.status);
        expect(owed(live.state)).toEqual([]);
      }),
      { numRuns: runs },
    );
  });

  test("given any definition, when it is decided in slices of one event, then its history is the same", () => {
    fc.assert(
      fc.property(definition, fc.nat(), (document, seed) => {
        const workflow = compileWorkflow(document);
        const whole = new EngineRun(workflow, { n: 0 }, world(seed)).toTheEnd();
        const sliced = new EngineRun(workflow, { n: 0 }, world(seed), 1).toTheEnd();
        expect(sliced.events).toEqual(whole.events);
      }),
      { numRuns: runs },
    );
  });

  test("given any definition, when it is paused, resumed and redriven on its way, then it still ends and folds", () => {
    fc.assert(
      fc.property(definition, fc.nat(), fc.nat(20), (document, seed, moment) => {
        const live = new EngineRun(compileWorkflow(document), { n: 0 }, world(seed)).decide();
        if (live.result.status === "RUNNING" || live.result.status === "WAITING") live.say("pause");
        live.now += moment * 100;
        if (live.result.status === "PAUSED") live.say("resume");
        live.toTheEnd();
        if (live.result.status === "FAILED") live.retry().toTheEnd();
        live.checkPrefixes();
        expect(["COMPLETED", "FAILED"]).toContain(live.result.status);
      }),
      { numRuns: runs },
    );
  });

  test("given any definition, when it is cancelled on its way, then nothing is owed any more", () => {
    fc.assert(
      fc.property(definition, fc.nat(), (document, seed) => {
        const live = new EngineRun(compileWorkflow(document), { n: 0 }, world(seed)).decide().say("cancel");
        live.checkPrefixes();
        expect(owed(live.state)).toEqual([]);
      }),
      { numRuns: runs },
    );
  });
});
