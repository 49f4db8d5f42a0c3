import { ExpressionError } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { anyObjectOf, kindOf, listAt, textOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import type { Scope } from "../scope.ts";
import { templateOf } from "../template.ts";
import type { Template } from "../workflow.ts";

/** What all processes are given. */
export type ProcessInput = {
  readonly arguments: readonly string[];
  /** Absent: nothing. */
  readonly stdin?: string;
  readonly environment: { readonly [name: string]: string };
};

/** An expression gave something that a process cannot be given. */
export class ProcessArgumentsError extends ExpressionError {}

const VARIABLE_NAME = /^[^=\0]+$/;
/** `${NAME}` is the shell's own; a space, a dot or a dollar sign follows only where an expression was meant. */
const MEANT_AS_EXPRESSION = /\$\{\s*(?:\s|[.$])/;

/** Reports what is wrong with `arguments`, `stdin` and `environment`. */
export function checkProcessInput(given: JsonObject, pointer: string, { report }: Scope): void {
  const at = (member: string) => pointerOf(pointer, member);
  if (given.stdin !== undefined) textOf(given.stdin, at("stdin"), "`stdin`", report);
  if (isJsonObject(given.arguments)) checkMap(given.arguments, at("arguments"), { report });
  else if (given.arguments !== undefined) {
    for (const [index, item] of listAt(given.arguments, at("arguments"), "`arguments`", report).entries()) {
      textOf(item, pointerOf(at("arguments"), index), "an argument", report);
    }
  }
  if (given.environment === undefined) return;
  checkMap(anyObjectOf(given.environment, at("environment"), "`environment`", report) ?? {}, at("environment"), {
    report,
  });
}

function checkMap(map: JsonObject, pointer: string, { report }: Pick<Scope, "report">): void {
  for (const name of Object.keys(map)) {
    if (!VARIABLE_NAME.test(name)) report.issue(pointerOf(pointer, name), `"${name}" is no name of a variable`);
  }
}

/** The template of a description of a process. Its members named in `source` are program text, where `${ }` means something of its own. */
export function processTemplateAt(given: JsonObject, pointer: string, scope: Scope, source: string): Template {
  const entries = Object.entries(given).map(([key, value]): readonly [string, Template] => {
    const at = pointerOf(pointer, key);
    if (key !== source || typeof value !== "string" || value.trim().startsWith("${")) {
      return [key, templateAt(value, at, "taskDefinition", scope, true)];
    }
    return [key, templateOf(value, at, () => undefined)];
  });
  return { kind: "object", entries };
}

/** Warns of what looks like an expression inside a command. */
export function warnOfExpressionIn(command: Json | undefined, pointer: string, { report }: Scope): void {
  if (typeof command !== "string" || command.trim().startsWith("${") || !MEANT_AS_EXPRESSION.test(command)) return;
  report.warning(
    pointer,
    'the shell gets this text as it is, ${ } inside it included; hand values over as `arguments` ("$1"), `environment` or `stdin`',
  );
}

/** A map becomes `name=value` arguments, or `name` alone for null. */
export function processInputFrom(given: JsonObject): ProcessInput {
  const { stdin, environment } = given;
  return {
    arguments: argumentsFrom(given.arguments),
    ...(stdin === undefined || stdin === null ? {} : { stdin: processText(stdin) }),
    environment: textsFrom("environment", environment),
  };
}

function argumentsFrom(value: Json | undefined): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.map((item: Json) => noNul(processText(item), "an argument"));
  return Object.entries(isJsonObject(value) ? value : {}).map(([name, member]) =>
    noNul(member === null ? name : `${name}=${processText(member)}`, `argument "${name}"`),
  );
}

/** Members that are null are left out, so that an expression can decide whether there is one. */
export function textsFrom(what: string, value: Json | undefined): Readonly<Record<string, string>> {
  const given = Object.entries(isJsonObject(value) ? value : {}).filter(([, member]) => member !== null);
  return Object.fromEntries(given.map(([name, member]) => [name, noNul(processText(member), `${what} "${name}"`)]));
}

/** Text as it is, everything else as JSON. */
export function processText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function textFrom(what: string, value: Json | undefined): string {
  if (typeof value === "string" && value !== "") return noNul(value, `\`${what}\``);
  throw new ProcessArgumentsError(`\`${what}\` gave ${kindOf(value)} instead of text`);
}

function noNul(text: string, what: string): string {
  if (!text.includes("\0")) return text;
  throw new ProcessArgumentsError(`${what} holds the character NUL, which no process can be given`);
}
