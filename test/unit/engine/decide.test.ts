import { expect, test } from "vitest";
import { decide, type Fact } from "../../../src/engine/index.ts";
import { EngineRun, workflowOf } from "../../support/run-engine.ts";

const calls = workflowOf(`
- all:
    fork:
      branches:
        - a: { call: fn }
        - b: { call: fn }
        - c: { call: fn }
- after: { set: { done: true } }
`);

function answers(run: EngineRun): readonly Fact[] {
  return Object.keys(run.state.activities).map((name) => ({
    kind: "answer",
    id: `a${name}`,
    source: "executor-service",
    at: run.now,
    asked: Number(name),
    outcome: { ok: true, output: Number(name) },
  }));
}

test("given facts and time that is spent, when it decides again and again, then each takes one fact and the end is the same", () => {
  const run = new EngineRun(calls).decide();
  const facts = answers(run);
  expect(facts).toHaveLength(3);
  const whole = decide(run.state, facts, run.situation);
  expect(whole).toMatchObject({ taken: 3, more: false });

  let waiting = facts;
  let state = run.state;
  const events = [];
  const takes: number[] = [];
  for (let more = true; more; ) {
    const decision = decide(state, waiting, run.situation, { events: 1_000, isSpent: () => true });
    waiting = waiting.slice(decision.taken);
    takes.push(decision.taken);
    events.push(...decision.events);
    ({ state, more } = decision);
  }

  expect(takes.slice(0, 3)).toEqual([1, 1, 1]);
  expect(state).toMatchObject({ phase: "completed" });
  expect(events.at(-1)).toMatchObject({ type: "workflow.completed", data: { output: { done: true } } });
});

test("given time that is spent, when no fact waits, then one step is taken all the same", () => {
  const loop = workflowOf(`- again: { set: { n: 1 }, then: again }`);
  const run = new EngineRun(loop);
  const decision = decide(run.state, [], run.situation, { events: 1_000, isSpent: () => true });
  expect(decision.events.length).toBeGreaterThan(0);
  expect(decision.more).toBe(true);
});

test("given an execution that a fact ends, when time is spent, then the facts behind it are taken too", () => {
  const run = new EngineRun(calls).decide();
  const cancel: Fact = { kind: "message", id: "m1", source: "api-service", at: run.now, message: { type: "cancel" } };
  const decision = decide(run.state, [cancel, ...answers(run)], run.situation, { events: 1_000, isSpent: () => true });
  expect(decision).toMatchObject({ taken: 4, more: false, state: { phase: "cancelled" } });
});
