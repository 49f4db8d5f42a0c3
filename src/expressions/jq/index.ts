import { LRUCache } from "lru-cache";
import type { Json } from "../../values/json.ts";
import type { Code, One } from "./compile/code.ts";
import { compileTree } from "./compile/compiler.ts";
import { BREAK, Env, GO_ON, Run, STOP } from "./compile/run.ts";
import { JqBudgetError, JqError, JqSyntaxError } from "./errors.ts";
import { takeShown } from "./library/json-text.ts";
import { checkOptions, type EvaluationOptions } from "./options.ts";
import { isPlain, Outlet } from "./output.ts";
import { parse } from "./syntax/parser.ts";

export { JqBudgetError, JqError, JqSyntaxError } from "./errors.ts";
export type { EvaluationOptions } from "./options.ts";

/** The values of variables, by their names without `$`. */
export type JqArguments = Readonly<Record<string, Json>>;

export interface CompileOptions {
  /** Names that the program may use, without `$`. */
  readonly variables?: readonly string[];
}

/** A compiled jq program. */
export interface Program {
  readonly source: string;
  /** The variables of those it was compiled with that it names, without `$`; some may never be evaluated. */
  readonly reads: readonly string[];
  /** The first output, undefined when there is none. @throws {JqError} @throws {RangeError} for options out of their range. */
  first(input: Json, args?: JqArguments, options?: EvaluationOptions): Json | undefined;
  /** All outputs. @throws {JqError} @throws {RangeError} for options out of their range. */
  all(input: Json, args?: JqArguments, options?: EvaluationOptions): Json[];
}

const DEFAULT_FUEL = 7_500_000;
const DEFAULT_OUTPUT_BYTES = 32 * 2 ** 20;
const NO_ARGUMENTS: JqArguments = {};
const NO_OPTIONS: EvaluationOptions = {};

/** A program takes up to some hundred bytes for each character of its text: this bounds all that are kept to about 100 MB. */
const KEPT_CHARACTERS = 2 ** 18;
/** Longer ones are compiled each time: one of them would take the place of hundreds. */
const LONGEST_KEPT = 2 ** 14;
const programs = new LRUCache<string, Program>({
  max: 5_000,
  maxSize: KEPT_CHARACTERS,
  maxEntrySize: LONGEST_KEPT,
  sizeCalculation: (_program, key) => key.length,
});

/**
 * Compiles a jq 1.8 program, or finds it compiled.
 *
 * @throws {JqSyntaxError} for what is no program, and for names that are not defined.
 */
export function compile(source: string, { variables = [] }: CompileOptions = {}): Program {
  const key = keyOf(source, variables);
  const known = programs.get(key);
  if (known !== undefined) return known;
  const program = compiled(source, variables);
  programs.set(key, program);
  return program;
}

/** JSON ends where it ends, so that no text and variables have the key of others. */
function keyOf(source: string, variables: readonly string[]): string {
  return variables.length === 0 ? `[]${source}` : JSON.stringify([...variables].sort()) + source;
}

function compiled(source: string, variables: readonly string[]): Program {
  try {
    const { code, reads } = compileTree(parse(source), source, variables);
    return new CompiledProgram(source, reads, code);
  } catch (error) {
    // Of a native stack that is smaller than usual, or almost used up by the caller.
    if (error instanceof RangeError)
      throw new JqSyntaxError("the expression nests too deeply to be compiled here", 1, 1);
    throw error;
  }
}

/** For what needs neither variables nor fuel. */
const IDLE = new Env(new Run(0, 0, Number.NaN, []), null, null, null);
const NO_GLOBALS: readonly Json[] = [];

class CompiledProgram implements Program {
  /** Fields of fields of the input: by far the most common program, and one that can be run with nothing prepared. */
  private readonly fields: One | undefined;
  /** Whether it gives exactly one output. */
  private readonly single: boolean;

  constructor(
    readonly source: string,
    readonly reads: readonly string[],
    private readonly code: Code,
  ) {
    const { chain } = code;
    this.single = code.single();
    this.fields = chain !== undefined && chain.base === undefined ? code.one() : undefined;
  }

  first(input: Json, args = NO_ARGUMENTS, options = NO_OPTIONS): Json | undefined {
    if (options !== NO_OPTIONS) checkOptions(options);
    if (this.fields !== undefined) {
      const { maxOutputBytes } = options;
      const value = this.fields(input, IDLE);
      if (maxOutputBytes === undefined && isPlain(value)) return value;
      return new Outlet(maxOutputBytes ?? DEFAULT_OUTPUT_BYTES).pass(value);
    }
    const env = this.start(args, options);
    const outlet = new Outlet(env.run.bytes);
    try {
      if (this.single) return outlet.pass(this.code.one()(input, env));
      let first: Json | undefined;
      this.code.many()(input, env, (value) => {
        first = value;
        return STOP;
      });
      return first === undefined ? undefined : outlet.pass(first);
    } catch (error) {
      throw failure(error);
    }
  }

  all(input: Json, args = NO_ARGUMENTS, options = NO_OPTIONS): Json[] {
    if (options !== NO_OPTIONS) checkOptions(options);
    const env = this.start(args, options);
    const outlet = new Outlet(env.run.bytes);
    const outputs: Json[] = [];
    try {
      this.code.many()(input, env, (value) => {
        outputs.push(outlet.pass(value));
        return GO_ON;
      });
    } catch (error) {
      throw failure(error);
    }
    return outputs;
  }

  private start(args: JqArguments, options: EvaluationOptions): Env {
    takeShown(); // what an earlier evaluation left unpaid when it failed
    const { now = Number.NaN, fuel = DEFAULT_FUEL, maxOutputBytes = DEFAULT_OUTPUT_BYTES } = options;
    const globals = this.reads.length === 0 ? NO_GLOBALS : this.reads.map((name) => argumentOf(args, name));
    return new Env(new Run(fuel, maxOutputBytes, now, globals), null, null, null);
  }
}

function argumentOf(args: JqArguments, name: string): Json {
  return Object.hasOwn(args, name) ? (args[name] ?? null) : null;
}

/** A stack or a string that JavaScript itself refuses is a budget as well. */
function failure(error: unknown): unknown {
  if (error instanceof JqError) return withOwnValue(error);
  if (!(error instanceof RangeError)) return error === BREAK ? new JqError("break") : error;
  return new JqBudgetError(error.message.includes("call stack") ? "depth" : "output");
}

/** As an output, the value of an error holds nothing of the program; one too large or too deep to be an output is left out. */
function withOwnValue(error: JqError): JqError {
  const { value, message } = error;
  if (error instanceof JqBudgetError || typeof value !== "object" || value === null) return error;
  try {
    const own = new Outlet(DEFAULT_OUTPUT_BYTES).pass(value);
    return own === value ? error : new JqError(message, own);
  } catch {
    return new JqError(message);
  }
}
