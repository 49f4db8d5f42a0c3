import type { Problem, ProblemKind } from "../../values/problem.ts";
import { problemOf } from "../../values/problem.ts";

/** Carries an error of the specification out of nested steps; never leaves the executor. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(kind: ProblemKind, detail: string, status?: number) {
    super(detail);
    this.problem = problemOf(kind, detail, status === undefined ? {} : { status });
  }

  static from(problem: Problem): ProblemError {
    return Object.assign(new ProblemError("runtime", problem.detail ?? problem.type), { problem });
  }
}
