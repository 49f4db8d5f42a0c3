/** One mistake in something a caller handed us: where (JSON pointer into it), and what to do about it. */
export interface InputIssue {
  /** JSON pointer into the offending document or body; "" is the whole. */
  readonly pointer: string;
  /** Line in the text the caller sent, from 1; absent when there was no text. */
  readonly line?: number;
  readonly message: string;
}

/** Base of every exception Durabull throws. `code` is stable; `message` may be reworded. */
export abstract class DurabullError extends Error {
  abstract readonly code: `DURABULL_${string}`;
  override get name(): string {
    return this.constructor.name;
  }
}

/** Another writer committed first. Reload, decide again, commit. */
export class VersionConflictError extends DurabullError {
  readonly code = "DURABULL_VERSION_CONFLICT";
  constructor(
    readonly executionId: string,
    readonly expectedVersion: number,
  ) {
    super(`execution ${executionId} is no longer at version ${expectedVersion}`);
  }
}

/** A store or queue did not answer, or refused for a reason of its own (out of memory, read-only, breaker open). */
export class StoreUnavailableError extends DurabullError {
  readonly code = "DURABULL_STORE_UNAVAILABLE";
  constructor(
    readonly store: string,
    options?: { readonly cause?: unknown },
  ) {
    super(`${store} is not available${options?.cause instanceof Error ? `: ${options.cause.message}` : ""}`, options);
  }
}

/** A record does not match its hash chain, is missing, or was written by a build this one does not know. */
export class CorruptRecordError extends DurabullError {
  readonly code = "DURABULL_CORRUPT_RECORD";
}

/** A record of a schema that another build knows, if this one does not: nothing is wrong with it. */
export class UnknownSchemaError extends CorruptRecordError {}

/** A definition cannot be registered; `issues` says every reason found. */
export class InvalidDefinitionError extends DurabullError {
  readonly code = "DURABULL_INVALID_DEFINITION";
  constructor(readonly issues: readonly InputIssue[]) {
    super(issues.map((issue) => `${issue.pointer || "/"}: ${issue.message}`).join("\n"));
  }
}

/** The environment or the machine does not allow a start. The process exits with 78 (EX_CONFIG). */
export class ConfigError extends DurabullError {
  readonly code = "DURABULL_CONFIG";
}

/** A worker was given a call of a function that it does not have: another worker must take it. */
export class FunctionNotHereError extends DurabullError {
  readonly code = "DURABULL_FUNCTION_NOT_HERE";
  constructor(readonly functionName: string) {
    super(`function ${JSON.stringify(functionName)} is not registered in this process`);
  }
}

/** Something a request names does not exist, or not for its tenant. */
export class NotFoundError extends DurabullError {
  readonly code: `DURABULL_${string}`;
  /** @param known names that would have been found, where those are few and no secret. */
  constructor(
    what: "definition" | "execution" | "workflow" | "schedule" | "dead letter" | "queue",
    name: string,
    known?: readonly string[],
  ) {
    super(`there is no ${what} "${name}"${known === undefined ? "" : `; there are: ${known.join(", ")}`}`);
    this.code = `DURABULL_${what.toUpperCase().replace(" ", "_")}_NOT_FOUND`;
  }
}

export type ConflictCode =
  | "DURABULL_EXECUTION_ENDED"
  | "DURABULL_EXECUTION_OPEN"
  | "DURABULL_WORKFLOW_ID_USED"
  | "DURABULL_WORKFLOW_ID_TAKEN"
  | "DURABULL_DEFINITION_CONFLICT"
  | "DURABULL_DEFINITION_IN_USE"
  | "DURABULL_SCHEDULE_BUSY"
  | "DURABULL_LETTER_ALREADY_REDRIVEN"
  | "DURABULL_LETTER_IN_USE"
  | "DURABULL_HISTORY_FULL";

/** The request is sound, but what it names is not in a state for it. */
export class ConflictError extends DurabullError {
  constructor(
    readonly code: ConflictCode,
    message: string,
  ) {
    super(message);
  }
}

/** An execution has as many messages waiting as its inbox may hold. */
export class InboxFullError extends DurabullError {
  readonly code = "DURABULL_INBOX_FULL";
  constructor(
    readonly executionId: string,
    limit: string,
  ) {
    super(`execution ${executionId} has as many messages waiting as ${limit} allows; try again when it has taken some`);
  }
}

/** A tenant has as much as its settings allow, for now; the message names limit and value. */
export class QuotaError extends DurabullError {
  constructor(
    readonly code: "DURABULL_TOO_MANY_OPEN_EXECUTIONS" | "DURABULL_TOO_MANY_STARTS",
    message: string,
  ) {
    super(message);
  }
}

/** The input of an execution is larger than may be recorded. */
export class PayloadTooLargeError extends DurabullError {
  readonly code = "DURABULL_PAYLOAD_TOO_LARGE";
}

/** An `Idempotency-Key` that was used for another request. */
export class KeyReusedError extends DurabullError {
  readonly code = "DURABULL_IDEMPOTENCY_KEY_REUSED";
  constructor(route: string) {
    super(`this Idempotency-Key was used for a ${route} with another body in the last 24 hours; use a new one`);
  }
}
