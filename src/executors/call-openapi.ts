import type { OpenApiArguments } from "../dsl/tasks/call-openapi.ts";
import type { Executor } from "../ports/executor.ts";
import { isJsonObject } from "../values/json.ts";
import type { ExecutorAuthenticator } from "./auth/authenticator.ts";
import { type DocumentLimits, References } from "./documents/references.ts";
import { defaultHeaders, type Performing, perform } from "./http/perform.ts";
import { ProblemError } from "./http/problem-error.ts";
import { DESCRIPTION, descriptionProblem, misconfigured, operationOf } from "./openapi/description.ts";
import { openApiCall } from "./openapi/request.ts";

/**
 * Carries out `call: openapi`: OpenAPI 3.0 and 3.1, Swagger 2.0. The request is made and its answer read as by `call: http`; before
 * that, validation 400 for parameters that do not fit the operation, configuration 400 for a description that cannot be used.
 * Throws the signal's reason when it aborts.
 */
export function createOpenApiExecutor(
  performing: Performing & { readonly authenticator: ExecutorAuthenticator; readonly documents: DocumentLimits },
): Executor {
  return async (activity, context) => {
    context.signal.throwIfAborted();
    try {
      const { with: given, authentication } = activity;
      if (!isJsonObject(given)) throw misconfigured("`with` must be an object");
      const args = given as OpenApiArguments;
      const description = await context.resource(args.document, descriptionProblem);
      if (!description.ok) return description;
      const { content } = description;
      const files = new References(args.document, content, DESCRIPTION, performing.documents, context.resource);
      const operation = await operationOf(files, args.operationId);
      const call = await openApiCall(operation, args, defaultHeaders(context));
      const credentials =
        authentication === undefined
          ? undefined
          : performing.authenticator.credentialsFor(authentication, context.signal);
      return await perform(performing, call, credentials, context);
    } catch (error) {
      if (error instanceof ProblemError) return { ok: false, error: error.problem };
      throw error;
    }
  };
}
