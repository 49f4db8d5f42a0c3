import type { Problem } from "../values/problem.ts";

const BRAND = Symbol.for("durabull.workflow-error");

/** What a `WorkflowError` says; members as in the specification's error object. */
export interface WorkflowErrorInit {
  /** URI of the error's type, as in `catch.errors.with.type`. */
  readonly type: string;
  /** 100 to 599. */
  readonly status: number;
  readonly title?: string;
  readonly detail?: string;
}

/** Thrown by a function: exactly this error of the workflow, which its definition may catch. Anything else thrown is runtime 500. */
export class WorkflowError extends Error {
  readonly type: string;
  readonly status: number;
  readonly title: string | undefined;
  readonly detail: string | undefined;

  /** @throws {TypeError} when type or status is not usable. */
  constructor(init: WorkflowErrorInit, options?: { readonly cause?: unknown }) {
    super(init.detail ?? init.title ?? init.type, options);
    if (typeof init.type !== "string" || init.type === "") throw new TypeError("the type of a WorkflowError is a URI");
    if (!Number.isInteger(init.status) || init.status < 100 || init.status > 599) {
      throw new TypeError(`the status of a WorkflowError is a number from 100 to 599, not ${String(init.status)}`);
    }
    this.name = "WorkflowError";
    this.type = init.type;
    this.status = init.status;
    this.title = init.title;
    this.detail = init.detail;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Also for one made by another copy of this package, as a module loaded by itself may have. */
export function isWorkflowError(error: unknown): error is WorkflowError {
  return error instanceof Error && BRAND in error;
}

export function problemOfWorkflowError(error: WorkflowError): Problem {
  return {
    type: error.type,
    status: error.status,
    ...(error.title === undefined ? {} : { title: error.title }),
    ...(error.detail === undefined ? {} : { detail: error.detail }),
  };
}
