import type { Json, JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { kindOf, namedEntry, objectOf } from "../fields.ts";
import { isExpression, templateAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import type { RaiseTask, TaskBase, Template } from "../workflow.ts";

export const RAISE_MEMBERS = ["raise"];
const RAISE = { what: "`raise`", allowed: ["error"], required: ["error"] };
const ERROR = {
  what: "an error",
  allowed: ["type", "status", "title", "detail", "instance"],
  required: ["type", "status"],
};
const POINTER = /^(\/([^/~]|~[01])*)*$/;
const NO_ERROR: Template = { kind: "literal", value: {} };

export function readRaise(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): RaiseTask {
  const pointer = pointerOf(place.pointer, "raise");
  const { error } = objectOf(definition.raise, pointer, RAISE, scope.report);
  return {
    ...base,
    kind: "raise",
    error: error === undefined ? NO_ERROR : namedOrInline(error, `${pointer}/error`, scope),
  };
}

function namedOrInline(error: Json, pointer: string, scope: Scope): Template {
  if (typeof error !== "string") return errorAt(error, pointer, scope);
  const entry = namedEntry(scope.use, "errors", error, pointer, scope.report);
  return entry === undefined ? NO_ERROR : errorAt(entry, pointerOf("/use/errors", error), scope);
}

/** An error of `raise` or of `use.errors`. The author's `instance` is left out: the runtime names the task that raised it. */
export function errorAt(value: Json, pointer: string, scope: Scope): Template {
  const { instance, ...error } = objectOf(value, pointer, ERROR, scope.report);
  const { report } = scope;
  for (const key of ["type", "title", "detail"] as const) {
    const member = error[key];
    if (member === undefined || typeof member === "string") continue;
    report.issue(`${pointer}/${key}`, `\`${key}\` must be text, not ${kindOf(member)}`);
  }
  const { type, status } = error;
  const isProgram = (text: string) => isExpression(text, "taskDefinition", scope);
  if (typeof type === "string" && !isProgram(type) && !/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(type)) {
    report.issue(`${pointer}/type`, `\`type\` must be a URI such as https://example.com/errors/${slug(type)}`);
  }
  if (instance !== undefined && !(typeof instance === "string" && (POINTER.test(instance) || isProgram(instance)))) {
    report.issue(
      `${pointer}/instance`,
      `\`instance\` must be a JSON pointer such as /do/0/pay, not ${kindOf(instance)}`,
    );
  }
  if (status !== undefined && !Number.isInteger(status)) {
    report.issue(`${pointer}/status`, `\`status\` must be a whole number, not ${kindOf(status)}`);
  }
  return templateAt(error, pointer, "taskDefinition", scope);
}

function slug(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9]+/g, "-");
}
