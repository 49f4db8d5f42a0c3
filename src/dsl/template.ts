import {
  compileExpression,
  type EvaluationTime,
  type ExpressionArguments,
  type Program,
} from "../expressions/index.ts";
import { isJsonObject, type Json } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import type { Template } from "./workflow.ts";

const WHOLE_EXPRESSION = /^(\s*)\$\{([\s\S]*)\}\s*$/;

/**
 * The jq text of a string that is one `${ … }` as a whole; undefined for every other string. Blanks stand for what is before it, so
 * that lines and columns of the one are those of the other.
 */
export function expressionOf(text: string): string | undefined {
  const [, before, inside] = WHOLE_EXPRESSION.exec(text) ?? [];
  return before === undefined ? undefined : `${before.replace(/[^\n]/g, " ")}  ${inside}`;
}

/** The jq text of a field that is an expression by its type (`if`, `when`, `as` …): its `${ }` may be left out. */
export function conditionOf(text: string): string {
  return expressionOf(text) ?? text;
}

/** Compiles a value in strict mode: a string is an expression when it is one as a whole. @throws {ExpressionSyntaxError} */
export function compileTemplate(value: Json, variables: readonly string[]): Template {
  return templateOf(value, "", (text) => {
    const source = expressionOf(text);
    return source === undefined ? undefined : compileExpression(source, variables);
  });
}

/** Builds a template; `compile` says which strings are programs. */
export function templateOf(
  value: Json,
  pointer: string,
  compile: (text: string, pointer: string) => Program | undefined,
): Template {
  if (typeof value === "string") {
    const program = compile(value, pointer);
    return program === undefined ? { kind: "literal", value } : { kind: "expression", program };
  }
  if (Array.isArray(value)) {
    const items = value.map((item: Json, index) => templateOf(item, pointerOf(pointer, index), compile));
    return items.every(isLiteral) ? { kind: "literal", value } : { kind: "array", items };
  }
  if (isJsonObject(value)) {
    const entries = Object.entries(value).map(
      ([key, member]) => [key, templateOf(member, pointerOf(pointer, key), compile)] as const,
    );
    return entries.every(([, member]) => isLiteral(member)) ? { kind: "literal", value } : { kind: "object", entries };
  }
  return { kind: "literal", value };
}

/** Evaluates what is inside; an expression without output gives null. @throws {ExpressionError} */
export function renderTemplate(template: Template, input: Json, args: ExpressionArguments, time: EvaluationTime): Json {
  switch (template.kind) {
    case "literal":
      return template.value;
    case "expression":
      return template.program.first(input, args, time) ?? null;
    case "array":
      return template.items.map((item) => renderTemplate(item, input, args, time));
    case "object":
      // fromEntries defines its keys: `__proto__` stays a key.
      return Object.fromEntries(
        template.entries.map(([key, value]) => [key, renderTemplate(value, input, args, time)]),
      );
  }
}

/** Every variable some expression inside uses, without `$`. */
export function readsOf(template: Template): readonly string[] {
  return [...new Set(readsIn(template))];
}

function readsIn(template: Template): readonly string[] {
  switch (template.kind) {
    case "literal":
      return [];
    case "expression":
      return template.program.reads;
    case "array":
      return template.items.flatMap(readsIn);
    case "object":
      return template.entries.flatMap(([, value]) => readsIn(value));
  }
}

function isLiteral(template: Template): boolean {
  return template.kind === "literal";
}
