import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Json } from "../../src/values/json.ts";

const json = z.json();
const object = z.record(z.string(), json);

/** What the outside world answers; of a list the n-th call gets the n-th, later calls the last. */
export const answer = z.strictObject({
  status: z.number().int().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  body: json.optional(),
  /** Instead of `body`: sent as it is. */
  text: z.string().optional(),
  delayMs: z.number().int().optional(),
});
const call = z.strictObject({
  method: z.string().optional(),
  /** With its query. */
  path: z.string(),
  headers: z.record(z.string(), z.string()).optional(),
  body: json.optional(),
});
const step = z.strictObject({
  /** Until the execution has one of these in `waitingFor`, has made so many calls, or has this status. */
  when: z.strictObject({
    waitingFor: z.string().optional(),
    calls: z.number().int().optional(),
    status: z.string().optional(),
    /** Until so many events were taken. */
    heard: z.number().int().optional(),
  }),
  /** Then this is done. */
  do: z.enum(["cancel", "pause", "resume", "terminate", "publish"]),
  /** For `publish`: CloudEvents, one after another; `specversion`, `id` and `source` are made up where they are missing. */
  events: z.array(object).optional(),
  /** For `publish`: one in binary mode, its data as they are sent. */
  binary: z.strictObject({ type: z.string(), contentType: z.string(), text: z.string() }).optional(),
});

const scenarioSchema = z.strictObject({
  /** Given, when, then. */
  name: z.string().regex(/^given .+, when .+, then .+$/),
  /** More of the document: `use`, `input`, `output`, `timeout`, `evaluate` … */
  with: object.optional(),
  /** Its tasks. `http://outside` stands for the outside world. */
  do: z.array(object),
  /** Workflows it runs, by name; registered before. */
  others: z.record(z.string(), object).optional(),
  input: json.optional(),
  /** It is registered, with a schedule, and not started: CloudEvents do that, one after another; made up as in `publish`. */
  startedBy: z.array(object).optional(),
  http: z.record(z.string(), z.union([answer, z.array(answer).min(1)])).optional(),
  steps: z.array(step).optional(),
  status: z.enum(["COMPLETED", "FAILED", "CANCELLED"]).default("COMPLETED"),
  output: json.optional(),
  /** With `startedBy`: outputs of all executions that were started, in any order. */
  outputs: z.array(json).optional(),
  /** Members the error must have; `type` may be the last segment of a standard one. */
  error: object.optional(),
  /** All calls the outside world got, in order; `anyOrder` sorts both. */
  calls: z.array(call).optional(),
  anyOrder: z.boolean().optional(),
  /** Names of the tasks that were started or skipped, in order. */
  tasks: z.array(z.string()).optional(),
  /** All CloudEvents that were emitted, in order: members they must have, null for those they must not have. */
  emitted: z.array(object).optional(),
  /** All lifecycle events of the execution, in order: types without `io.serverlessworkflow.` and `.v1`, or members with such a type. */
  lifecycle: z.array(z.union([z.string(), object])).optional(),
  /** It is refused when registered, for these reasons: `pointer: message`; a reason may begin a longer one. */
  refused: z.array(z.string()).optional(),
});
export type Scenario = z.infer<typeof scenarioSchema> & { readonly id: string; readonly group: string };
export type Step = z.infer<typeof step>;
export type OutsideAnswer = z.infer<typeof answer>;

const DIRECTORY = path.join(import.meta.dirname, "../conformance/scenarios");

/** Every scenario; the file is its group. @throws {Error} when a file does not have the form, or two scenarios one name. */
export function allScenarios(): readonly Scenario[] {
  const scenarios = readdirSync(DIRECTORY)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .flatMap((name) => scenariosIn(name));
  const names = new Set<string>();
  for (const { name } of scenarios) {
    if (names.has(name)) throw new Error(`two scenarios are called "${name}"`);
    names.add(name);
  }
  return scenarios;
}

function scenariosIn(file: string): readonly Scenario[] {
  const group = file.replace(/\.yaml$/, "");
  const list: unknown = parse(readFileSync(path.join(DIRECTORY, file), "utf8"), { merge: true });
  return z
    .array(z.unknown())
    .parse(list)
    .map((each, index) => {
      const read = scenarioSchema.safeParse(each);
      if (read.success) return { ...read.data, id: `${group}-${index + 1}`, group };
      throw new Error(`${file}, scenario ${index + 1}: ${z.prettifyError(read.error)}`);
    });
}

/** The definition of a scenario, in the namespace of one run of all. */
export function definitionOf(scenario: Scenario, outsideUrl: string): string {
  return documentText(scenario.id, { ...scenario.with, do: scenario.do }, scenario, outsideUrl);
}

/** The definitions of the workflows it runs: `scenarios/<id>-<name>` in the text of the scenario is `other:<name>`. */
export function othersOf(scenario: Scenario, outsideUrl: string): readonly string[] {
  return Object.entries(scenario.others ?? {}).map(([name, rest]) =>
    documentText(`${scenario.id}-${name}`, rest, scenario, outsideUrl),
  );
}

function documentText(
  name: string,
  rest: Readonly<Record<string, Json>>,
  { id }: Scenario,
  outsideUrl: string,
): string {
  const document = { dsl: "1.0.3", namespace: "scenarios", name, version: "1.0.0" };
  return JSON.stringify({ document, ...rest })
    .replaceAll("http://outside", `${outsideUrl}/${id}`)
    .replaceAll("other:", `${id}-`);
}
