import { LRUCache } from "lru-cache";
import type { Json } from "../values/json.ts";
import { type Direct, directOf } from "./direct.ts";
import { ExpressionError, ExpressionSyntaxError } from "./errors.ts";
import { MachineAbort, type Run, run } from "./machine.ts";
import { scan } from "./scan.ts";

/** The values an expression may name, without `$`: `{ context, input, workflow, item }`. */
export type ExpressionArguments = Readonly<Record<string, Json>>;

/** A compiled expression. */
export interface Program {
  /** The jq text, without `${ }`. */
  readonly source: string;
  /** The variables of those it was compiled with that it uses, without `$`. */
  readonly reads: readonly string[];
  /** The first output, undefined when there is none. @throws {ExpressionError} when jq fails. */
  first(input: Json, args: ExpressionArguments): Json | undefined;
}

/** Longer programs overflow jq's stack. */
const MAX_SOURCE_LENGTH = 262_144;
/** They reach outside: into the process, its arguments and streams, or the file system. */
const FORBIDDEN_WORDS: ReadonlySet<string> = new Set([
  "debug",
  "env",
  "get_search_list",
  "halt",
  "halt_error",
  "import",
  "include",
  "input",
  "input_filename",
  "input_line_number",
  "inputs",
  "modulemeta",
  "stderr",
]);
const FORBIDDEN_VARIABLES: ReadonlySet<string> = new Set(["ARGS", "ENV"]);
const VARIABLE_NAME = /^(?!__)[A-Za-z_]\w*$/;

const compiled = new LRUCache<string, Program>({ max: 5_000 });

/** True when `name` (without `$`) can be bound: an identifier that jq does not keep for itself. */
export function isVariableName(name: string): boolean {
  return VARIABLE_NAME.test(name) && !FORBIDDEN_VARIABLES.has(name);
}

/**
 * Compiles a jq text. Programs are pure: the clock (`now`) is the only thing they see besides their input and arguments.
 *
 * @param variables names that may be used, without `$`.
 * @throws {ExpressionSyntaxError} with jq's own words, or because the text names something that is not there.
 */
export function compileExpression(source: string, variables: readonly string[]): Program {
  const key = `${[...variables].sort().join(" ")}\n${source}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const program = compile(source.trim(), variables);
  compiled.set(key, program);
  return program;
}

function compile(source: string, variables: readonly string[]): Program {
  const found = refuseForbidden(source);
  const reads = variables.filter((name) => found.variables.has(name));
  const direct = directOf(source);
  const onlyKnown = [...found.variables].every((name) => reads.includes(name));
  if (direct !== undefined && onlyKnown) return directProgram(source, reads, direct);
  checkSyntax(source, reads, variables);
  return jqProgram(source, reads);
}

function refuseForbidden(source: string): ReturnType<typeof scan> {
  if (source === "") throw new ExpressionSyntaxError("the expression is empty");
  if (source.includes("\0")) throw new ExpressionSyntaxError("an expression cannot hold the character U+0000");
  if (source.length > MAX_SOURCE_LENGTH) {
    throw new ExpressionSyntaxError(`an expression has at most ${MAX_SOURCE_LENGTH} characters, not ${source.length}`);
  }
  const found = scan(source);
  const word = [...found.words].find((name) => FORBIDDEN_WORDS.has(name));
  if (word !== undefined) throw new ExpressionSyntaxError(`"${word}" cannot be used in a workflow`);
  const variable = [...found.variables].find((name) => !isVariableName(name) && name !== "__loc__");
  if (variable !== undefined) throw new ExpressionSyntaxError(`"$${variable}" cannot be used in a workflow`);
  return found;
}

function directProgram(source: string, reads: readonly string[], direct: Direct): Program {
  return { source, reads, first: direct };
}

/**
 * The input is `[., $a, $b, …]`: values travel as data, so that none is ever read as program text. The syntax was checked with the
 * text unwrapped, so that its brackets are known to be balanced. Two line ends, for a comment at the end that continues on the next line.
 */
function jqProgram(source: string, reads: readonly string[]): Program {
  const bindings = reads.map((name, index) => `.[${index + 1}] as $${name} | `).join("");
  const program = ` ${bindings}.[0] | first(${source}\n\n)`;
  return {
    source,
    reads,
    first(input, args) {
      const result = runOrFail(program, JSON.stringify([input, ...reads.map((name) => args[name] ?? null)]));
      if (result.exitCode !== 0) throw new ExpressionError(runtimeMessage(result));
      return result.stdout === "" ? undefined : parseOutput(result.stdout);
    },
  };
}

function runOrFail(program: string, input: string): Run {
  try {
    return run(program, input);
  } catch (cause) {
    throw cause instanceof MachineAbort ? new ExpressionError(cause.message, { cause }) : cause;
  }
}

/** Compiles without running: nothing after `empty` is reached. */
function checkSyntax(source: string, reads: readonly string[], variables: readonly string[]): void {
  const prefix = ` ${reads.map((name) => `empty as $${name} | `).join("")}empty | `;
  try {
    const { exitCode, stderr } = run(prefix + source, "null");
    if (exitCode !== 0) throw new ExpressionSyntaxError(syntaxMessage(stderr, prefix.length, variables));
  } catch (cause) {
    throw cause instanceof MachineAbort ? new ExpressionSyntaxError(cause.message, { cause }) : cause;
  }
}

/** jq's first complaint, without its echo of the program and with the place counted in the author's text. */
function syntaxMessage(stderr: string, prefixLength: number, variables: readonly string[]): string {
  const first = stderr.replace(/^jq: error: /, "").split("\n", 1)[0] ?? "";
  const place = / at <top-level>, line (\d+)(?:, column (\d+))?:?$/.exec(first);
  const what = place === null ? first : first.slice(0, place.index);
  const line = Number(place?.[1] ?? 1);
  const column = Number(place?.[2] ?? 0) - (line === 1 ? prefixLength : 0);
  const where = place === null || column < 1 ? "" : ` (line ${line}, column ${column})`;
  const hint = /^\$\w+ is not defined$/.test(what) ? `; known here: ${namesOf(variables)}` : "";
  return what + where + hint;
}

function namesOf(variables: readonly string[]): string {
  return variables.length === 0 ? "no variable" : variables.map((name) => `$${name}`).join(", ");
}

function runtimeMessage({ stderr }: Run): string {
  return stderr.replace(/^jq: error \(at [^)]*\)(?: \(not a string\))?: /, "");
}

/** JSON has one zero: a stored `-0` would come back as 0, and a replay would differ. */
function parseOutput(text: string): Json {
  const line = text.split("\n", 1)[0] ?? "";
  return line.includes("-0") ? JSON.parse(line, (_key, value) => (value === 0 ? 0 : value)) : JSON.parse(line);
}
