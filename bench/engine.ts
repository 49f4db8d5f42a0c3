/**
 * What one decision costs: executions of ten `set` tasks and loops of a thousand, decided and folded in memory, against the fold of
 * the same events (1.0) in the same run.
 */
import { compileWorkflow, readDefinition } from "../src/dsl/index.ts";
import { decide, evolve, fold, type HistoryEvent } from "../src/engine/index.ts";
import { medianOf, table } from "./support.ts";

const CASES: Readonly<Record<string, string>> = {
  "10 literal sets": Array.from({ length: 10 }, (_, i) => `  - s${i}: { set: { n: ${i} } }`).join("\n"),
  "10 sets of a path": Array.from(
    { length: 10 },
    (_, i) => `  - s${i}: { set: "\${ .a }", input: { from: "\${ $workflow.input }" } }`,
  ).join("\n"),
  "10 sets of a jq program": Array.from({ length: 10 }, (_, i) => `  - s${i}: { set: "\${ {a: (.a + 1)} }" }`).join(
    "\n",
  ),
  "for over 1,000": `  - loop:\n      for: { in: "\${ .items }" }\n      do: [{ s: { set: "\${ $item }" } }]`,
};

function runOnce(text: string): { events: readonly HistoryEvent[]; decideMs: number; foldMs: number } {
  const workflow = compileWorkflow(
    readDefinition(`document: { dsl: 1.0.3, namespace: bench, name: b, version: 1.0.0 }\ndo:\n${text}\n`).document,
  );
  const definition = { namespace: "bench", name: "b", version: "1.0.0", digest: workflow.digest };
  const input = { a: 1, items: Array.from({ length: 1_000 }, (_, i) => i) };
  const data = {
    executionId: "x0-00000000000000000000000000",
    tenant: "t",
    workflowId: "w",
    definition,
    input,
    defaultTimeoutMs: 0,
  };
  const first: HistoryEvent = { type: "execution.started", sequence: 1, at: 0, source: "api-service", data };
  const situation = {
    now: 0,
    workflow,
    runtime: { name: "durabull", version: "0" },
    functionQueues: {},
    childDepth: 10,
  };
  const begun = performance.now();
  const { events } = decide(evolve(null, first), [], situation, { events: 1_000_000 });
  const decided = performance.now();
  fold([first, ...events]);
  return { events, decideMs: decided - begun, foldMs: performance.now() - decided };
}

const rows = Object.entries(CASES).map(([name, text]) => {
  for (let i = 0; i < 20; i++) runOnce(text);
  const runs = Array.from({ length: 50 }, () => runOnce(text));
  const decideMs = medianOf(runs.map((run) => run.decideMs));
  const foldMs = medianOf(runs.map((run) => run.foldMs));
  const events = runs[0]?.events.length ?? 0;
  return [name, events, Math.round((events / decideMs) * 1000), (decideMs / foldMs).toFixed(1)] as const;
});
console.log(table(["case", "events", "events/s decided", "decide / fold"], rows));
