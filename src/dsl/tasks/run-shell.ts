import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import { isJsonObject, type Json } from "../../values/json.ts";
import { objectOf, textOf } from "../fields.ts";
import type { Scope } from "../scope.ts";
import { renderTemplate } from "../template.ts";
import type { Template } from "../workflow.ts";
import {
  checkProcessInput,
  type ProcessInput,
  processInputFrom,
  processTemplateAt,
  textFrom,
  warnOfExpressionIn,
} from "./process.ts";

const SHELL = {
  what: "`run.shell`",
  allowed: ["command", "arguments", "environment", "stdin"],
  required: ["command"],
};

/** What is run: `command`, a text for the shell in which `$1` is the first of `arguments`. */
export type ShellProcess = ProcessInput & { readonly command: string };

export function readRunShell(value: Json | undefined, pointer: string, scope: Scope): Template {
  const shell = objectOf(value, pointer, SHELL, scope.report);
  if (shell.command !== undefined) textOf(shell.command, `${pointer}/command`, "`command`", scope.report);
  warnOfExpressionIn(shell.command, `${pointer}/command`, scope);
  checkProcessInput(shell, pointer, scope);
  return processTemplateAt(shell, pointer, scope, "command");
}

export function renderShell(
  template: Template,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): ShellProcess {
  const value = renderTemplate(template, input, args, time);
  const given = isJsonObject(value) ? value : {};
  return { command: textFrom("command", given.command), ...processInputFrom(given) };
}
