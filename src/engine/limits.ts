import { bytesBeyond } from "../values/json-size.ts";
import { type Problem, problemOf } from "../values/problem.ts";
import { type Draft, decided } from "./draft.ts";
import { TaskFault } from "./fault.ts";
import type { Situation } from "./scope.ts";
import { type ExecutionState, ROOT } from "./state.ts";

/** How much of the store one execution may take. */
export interface Limits {
  /** Bytes of the input or output of a task, of the arguments of a call, of the context or the output of the workflow, as JSON. */
  readonly payloadBytes: number;
  /** Events of a history. */
  readonly historyEvents: number;
}

/** The error of a value that is too large, or undefined. `what` begins a sentence: "the output". */
export function payloadProblem(value: unknown, what: string, payloadBytes: number): Problem | undefined {
  const bytes = bytesBeyond(value, payloadBytes);
  if (bytes === undefined) return undefined;
  return problemOf("validation", `${what} has ${bytes} bytes, more than PAYLOAD_MAX_BYTES=${payloadBytes} allows`);
}

/** The value, if it is small enough to be recorded. @throws {TaskFault} of kind validation. */
export function recordable<Value>(value: Value, what: string, { limits }: Situation): Value {
  const problem = limits === undefined ? undefined : payloadProblem(value, what, limits.payloadBytes);
  if (problem !== undefined) throw new TaskFault(problem);
  return value;
}

/** The end of an execution whose history may not grow any more. No task can catch it: what grows without end would catch it for ever. */
export function endOfHistory(state: ExecutionState, { limits }: Situation): readonly Draft[] {
  if (limits === undefined || state.phase !== "open" || state.paused || state.version < limits.historyEvents) return [];
  const detail = `the history has ${state.version} events, as many as HISTORY_MAX_EVENTS=${limits.historyEvents} allows`;
  return [decided("workflow.failed", { error: problemOf("runtime", detail), frame: ROOT })];
}
