import type { ProblemBody } from "../api/schemas/common.ts";
import { DurabullError, type InputIssue } from "../errors.ts";

/** The service answered with a problem. `code` is the problem's own. */
export class ApiError extends DurabullError {
  readonly code: `DURABULL_${string}`;
  readonly status: number;
  /** What is wrong with the request, one by one; often empty. */
  readonly errors: readonly InputIssue[];
  constructor(readonly problem: ProblemBody) {
    super(`${problem.title}: ${problem.detail}`);
    this.code = problem.code.startsWith("DURABULL_") ? (problem.code as `DURABULL_${string}`) : "DURABULL_INTERNAL";
    this.status = problem.status;
    this.errors = problem.errors ?? [];
  }
}

/** No answer came, or none that this client understands: whether the request had an effect is not known. */
export class ServiceUnreachableError extends DurabullError {
  readonly code = "DURABULL_SERVICE_UNREACHABLE";
  /** Something answered that is not the service, or not as it does. */
  readonly answered: boolean;
  constructor(url: string, options: { readonly cause: unknown; readonly answered?: boolean }) {
    super(
      `${options.answered ? "what answers" : "the service"} at ${url} ${options.answered ? "is not Durabull" : "does not answer"}${reasonOf(options.cause)}`,
      options,
    );
    this.answered = options.answered ?? false;
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  // `fetch` says only "fetch failed"; its cause says why.
  return `: ${cause.cause instanceof Error ? cause.cause.message || String(cause.cause) : cause.message}`;
}
