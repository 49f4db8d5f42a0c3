import { constants } from "node:os";
import type { Readable } from "node:stream";
import { ProblemError } from "../http/problem-error.ts";
import { type Child, type ChildEnd, startChild } from "./child.ts";
import { watchMemory } from "./memory-watch.ts";

export interface ProcessLimits {
  readonly timeoutMs: number;
  /** Of all processes of the group together. */
  readonly memoryBytes: number;
  /** Of stdout, and of stderr. */
  readonly outputBytes: number;
}

export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined: an empty one. */
  readonly stdin?: string | undefined;
  readonly directory: string;
  /** False for a program that only talks to whoever does the work: limits on memory are not its own. */
  readonly limitsMemory?: boolean;
}

export interface ProcessEnd {
  /** As shells count: 128 and the number of the signal for one that was ended by it. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a process that must end may take to end by itself; a worker that drains waits twice as long. */
const GRACE_MS = 250;

/**
 * Runs a process to its end, together with all it starts: what is left of its group is ended too.
 * @throws {ProblemError} timeout 408 and runtime 500 when a limit is passed, configuration 400 when it cannot be started.
 * @throws the signal's reason when that aborts, once the process has ended.
 */
export async function runProcess(
  request: ProcessRequest,
  limits: ProcessLimits,
  signal: AbortSignal,
): Promise<ProcessEnd> {
  signal.throwIfAborted();
  const memoryBytes = request.limitsMemory === false ? 0 : limits.memoryBytes;
  const child = start(request, memoryBytes);
  let refusal: ProblemError | undefined;
  const end = (problem: ProblemError, graceMs = 0) => {
    refusal ??= problem;
    child.kill(graceMs);
  };
  const abort = () => child.kill(GRACE_MS);
  signal.addEventListener("abort", abort, { once: true });
  const tooLong = new ProblemError("timeout", `the process ran longer than ${limits.timeoutMs} ms (RUN_TIMEOUT)`);
  const timer = setTimeout(() => end(tooLong, GRACE_MS), limits.timeoutMs);
  const unwatch =
    memoryBytes === 0
      ? () => {}
      : watchMemory(child.group, memoryBytes, () =>
          end(
            new ProblemError(
              "runtime",
              `the process took more than ${memoryBytes} bytes of memory (RUN_MAX_MEMORY_BYTES)`,
            ),
          ),
        );
  const tooMuch = (stream: string) => () =>
    end(
      new ProblemError(
        "runtime",
        `the process wrote more than ${limits.outputBytes} bytes to ${stream} (RUN_MAX_OUTPUT_BYTES)`,
      ),
    );
  const stdout = collected(child.stdout, limits.outputBytes, tooMuch("stdout"));
  const stderr = collected(child.stderr, limits.outputBytes, tooMuch("stderr"));
  child.stdin.end(request.stdin ?? "");
  try {
    const ended = await child.ended;
    signal.throwIfAborted();
    if (refusal !== undefined) throw refusal;
    return { ...codeOf(ended), stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
    unwatch();
    signal.removeEventListener("abort", abort);
  }
}

function start(request: ProcessRequest, memoryBytes: number): Child {
  try {
    return startChild({ ...request, memoryBytes });
  } catch (error) {
    throw neverStarted(error);
  }
}

function neverStarted(error: unknown): ProblemError {
  return new ProblemError(
    "configuration",
    `the process cannot be started: ${error instanceof Error ? error.message : error}`,
  );
}

function codeOf(ended: ChildEnd): Pick<ProcessEnd, "code" | "signal"> {
  switch (ended.by) {
    case "itself":
      return { code: ended.code, signal: null };
    case "signal":
      return { code: 128 + constants.signals[ended.signal], signal: ended.signal };
    case "never started":
      throw neverStarted(ended.error);
  }
}

/** The text of a stream once it has ended; `exceeded` as soon as it is longer than `limit` bytes. */
function collected(stream: Readable, limit: number, exceeded: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) exceeded();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
