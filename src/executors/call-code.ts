import { inspect } from "node:util";
import { FunctionNotHereError } from "../errors.ts";
import {
  type DefinedFunction,
  type FunctionContext,
  isWorkflowError,
  problemOfWorkflowError,
  type StandardSchema,
} from "../functions/index.ts";
import { issuesText } from "../functions/standard-schema.ts";
import type { ActivityContext, Executor, Outcome } from "../ports/executor.ts";
import type { Json } from "../values/json.ts";
import { type ProblemKind, problemOf } from "../values/problem.ts";
import { NotJsonError, toJson } from "./to-json.ts";

const DETAIL_LENGTH = 2_000;

/**
 * Carries out calls of functions written in TypeScript. Input that fails the function's schema: validation 400. A `WorkflowError`:
 * that error. Anything else thrown, output that fails its schema or is not JSON: runtime 500 with the message; the stack goes to the log.
 * Throws the signal's reason as soon as it aborts, whatever the handler does then.
 * @throws {FunctionNotHereError} for a function that this process does not have.
 */
export function createCodeExecutor(functions: readonly DefinedFunction[]): Executor {
  const byName = new Map(functions.map((each) => [each.name, each]));
  return async (activity, context) => {
    context.signal.throwIfAborted();
    const called = byName.get(activity.function ?? "");
    if (called === undefined) throw new FunctionNotHereError(activity.function ?? "");
    return unlessAborted(outcomeOf(called, activity.with, context), context.signal);
  };
}

async function outcomeOf(called: DefinedFunction, input: Json, context: ActivityContext): Promise<Outcome> {
  try {
    // The handler owns what it is given; the engine's state may share `input`.
    const accepted = await validated(called.input, structuredClone(input));
    if ("issues" in accepted) return failed("validation", `the input of function ${called.name}: ${accepted.issues}`);
    const returned = await called.handler(accepted.value, contextOf(context));
    const checked = await validated(called.output, returned);
    if ("issues" in checked) return failed("runtime", `the output of function ${called.name}: ${checked.issues}`);
    return { ok: true, output: toJson(checked.value) };
  } catch (error) {
    return thrown(called, error, context);
  }
}

async function validated(
  schema: StandardSchema | null,
  value: unknown,
): Promise<{ readonly value: unknown } | { readonly issues: string }> {
  if (schema === null) return { value };
  const result = await schema["~standard"].validate(value);
  return result.issues === undefined ? { value: result.value } : { issues: issuesText(result.issues) };
}

function thrown(called: DefinedFunction, error: unknown, context: ActivityContext): Outcome {
  if (isWorkflowError(error)) return { ok: false, error: problemOfWorkflowError(error) };
  if (error instanceof NotJsonError) {
    return failed("runtime", `the output of function ${called.name} is not JSON: ${error.message}`);
  }
  // What comes after an abort is only its echo: nobody waits for it.
  if (!context.signal.aborted) context.log.warn({ err: error, function: called.name }, "a function threw");
  return failed("runtime", error instanceof Error ? error.message || error.name : inspect(error, { depth: 1 }));
}

function failed(kind: ProblemKind, detail: string): Outcome {
  return {
    ok: false,
    error: problemOf(kind, detail.length > DETAIL_LENGTH ? `${detail.slice(0, DETAIL_LENGTH)}…` : detail),
  };
}

function contextOf(context: ActivityContext): FunctionContext {
  const { tenant, workflowId, executionId, task, attempt, idempotencyKey, signal, log } = context;
  return { tenant, workflowId, executionId, task, attempt, idempotencyKey, signal, log };
}

/** The result, or the signal's reason when that comes first. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    // It may have aborted while the handler ran synchronously.
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
