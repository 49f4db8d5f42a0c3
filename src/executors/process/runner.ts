import { rm } from "node:fs/promises";
import type { ProcessReturn } from "../../dsl/workflow.ts";
import type { ActivityContext, Executor, Outcome } from "../../ports/executor.ts";
import type { Json } from "../../values/json.ts";
import { problemOf } from "../../values/problem.ts";
import { ProblemError } from "../http/problem-error.ts";
import { processOutcome } from "./outcome.ts";
import { ownDirectory } from "./own-directory.ts";
import { type ProcessEnd, type ProcessLimits, type ProcessRequest, runProcess } from "./run-process.ts";

export type ProcessKind = "script" | "shell" | "container";

export interface ProcessPolicy {
  /** What definitions may run on this machine; everything else is refused. */
  readonly allowed: readonly ProcessKind[];
  readonly limits: ProcessLimits;
}

/** What one process is, once everything it needs is in its directory. */
export interface PreparedProcess extends Omit<ProcessRequest, "directory"> {
  /** Undefined when the end is the process's own, and not that of a program which was to run it. */
  readonly refusalOf?: (end: ProcessEnd) => ProblemError | undefined;
  /** After its end, however that came: removes what it leaves behind. `ended`: by itself. */
  readonly after?: (ended: boolean) => Promise<void>;
}

/** Describes the process of an activity. @throws {ProblemError} */
export type Prepare = (given: Json, directory: string, context: ActivityContext) => Promise<PreparedProcess>;

/** `close` ends the processes that nobody waits for. */
export type ProcessExecutor = Executor & { close(): Promise<void> };

/**
 * Carries out one kind of `run`. Every process has a directory of its own, which is gone after its end. One that is not awaited
 * is answered for once it has been started; it keeps its limits, and ends with this process.
 */
export function createProcessExecutor(kind: ProcessKind, policy: ProcessPolicy, prepare: Prepare): ProcessExecutor {
  const unawaited = new Set<Promise<void>>();
  const closing = new AbortController();

  async function runToEnd(given: Json, context: ActivityContext, started: () => void): Promise<ProcessEnd> {
    const directory = await ownDirectory("run");
    let prepared: PreparedProcess | undefined;
    let end: ProcessEnd | undefined;
    try {
      prepared = await prepare(given, directory, context);
      const running = runProcess({ ...prepared, directory }, policy.limits, context.signal);
      started();
      end = await running;
      const refusal = prepared.refusalOf?.(end);
      if (refusal !== undefined) throw refusal;
      return end;
    } finally {
      await prepared?.after?.(end !== undefined);
      await rm(directory, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Answers once the process has been started. */
  async function runUnawaited(given: Json, context: ActivityContext): Promise<Outcome> {
    await new Promise<void>((resolve, reject) => {
      const work = runToEnd(given, { ...context, signal: closing.signal }, resolve)
        .then(({ code }) => {
          if (code !== 0) context.log.warn(of(context, { code }), "a process that nobody waited for failed");
        })
        .catch((error: unknown) => {
          reject(error);
          if (!closing.signal.aborted)
            context.log.warn(of(context, { err: error }), "a process that nobody waited for failed");
        })
        .finally(() => unawaited.delete(work));
      unawaited.add(work);
    });
    return { ok: true, output: null };
  }

  const execute: Executor = async ({ with: given }, context) => {
    context.signal.throwIfAborted();
    if (!policy.allowed.includes(kind)) return { ok: false, error: problemOf("authorization", notAllowed(kind)) };
    const { return: wanted, await: awaits } = given as { readonly return: ProcessReturn; readonly await: boolean };
    try {
      if (!awaits) return await runUnawaited(given, context);
      return processOutcome(await runToEnd(given, context, () => {}), wanted);
    } catch (error) {
      if (error instanceof ProblemError) return { ok: false, error: error.problem };
      throw error;
    }
  };
  return Object.assign(execute, {
    async close() {
      closing.abort(new Error("this process shuts down"));
      await Promise.all(unawaited);
    },
  });
}

export function notAllowed(kind: ProcessKind, what = `run ${kind}`): string {
  return `${what} is off where this activity runs; RUN_ALLOWED=${kind} in the environment of the task workers allows it`;
}

function of({ executionId, task }: ActivityContext, more: object): object {
  return { executionId, task, ...more };
}
