import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { didYouMean } from "../did-you-mean.ts";
import { kindOf, listOf, objectOf, textOf } from "../fields.ts";
import type { Scope } from "../scope.ts";
import { renderTemplate } from "../template.ts";
import type { Template } from "../workflow.ts";
import { checkProcessInput, type ProcessInput, processInputFrom, processTemplateAt, textFrom } from "./process.ts";
import { checkResource, resourceFrom } from "./resource.ts";

const SCRIPT = {
  what: "`run.script`",
  allowed: ["language", "code", "source", "arguments", "environment", "stdin"],
  required: ["language"],
};
/** What authors write, and what it means. */
const LANGUAGES: Readonly<Record<string, "js" | "python">> = {
  js: "js",
  javascript: "js",
  python: "python",
  python3: "python",
};

/** What is run: `code`, or what is found at `source`. */
export type ScriptProcess = ProcessInput & {
  readonly language: "js" | "python";
  readonly code?: string;
  readonly source?: { readonly endpoint: Json };
  /** `arguments` written as a map: global variables of the script. */
  readonly variables?: JsonObject;
};

export function readRunScript(value: Json | undefined, pointer: string, scope: Scope): Template {
  const { report } = scope;
  const script = objectOf(value, pointer, SCRIPT, report);
  const at = (member: string) => pointerOf(pointer, member);
  if (script.language !== undefined) checkLanguage(script.language, at("language"), scope);
  if (script.code !== undefined) textOf(script.code, at("code"), "`code`", report);
  if (script.source !== undefined) checkResource(script.source, at("source"), scope);
  if ((script.code === undefined) === (script.source === undefined)) {
    report.issue(pointer, "`run.script` needs either `code` or `source`");
  }
  checkProcessInput(script, pointer, scope);
  return processTemplateAt(script, pointer, scope, "code");
}

function checkLanguage(value: Json, pointer: string, { report }: Scope): void {
  const language = textOf(value, pointer, "`language`", report);
  if (typeof value !== "string" || Object.hasOwn(LANGUAGES, language)) return;
  const known = Object.keys(LANGUAGES);
  report.issue(pointer, `scripts are in one of ${listOf(known)}, not ${kindOf(value)}${didYouMean(language, known)}`);
}

export function renderScript(
  template: Template,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): ScriptProcess {
  const value = renderTemplate(template, input, args, time);
  const { language, code, source, ...given } = isJsonObject(value) ? value : {};
  const variables = isJsonObject(given.arguments) ? given.arguments : undefined;
  return {
    language: LANGUAGES[String(language)] ?? "js",
    ...(source === undefined
      ? { code: textFrom("code", code) }
      : { source: resourceFrom(template, "source", input, args, time) }),
    ...processInputFrom(variables === undefined ? given : { ...given, arguments: [] }),
    ...(variables === undefined ? {} : { variables }),
  };
}
