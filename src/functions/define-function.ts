import type { Json } from "../values/json.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** One line of structured log. */
export interface FunctionLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a handler knows of the call it carries out. */
export interface FunctionContext {
  readonly tenant: string;
  readonly workflowId: string;
  readonly executionId: string;
  /** JSON pointer of the calling task. */
  readonly task: string;
  /** From 1; more when an earlier worker died with the call. */
  readonly attempt: number;
  /** The same for every repeat of one logical call: hand it to services that know such keys. */
  readonly idempotencyKey: string;
  /** Aborts when nobody waits for the result any more. */
  readonly signal: AbortSignal;
  readonly log: FunctionLog;
}

export interface FunctionDefinition<Input, Output> {
  /** As in `call: <name>`. A letter, then letters, digits, `.`, `_` or `-`, at most 128. */
  readonly name: string;
  /** Checks the input, and may transform it. Failure: validation 400. */
  readonly input?: StandardSchema<unknown, Input>;
  /** Checks what the handler returns. Failure is the function's own fault: runtime 500. */
  readonly output?: StandardSchema<Output, unknown>;
  /** A queue of its own, `durabull-tasks-<queue>`, so that its workers scale apart: `[a-z0-9-]`, at most 63. */
  readonly queue?: string;
  /** What it returns must be JSON; undefined counts as null. */
  readonly handler: (input: Input, context: FunctionContext) => Output | Promise<Output>;
}

const BRAND = Symbol.for("durabull.function");

/** A function that definitions may call, its types put aside. */
export interface DefinedFunction {
  readonly [BRAND]: true;
  readonly name: string;
  readonly queue: string | null;
  readonly input: StandardSchema | null;
  readonly output: StandardSchema | null;
  /** @param input has passed the `input` schema. */
  readonly handler: (input: unknown, context: FunctionContext) => unknown;
}

const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,127}$/;
const QUEUE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** `call` means something else under these names, so that a function could never be reached. */
const BUILT_IN = ["http", "grpc", "openapi", "asyncapi", "a2a", "mcp"];

/**
 * A function in TypeScript that definitions call by name.
 * @throws {TypeError} for a name or queue that cannot be used.
 */
export function defineFunction<Input = Json, Output = unknown>(
  definition: FunctionDefinition<Input, Output>,
): DefinedFunction {
  const { name, queue, input, output, handler } = definition;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new TypeError(
      `a function's name is a letter, then letters, digits, ".", "_" or "-", not ${JSON.stringify(name)}`,
    );
  }
  if (BUILT_IN.includes(name)) throw new TypeError(`"call: ${name}" is built in: the function needs another name`);
  if (queue !== undefined && !QUEUE.test(queue)) {
    throw new TypeError(
      `the queue of function ${name} is [a-z0-9-], at most 63 characters, not ${JSON.stringify(queue)}`,
    );
  }
  if (typeof handler !== "function") throw new TypeError(`function ${name} has no handler`);
  return {
    [BRAND]: true,
    name,
    queue: queue ?? null,
    input: input ?? null,
    output: output ?? null,
    // Sound: the handler is only given what its own input schema, or nobody, has checked.
    handler: (value, context) => handler(value as Input, context),
  };
}

/** Also for one made by another copy of this package, as a module loaded by itself may have. */
export function isDefinedFunction(value: unknown): value is DefinedFunction {
  return typeof value === "object" && value !== null && BRAND in value;
}
