import type { Json } from "../values/json.ts";
import { ExpressionError, ExpressionSyntaxError } from "./errors.ts";
import { compile, JqError, type Program as JqProgram, JqSyntaxError } from "./jq/index.ts";

/** The values an expression may name, without `$`: `{ context, input, workflow, item }`. */
export type ExpressionArguments = Readonly<Record<string, Json>>;

/** When an expression is evaluated. */
export interface EvaluationTime {
  /** Epoch milliseconds; what jq's `now` gives, in seconds. */
  readonly now: number;
}

/** A compiled expression. */
export interface Program {
  /** The jq text, without `${ }` and blanks around it. */
  readonly source: string;
  /** The variables of those it was compiled with that it names, without `$`; some may never be evaluated. */
  readonly reads: readonly string[];
  /** The first output, undefined when there is none. Without a time `now` is an error. @throws {ExpressionError} */
  first(input: Json, args: ExpressionArguments, time?: EvaluationTime): Json | undefined;
}

/** Names that jq keeps for itself begin with `__`, or are these. */
const KEPT_NAMES: ReadonlySet<string> = new Set(["ARGS", "ENV"]);
const VARIABLE_NAME = /^(?!__)[A-Za-z_]\w*$/;

/** True when `name` (without `$`) can be bound: an identifier that jq does not keep for itself. */
export function isVariableName(name: string): boolean {
  return VARIABLE_NAME.test(name) && !KEPT_NAMES.has(name);
}

/**
 * Compiles a jq text. Programs are pure: besides their input and arguments they see only the time that they are handed.
 *
 * @param variables names that may be used, without `$`.
 * @throws {ExpressionSyntaxError} with the place in `source`, and what was expected there or what may be named.
 */
export function compileExpression(source: string, variables: readonly string[]): Program {
  return new Expression(compiled(source, variables));
}

function compiled(source: string, variables: readonly string[]): JqProgram {
  try {
    return compile(source, { variables });
  } catch (cause) {
    if (!(cause instanceof JqSyntaxError)) throw cause;
    const { message, line, column } = cause;
    // The place stands before the hint.
    const placed = message.replace(/(?=; known here: )|$/, ` (line ${line}, column ${column})`);
    throw new ExpressionSyntaxError(placed, { cause });
  }
}

class Expression implements Program {
  readonly source: string;
  readonly reads: readonly string[];

  constructor(private readonly program: JqProgram) {
    this.source = program.source.trim();
    this.reads = program.reads;
  }

  first(input: Json, args: ExpressionArguments, time?: EvaluationTime): Json | undefined {
    try {
      return this.program.first(input, args, time);
    } catch (cause) {
      throw cause instanceof JqError ? new ExpressionError(cause.message, { cause }) : cause;
    }
  }
}
