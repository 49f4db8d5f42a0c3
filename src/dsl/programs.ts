import {
  compileExpression,
  ExpressionError,
  ExpressionSyntaxError,
  isVariableName,
  type Program,
} from "../expressions/index.ts";
import { type Duration, parseDuration } from "../values/durations.ts";
import { isJsonObject, type Json } from "../values/json.ts";
import { kindOf } from "./fields.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./scope.ts";
import { type Place, RESERVED_NAMES, variablesAt } from "./scopes.ts";
import { conditionOf, expressionOf, templateOf } from "./template.ts";
import type { DurationSource, Template } from "./workflow.ts";

/** Stands for what was reported as unreadable; such a tree is never handed out. */
const NOTHING: Program = { source: "null", reads: [], first: () => null };
const NO_DURATION: Duration = {
  years: 0,
  months: 0,
  weeks: 0,
  days: 0,
  hours: 0,
  minutes: 0,
  seconds: 0,
  milliseconds: 0,
};
const DURATION_FORMS =
  'write ISO 8601 such as "PT30S", or whole numbers, 0 or more, of days, hours, minutes, seconds, milliseconds';
export const SECRETS_ELSEWHERE =
  "secrets can be read only in the `with` of a call, in `run`, in `set` and in the `when` of a switch: elsewhere the value would be written to the history";

const FOREIGN_SECRETS = "a function from outside of the definition cannot read secrets: hand it what it needs";

/** A field that is an expression by its type (`when`, `for.in`): `${ }` may be left out. */
export function programAt(
  value: Json | undefined,
  pointer: string,
  place: Place,
  scope: Scope,
  secrets = false,
): Program {
  if (typeof value === "string") return compileAt(conditionOf(value), pointer, place, scope, secrets);
  scope.report.issue(pointer, `must be an expression, as text, not ${kindOf(value)}`);
  return NOTHING;
}

export function optionalProgramAt(
  value: Json | undefined,
  pointer: string,
  place: Place,
  scope: Scope,
  secrets = false,
): Program | null {
  return value === undefined ? null : programAt(value, pointer, place, scope, secrets);
}

/** A value of the definition in strict mode; `secrets`: it goes to an executor and never to the history. */
export function templateAt(value: Json, pointer: string, place: Place, scope: Scope, secrets = false): Template {
  return templateOf(value, pointer, (text, at) => {
    const source = expressionOf(text);
    if (source !== undefined) return compileAt(source, at, place, scope, secrets);
    if (isExpression(text, place, scope)) return orText(compileAt(text.trim(), at, place, scope, secrets), text);
    warnOfEmbedded(text, at, scope.report);
    return undefined;
  });
}

/** Whether a text of the definition is an expression: one `${ }` as a whole; in loose mode, whatever is a jq program here. */
export function isExpression(text: string, place: Place, scope: Scope): boolean {
  if (expressionOf(text) !== undefined) return true;
  if (!scope.loose) return false;
  try {
    compileExpression(text, variablesAt(place, scope.enclosing));
    return true;
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) return false;
    throw error;
  }
}

/** In loose mode a text whose evaluation fails is the text itself. */
function orText(program: Program, text: string): Program {
  return {
    source: program.source,
    reads: program.reads,
    first(input, args, time) {
      try {
        return program.first(input, args, time);
      } catch (error) {
        if (error instanceof ExpressionError) return text;
        throw error;
      }
    },
  };
}

/** `from` and `as`: text is an expression, an object holds some. */
export function flowTemplateAt(value: Json | undefined, pointer: string, place: Place, scope: Scope): Template | null {
  if (value === undefined) return null;
  if (isJsonObject(value)) return templateAt(value, pointer, place, scope);
  return { kind: "expression", program: programAt(value, pointer, place, scope) };
}

/** A duration, or an expression that gives one. */
export function durationAt(value: Json | undefined, pointer: string, place: Place, scope: Scope): DurationSource {
  const isProgram =
    typeof value === "string" && parseDuration(value) === undefined && isExpression(value, place, scope);
  const source = isProgram ? conditionOf(value) : undefined;
  return source === undefined
    ? { kind: "fixed", duration: fixedDurationAt(value, pointer, scope.report) }
    : { kind: "expression", program: compileAt(source, pointer, place, scope) };
}

/** A duration that is known now. */
function fixedDurationAt(value: Json | undefined, pointer: string, report: Report): Duration {
  const duration = value === undefined ? undefined : parseDuration(value);
  if (duration === undefined) report.issue(pointer, `${durationText(value)} is not a duration: ${DURATION_FORMS}`);
  return duration ?? NO_DURATION;
}

/** The name of a variable a loop or a handler binds; `fallback` when absent. */
export function variableNameAt(value: Json | undefined, pointer: string, fallback: string, report: Report): string {
  if (value === undefined) return fallback;
  if (typeof value !== "string" || !isVariableName(value)) {
    report.issue(pointer, `must be the name of a variable, without "$": letters, digits and "_", not ${kindOf(value)}`);
    return fallback;
  }
  if (RESERVED_NAMES.has(value)) report.issue(pointer, `"$${value}" has a meaning already: choose another name`);
  return value;
}

function compileAt(source: string, pointer: string, place: Place, scope: Scope, secrets = false): Program {
  try {
    const program = compileExpression(source, variablesAt(place, scope.enclosing));
    if (program.reads.includes("secrets") && (!secrets || scope.isForeign)) {
      scope.report.issue(pointer, scope.isForeign ? FOREIGN_SECRETS : SECRETS_ELSEWHERE);
    }
    return program;
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error;
    scope.report.issue(pointer, `${error.message}${severalHint(source)}`);
    return NOTHING;
  }
}

/** `${ .a } and ${ .b }` begins and ends like one expression. */
function severalHint(source: string): string {
  return source.includes("${")
    ? '; a text with expressions inside is written as one expression: ${ "\\(.a) and \\(.b)" }'
    : "";
}

const EMBEDDED = /\$\{([^{}]*)\}/g;

function warnOfEmbedded(text: string, pointer: string, report: Report): void {
  if (/^\s*\$\{/.test(text) && !text.includes("}"))
    report.warning(pointer, 'this text begins with "${" but has no "}"');
  if (text.search(EMBEDDED) < 0) return;
  const proposal = text.length > 100 ? "" : ` \${ "${interpolated(text)}" }`;
  const form = proposal || ' one expression: ${ "some text \\(.value)" }';
  report.warning(pointer, `this text stays as it is, \${ } inside it included; to insert values write${form}`);
}

/** The text as the inside of a jq string. */
function interpolated(text: string): string {
  const parts = text.split(EMBEDDED); // text, expression, text, expression, …, text
  return parts
    .map((part, index) => (index % 2 === 1 ? `\\(${part.trim()})` : JSON.stringify(part).slice(1, -1)))
    .join("");
}

function durationText(value: Json | undefined): string {
  return isJsonObject(value) ? JSON.stringify(value) : kindOf(value);
}
