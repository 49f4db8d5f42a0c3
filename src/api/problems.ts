import type { FastifyError } from "fastify";
import {
  ConflictError,
  DurabullError,
  InboxFullError,
  type InputIssue,
  InvalidDefinitionError,
  NotFoundError,
  StoreUnavailableError,
} from "../errors.ts";
import { RequestRefusedError } from "./request-errors.ts";
import type { ProblemBody } from "./schemas/common.ts";

export const MAX_BODY_BYTES = 1_048_576;

/** What a code means to a caller. Codes are stable, texts may be reworded. */
interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

export const PROBLEMS: Readonly<Record<string, ProblemKind>> = {
  DURABULL_INVALID_REQUEST: { status: 400, title: "The request is not valid" },
  DURABULL_MALFORMED_BODY: { status: 400, title: "The body cannot be read" },
  DURABULL_CROSS_SITE_REQUEST: { status: 403, title: "Another site's page may not write here" },
  DURABULL_ROUTE_NOT_FOUND: { status: 404, title: "There is nothing at this address" },
  DURABULL_DEFINITION_NOT_FOUND: { status: 404, title: "No such definition" },
  DURABULL_EXECUTION_NOT_FOUND: { status: 404, title: "No such execution" },
  DURABULL_WORKFLOW_NOT_FOUND: { status: 404, title: "No execution has this workflow ID" },
  DURABULL_SCHEDULE_NOT_FOUND: { status: 404, title: "No such schedule" },
  DURABULL_DEAD_LETTER_NOT_FOUND: { status: 404, title: "No such dead letter" },
  DURABULL_QUEUE_NOT_FOUND: { status: 404, title: "No such queue" },
  DURABULL_METHOD_NOT_ALLOWED: { status: 405, title: "This address does not know the method" },
  DURABULL_NOT_ACCEPTABLE: { status: 406, title: "No accepted media type can be given" },
  DURABULL_EXECUTION_ENDED: { status: 409, title: "The execution has ended" },
  DURABULL_EXECUTION_OPEN: { status: 409, title: "The workflow ID has an open execution" },
  DURABULL_WORKFLOW_ID_USED: { status: 409, title: "The workflow ID was used before" },
  DURABULL_WORKFLOW_ID_TAKEN: { status: 409, title: "Another execution of the workflow ID is open" },
  DURABULL_DEFINITION_CONFLICT: { status: 409, title: "The version is registered with other content" },
  DURABULL_DEFINITION_IN_USE: { status: 409, title: "Executions of the definition are open" },
  DURABULL_SCHEDULE_BUSY: { status: 409, title: "An execution of the schedule is open" },
  DURABULL_LETTER_ALREADY_REDRIVEN: { status: 409, title: "The dead letter was redriven before" },
  DURABULL_LETTER_IN_USE: { status: 409, title: "The dead letter stops an open execution" },
  DURABULL_HISTORY_FULL: { status: 409, title: "The history of the execution may not grow any more" },
  DURABULL_BODY_TOO_LARGE: { status: 413, title: "The body is too large" },
  DURABULL_PAYLOAD_TOO_LARGE: { status: 413, title: "The input is too large" },
  DURABULL_UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The media type of the body is not supported" },
  DURABULL_UNKNOWN_HOST: { status: 421, title: "This service does not answer for that host" },
  DURABULL_IDEMPOTENCY_KEY_REUSED: { status: 422, title: "The idempotency key was used for another request" },
  DURABULL_INVALID_DEFINITION: { status: 422, title: "The definition is not valid" },
  DURABULL_INBOX_FULL: { status: 429, title: "Too many messages wait for the execution" },
  DURABULL_TOO_MANY_OPEN_EXECUTIONS: { status: 429, title: "The tenant has too many open executions" },
  DURABULL_TOO_MANY_STARTS: { status: 429, title: "The tenant starts too many executions at once" },
  DURABULL_INTERNAL: { status: 500, title: "Something went wrong here" },
  DURABULL_CORRUPT_RECORD: { status: 500, title: "A stored record cannot be read" },
  DURABULL_TOO_MANY_STREAMS: { status: 503, title: "Too many streams are open" },
  DURABULL_STORE_UNAVAILABLE: { status: 503, title: "The store is not available" },
  DURABULL_VERSION_CONFLICT: { status: 503, title: "The execution is too busy" },
};

/** Seconds a caller should wait before it tries again. */
const RETRY_AFTER: Readonly<Record<string, string>> = {
  DURABULL_STORE_UNAVAILABLE: "2",
  DURABULL_TOO_MANY_STREAMS: "5",
  DURABULL_VERSION_CONFLICT: "1",
  DURABULL_INBOX_FULL: "1",
  DURABULL_TOO_MANY_OPEN_EXECUTIONS: "5",
  DURABULL_TOO_MANY_STARTS: "1",
};

/** Fastify's own refusals, in our words. */
const OF_FASTIFY: Readonly<Record<string, { readonly code: string; readonly detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: "DURABULL_BODY_TOO_LARGE",
    detail: `a body may have ${MAX_BODY_BYTES} bytes; hand large data over by reference`,
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: "DURABULL_UNSUPPORTED_MEDIA_TYPE",
    detail: "bodies are application/json; definitions may be application/yaml too",
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: "DURABULL_MALFORMED_BODY",
    detail: "the body is not as long as its content-length says",
  },
};

export interface ProblemAnswer {
  readonly body: ProblemBody;
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer to a request that failed. What is ours to repair is not explained to the caller: the request ID finds it in the log. */
export function problemAnswer(error: unknown, request: { readonly id: string; readonly path: string }): ProblemAnswer {
  const code = codeOf(error);
  const { status, title } = PROBLEMS[code] ?? { status: 500, title: "Something went wrong here" };
  const errors = issuesOf(error);
  const retryAfter = RETRY_AFTER[code];
  return {
    body: {
      type: `/problems/${code}`,
      title,
      status,
      detail: detailOf(error, status),
      instance: request.path,
      code,
      requestId: request.id,
      ...(errors.length === 0 ? {} : { errors }),
    },
    headers: { ...headersOf(error), ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }) },
  };
}

function codeOf(error: unknown): string {
  if (error instanceof DurabullError) return error.code in PROBLEMS ? error.code : "DURABULL_INTERNAL";
  if (!isFastifyError(error)) return "DURABULL_INTERNAL";
  const known = OF_FASTIFY[error.code];
  if (known !== undefined) return known.code;
  return (error.statusCode ?? 500) < 500 ? "DURABULL_INVALID_REQUEST" : "DURABULL_INTERNAL";
}

function detailOf(error: unknown, status: number): string {
  if (error instanceof StoreUnavailableError)
    return `${error.store} is not available; nothing was changed that was not confirmed`;
  if (error instanceof InvalidDefinitionError) return summary(error.issues);
  if (error instanceof RequestRefusedError) return error.message;
  if (error instanceof ConflictError || error instanceof NotFoundError || error instanceof InboxFullError) {
    return error.message;
  }
  const known = isFastifyError(error) ? OF_FASTIFY[error.code] : undefined;
  if (known !== undefined) return known.detail;
  if (error instanceof Error && status < 500) return error.message;
  return "see the log of the service, by request ID";
}

function summary(issues: readonly InputIssue[]): string {
  const first = issues[0];
  if (!first) return "the definition is not valid";
  const more = issues.length === 1 ? "" : ` (and ${issues.length - 1} more)`;
  return `${first.pointer || "/"}: ${first.message}${more}`;
}

function issuesOf(error: unknown): readonly InputIssue[] {
  return error instanceof Error && "issues" in error && error instanceof DurabullError
    ? (error.issues as readonly InputIssue[])
    : [];
}

function headersOf(error: unknown): Readonly<Record<string, string>> {
  return error instanceof DurabullError && "headers" in error ? (error.headers as Record<string, string>) : {};
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
