import { DurabullError, type InputIssue } from "../errors.ts";

export type RefusalCode =
  | "DURABULL_INVALID_REQUEST"
  | "DURABULL_MALFORMED_BODY"
  | "DURABULL_INVALID_DEFINITION"
  | "DURABULL_CROSS_SITE_REQUEST"
  | "DURABULL_UNKNOWN_HOST"
  | "DURABULL_ROUTE_NOT_FOUND"
  | "DURABULL_METHOD_NOT_ALLOWED"
  | "DURABULL_NOT_ACCEPTABLE"
  | "DURABULL_TOO_MANY_STREAMS";

/** A request that is refused before it reaches a service. Issues point into the body, or to `/query/…`, `/headers/…`, `/path/…`. */
export class RequestRefusedError extends DurabullError {
  readonly issues: readonly InputIssue[];
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    readonly code: RefusalCode,
    message: string,
    more: { readonly issues?: readonly InputIssue[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.issues = more.issues ?? [];
    this.headers = more.headers ?? {};
  }
}

/** One thing is wrong with the request. */
export function invalidRequest(pointer: string, message: string): RequestRefusedError {
  return new RequestRefusedError("DURABULL_INVALID_REQUEST", message, { issues: [{ pointer, message }] });
}
