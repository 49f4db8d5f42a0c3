import type { ActivityContext, Executor } from "../ports/executor.ts";
import type { Json } from "../values/json.ts";
import { ProblemError } from "./http/problem-error.ts";

/** The bytes of an external resource. @throws {ProblemError} when it cannot be had. */
export type ReadResource = (resource: { readonly endpoint: Json }, context: ActivityContext) => Promise<Buffer>;

/** Fetches resources with the client of HTTP calls, so that the same addresses, redirections and sizes are allowed. */
export function createResourceReader(http: Executor): ReadResource {
  return async ({ endpoint }, context) => {
    const call = { method: "GET", endpoint, output: "raw", redirect: true };
    const outcome = await http({ with: call }, context);
    if (outcome.ok) return Buffer.from(String(outcome.output), "base64");
    const detail = `a resource cannot be read: ${outcome.error.detail ?? outcome.error.type}`;
    throw ProblemError.from({ ...outcome.error, detail });
  };
}
