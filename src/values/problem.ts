import type { Json, JsonObject } from "./json.ts";

/** An error a workflow may catch: the specification's RFC 7807 object. Data, never an exception. */
export interface Problem {
  readonly type: string;
  readonly status: number;
  readonly title?: string;
  readonly detail?: string;
  /** JSON pointer of the task it happened in. */
  readonly instance?: string;
}

export type ProblemKind =
  | "configuration"
  | "validation"
  | "expression"
  | "authentication"
  | "authorization"
  | "timeout"
  | "communication"
  | "runtime";

const ERROR_BASE = "https://serverlessworkflow.io/spec/1.0.0/errors/";
/** Prefixes that name the same standard types: the renamed specification's host and the CTK's legacy form, under both hosts. */
const EQUIVALENT_BASES = [
  "https://open-workflow-specification.org/spec/1.0.0/errors/",
  "https://serverlessworkflow.io/dsl/errors/types/",
  "https://open-workflow-specification.org/dsl/errors/types/",
];
const DEFAULTS: Readonly<Record<ProblemKind, { readonly status: number; readonly title: string }>> = {
  configuration: { status: 400, title: "Configuration Error" },
  validation: { status: 400, title: "Validation Error" },
  expression: { status: 400, title: "Expression Error" },
  authentication: { status: 401, title: "Authentication Error" },
  authorization: { status: 403, title: "Authorization Error" },
  timeout: { status: 408, title: "Timeout Error" },
  communication: { status: 500, title: "Communication Error" },
  runtime: { status: 500, title: "Runtime Error" },
};

/** A standard error of the specification; `status` overrides the kind's default. */
export function problemOf(
  kind: ProblemKind,
  detail: string,
  more: { status?: number; instance?: string } = {},
): Problem {
  const { status, title } = DEFAULTS[kind];
  return {
    type: ERROR_BASE + kind,
    status: more.status ?? status,
    title,
    detail,
    ...(more.instance === undefined ? {} : { instance: more.instance }),
  };
}

/** The one spelling we emit for a standard error type; others come back as they are. */
export function canonicalErrorType(type: string): string {
  const base = EQUIVALENT_BASES.find((prefix) => type.startsWith(prefix));
  return base === undefined ? type : ERROR_BASE + type.slice(base.length);
}

/** As JSON, without members that are undefined. */
export function problemToJson(problem: Problem): JsonObject {
  const entries = Object.entries(problem).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
