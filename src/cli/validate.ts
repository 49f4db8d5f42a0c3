import { ApiError } from "../client/index.ts";
import { checkDefinition, readDefinition } from "../dsl/index.ts";
import { type InputIssue, InvalidDefinitionError } from "../errors.ts";
import { EXIT } from "./exit-codes.ts";
import { printJson } from "./output.ts";
import { type Terminal, ToldError } from "./terminal.ts";

/** Checks a definition without any service; functions of workers are not known here, so any name passes. */
export async function validate(file: string, terminal: Terminal, json = false): Promise<number> {
  const source = await terminal.read(file);
  const { issues, warnings } = check(source);
  if (json) {
    printJson(terminal.stdout, { valid: issues.length === 0, issues, warnings });
    return issues.length > 0 ? EXIT.failed : EXIT.ok;
  }
  for (const warning of warnings) terminal.stderr.write(`${lineOf(file, warning, "warning: ")}\n`);
  for (const issue of issues) terminal.stdout.write(`${lineOf(file, issue)}\n`);
  if (issues.length > 0) return EXIT.failed;
  terminal.stderr.write(`${file}: valid\n`);
  return EXIT.ok;
}

function check(source: string): { readonly issues: readonly InputIssue[]; readonly warnings: readonly InputIssue[] } {
  try {
    const { document, line } = readDefinition(source);
    return checkDefinition(document, line);
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return { issues: error.issues, warnings: [] };
    throw error;
  }
}

/** Prints a refusal, each issue by its place in a file. @throws {ToldError} instead of it; anything else as it is. */
export function told(error: unknown, file: string, { stderr }: Terminal): never {
  if (!(error instanceof ApiError)) throw error;
  if (error.errors.length === 0) stderr.write(`${error.message}\n`);
  for (const issue of error.errors) stderr.write(`${lineOf(file, issue)}\n`);
  throw new ToldError(EXIT.refused);
}

/** `file:line: pointer: message`, as editors and CI understand it. */
export function lineOf(file: string, issue: InputIssue, kind = ""): string {
  const at = issue.line === undefined ? file : `${file}:${issue.line}`;
  return `${at}: ${issue.pointer || "/"}: ${kind}${issue.message}`;
}
