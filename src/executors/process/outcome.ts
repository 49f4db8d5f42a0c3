import type { ProcessReturn } from "../../dsl/workflow.ts";
import type { Outcome } from "../../ports/executor.ts";
import { problemOf } from "../../values/problem.ts";
import type { ProcessEnd } from "./run-process.ts";

/** Characters of stderr that are shown in an error: its end says why. */
const DETAIL_LENGTH = 1_000;

/**
 * What comes of a process that has ended. Trailing line ends of its streams are left out, as a shell's `$( )` does. A code other
 * than 0 is runtime 500 unless the code is part of what was asked for.
 */
export function processOutcome(end: ProcessEnd, wanted: ProcessReturn): Outcome {
  const { code } = end;
  const stdout = withoutTrailingLines(end.stdout);
  const stderr = withoutTrailingLines(end.stderr);
  if (wanted === "code") return { ok: true, output: code };
  if (wanted === "all") return { ok: true, output: { code, stdout, stderr } };
  if (code !== 0) return { ok: false, error: problemOf("runtime", failureOf(end, stderr)) };
  return { ok: true, output: { stdout, stderr, none: null }[wanted] };
}

function failureOf({ code, signal }: ProcessEnd, stderr: string): string {
  const how = signal === null ? `the process ended with code ${code}` : `the process was ended by ${signal}`;
  const text = stderr.trim();
  if (text === "") return how;
  return `${how}: ${text.length > DETAIL_LENGTH ? `…${text.slice(-DETAIL_LENGTH)}` : text}`;
}

function withoutTrailingLines(text: string): string {
  return text.replace(/(?:\r?\n)+$/, "");
}
