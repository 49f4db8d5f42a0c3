import { ExpressionError } from "../expressions/index.ts";
import { type Problem, type ProblemKind, problemOf } from "../values/problem.ts";

/** Carries a DSL error out of the evaluation of one task; never leaves the engine. */
export class TaskFault extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.type);
  }
}

export function fault(kind: ProblemKind, detail: string): TaskFault {
  return new TaskFault(problemOf(kind, detail));
}

/** The DSL error behind what an evaluation threw, at `instance`; what is not one of the workflow's own is thrown again. */
export function problemFrom(thrown: unknown, instance: string): Problem {
  if (thrown instanceof TaskFault) return { ...thrown.problem, instance };
  if (thrown instanceof ExpressionError) return problemOf("expression", thrown.message, { instance });
  throw thrown;
}
