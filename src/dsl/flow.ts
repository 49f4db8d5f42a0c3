import type { Json } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { closestTo } from "./did-you-mean.ts";
import { kindOf, listOf, namedEntry, objectOf } from "./fields.ts";
import { durationAt, flowTemplateAt } from "./programs.ts";
import { schemaAt } from "./schema.ts";
import type { Scope } from "./scope.ts";
import type { Place } from "./scopes.ts";
import type { DurationSource, InputFlow, OutputFlow, Then } from "./workflow.ts";

export const NO_INPUT_FLOW: InputFlow = { schema: null, from: null };
export const NO_OUTPUT_FLOW: OutputFlow = { as: null, schema: null };

/** `input` of a workflow or a task. */
export function inputFlowAt(value: Json | undefined, pointer: string, place: Place, scope: Scope): InputFlow {
  if (value === undefined) return NO_INPUT_FLOW;
  const input = objectOf(value, pointer, { what: "`input`", allowed: ["schema", "from"] }, scope.report);
  return {
    schema: schemaAt(input.schema, pointerOf(pointer, "schema"), place, scope),
    from: flowTemplateAt(input.from, pointerOf(pointer, "from"), place, scope),
  };
}

/** `output` of a workflow or a task, or `export` of a task. */
export function outputFlowAt(
  value: Json | undefined,
  pointer: string,
  what: "`output`" | "`export`",
  place: Place,
  scope: Scope,
): OutputFlow {
  if (value === undefined) return NO_OUTPUT_FLOW;
  const output = objectOf(value, pointer, { what, allowed: ["schema", "as"] }, scope.report);
  return {
    as: flowTemplateAt(output.as, pointerOf(pointer, "as"), place, scope),
    schema: schemaAt(output.schema, pointerOf(pointer, "schema"), place, scope),
  };
}

/** `timeout`, inline or by the name of one in `use.timeouts`. */
export function timeoutAt(value: Json | undefined, pointer: string, place: Place, scope: Scope): DurationSource | null {
  if (value === undefined) return null;
  if (typeof value !== "string") return timeoutEntryAt(value, pointer, place, scope);
  const entry = namedEntry(scope.use, "timeouts", value, pointer, scope.report);
  return entry === undefined ? null : timeoutEntryAt(entry, pointerOf("/use/timeouts", value), place, scope);
}

/** A timeout written inline, or an entry of `use.timeouts`. */
export function timeoutEntryAt(value: Json, pointer: string, place: Place, scope: Scope): DurationSource {
  const shape = { what: "a timeout", allowed: ["after"], required: ["after"] };
  const timeout = objectOf(value, pointer, shape, scope.report);
  return Object.hasOwn(timeout, "after")
    ? durationAt(timeout.after, pointerOf(pointer, "after"), place, scope)
    : durationAt("PT0S", pointer, place, scope);
}

/** `then`: a directive, or the name of a task among `siblings`. */
export function thenAt(value: Json | undefined, pointer: string, siblings: readonly string[], scope: Scope): Then {
  if (value === undefined || value === "continue") return { kind: "continue" };
  if (value === "exit" || value === "end") return { kind: value };
  if (typeof value !== "string") {
    scope.report.issue(
      pointer,
      `\`then\` must be "continue", "exit", "end" or the name of a task, not ${kindOf(value)}`,
    );
    return { kind: "continue" };
  }
  const index = siblings.indexOf(value);
  if (index < 0) scope.report.issue(pointer, unknownTarget(value, siblings, scope));
  return { kind: "task", index };
}

function unknownTarget(name: string, siblings: readonly string[], scope: Scope): string {
  const choice = siblings.length === 0 ? "" : ` (${listOf(siblings)})`;
  const elsewhere = scope.taskNames.get(name);
  if (elsewhere !== undefined) {
    return `task "${name}" is in another list, at ${elsewhere}: \`then\` names a task of its own list${choice}`;
  }
  const close = closestTo(name, ["continue", "exit", "end", ...siblings]);
  const rest = close === undefined ? `: \`then\` names a task of its own list${choice}, or continue, exit, end` : "";
  return `there is no task "${name}"${rest || `; did you mean "${close}"?`}`;
}
