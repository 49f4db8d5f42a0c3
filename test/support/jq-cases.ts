/** One case of jq's own test files. */
export interface JqCase {
  /** Of the program, from 1. */
  readonly line: number;
  readonly program: string;
  /** The program must be refused. */
  readonly refused: boolean;
  /** JSON text. */
  readonly input: string;
  /** JSON texts. */
  readonly outputs: readonly string[];
}

const SKIPPED = /^\s*(?:#|$)/;

/**
 * The cases of a file in the format of jq's tests: the program, its input and its outputs, one a line, up to an empty line. A line
 * `%%FAIL` comes before a program that is to be refused, and a message follows it.
 */
export function jqCasesOf(text: string): readonly JqCase[] {
  const lines = text.split("\n");
  const cases: JqCase[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (SKIPPED.test(lines[at] ?? "")) continue;
    const refused = (lines[at] ?? "").startsWith("%%FAIL");
    if (refused) at++;
    const line = at + 1;
    const block: string[] = [];
    for (; at < lines.length && !(block.length > (refused ? 0 : 1) && SKIPPED.test(lines[at] ?? "")); at++) {
      block.push(lines[at] ?? "");
    }
    const [program = "", input = "null", ...outputs] = block;
    cases.push(
      refused ? { line, program, refused, input: "null", outputs: [] } : { line, program, refused, input, outputs },
    );
  }
  return cases;
}
