import type { ActivityContext } from "../ports/executor.ts";
import { isJsonObject, type Json } from "../values/json.ts";
import { problemOf } from "../values/problem.ts";
import { ProblemError } from "./http/problem-error.ts";

/** The text of an external resource, as it was pinned for the definition. @throws {ProblemError} when it cannot be had. */
export async function readResource(
  { endpoint }: { readonly endpoint: Json },
  context: Pick<ActivityContext, "resource">,
): Promise<string> {
  const uri = isJsonObject(endpoint) ? endpoint.uri : endpoint;
  if (typeof uri !== "string") throw ProblemError.from(problemOf("configuration", "a resource needs an `endpoint`"));
  const result = await context.resource(uri, () => undefined);
  if (result.ok) return result.content;
  const detail = `a resource cannot be read: ${result.error.detail ?? result.error.type}`;
  throw ProblemError.from({ ...result.error, detail });
}
