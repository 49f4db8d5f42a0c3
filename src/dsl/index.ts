import { type InputIssue, InvalidDefinitionError } from "../errors.ts";
import type { JsonObject } from "../values/json.ts";
import { compile, modeOf } from "./compile.ts";
import { readDocument } from "./read-definition.ts";
import { type LineOf, Report } from "./report.ts";
import { schemaProblem } from "./schema.ts";
import { schemaRefusal } from "./specification.ts";
import type { Resource, Workflow } from "./workflow.ts";

/** Why the content of a resource is of no use; undefined when it is. */
export function resourceProblem(kind: Resource["kind"], content: string): string | undefined {
  if (kind !== "function") return schemaProblem(kind, content);
  try {
    const task = readDocument(content, "a function");
    const document = { dsl: "1.0.3", namespace: "function", name: "function", version: "1.0.0" };
    const { report } = analyse({ document, do: [{ function: task }] });
    const [issue] = report.issues;
    return issue === undefined
      ? undefined
      : `${issue.pointer.replace(/^\/do\/0\/function/, "") || "/"}: ${issue.message}`;
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return error.message;
    throw error;
  }
}

export { type ReadDefinition, readDefinition } from "./read-definition.ts";
export type { CatchUp, Overlap, Schedule, ScheduleWhen } from "./schedule.ts";
export { loadSpecification } from "./specification.ts";
export { type HttpArguments, HttpArgumentsError, renderHttpArguments } from "./tasks/call-http.ts";
export { readsOf, renderTemplate } from "./template.ts";
export type * from "./workflow.ts";

export interface Checked {
  /** Empty when the definition can be registered. */
  readonly issues: readonly InputIssue[];
  /** What is allowed but hardly meant. */
  readonly warnings: readonly InputIssue[];
}

/** Says all that is wrong with a definition. @param line where a pointer stands in the text, from `readDefinition`. */
export function checkDefinition(document: JsonObject, line?: LineOf): Checked {
  const { report } = analyse(document, line);
  return { issues: report.issues, warnings: report.warnings };
}

/**
 * The instruction tree of a definition. @param resources contents of external resources that are at hand, by URI.
 * @throws {InvalidDefinitionError} with everything that is wrong.
 */
export function compileWorkflow(document: JsonObject, resources: ReadonlyMap<string, string> = new Map()): Workflow {
  const { report, workflow } = analyse(document, undefined, resources);
  if (workflow === undefined || report.issues.length > 0) throw new InvalidDefinitionError(report.issues);
  return workflow;
}

/**
 * The same of one that was checked when it was registered, without asking the specification's schema again.
 * @throws {InvalidDefinitionError} when this build does not understand it.
 */
export function compileStored(document: JsonObject, resources: ReadonlyMap<string, string> = new Map()): Workflow {
  const report = new Report();
  const workflow = compile(document, report, resources);
  if (workflow === undefined || report.issues.length > 0) throw new InvalidDefinitionError(report.issues);
  return workflow;
}

/**
 * The schema is asked last: our own readers say better what is wrong, and it knows nothing of what they find. It knows strict
 * evaluation only: in loose mode it would refuse expressions for the texts they are.
 */
function analyse(document: JsonObject, line?: LineOf, resources: ReadonlyMap<string, string> = new Map()) {
  const report = new Report(line);
  const workflow = compile(document, report, resources);
  const refusal = report.issues.length === 0 && modeOf(document) !== "loose" ? schemaRefusal(document) : undefined;
  if (refusal !== undefined) report.issue(refusal.pointer, refusal.message);
  return { report, workflow };
}
