import canonicalize from "canonicalize";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Once } from "../../runtime/request-keys.ts";
import type { ExecutionService } from "../../runtime/service.ts";
import { hashOf } from "../../values/ids.ts";
import { invalidRequest } from "../request-errors.ts";
import { idempotencyKey } from "../schemas/common.ts";
import { pathOf } from "../send-problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Of a POST with an `Idempotency-Key`. */
    once: Once | undefined;
  }
}

/**
 * Every POST takes an `Idempotency-Key`, of its tenant and its address. It is written before the route does anything; a route does its
 * work under `request.once.id`. A refusal did nothing, so it frees the key.
 */
export function takeIdempotencyKeys(app: FastifyInstance, executions: Pick<ExecutionService, "begin">): void {
  app.decorateRequest("once", undefined);
  app.addHook("preHandler", async (request) => {
    const key = request.method === "POST" ? keyOf(request) : undefined;
    if (key === undefined) return;
    const { tenant } = request;
    request.once = await executions.begin({ tenant, key, route: `POST ${pathOf(request.url)}`, body: bodyOf(request) });
  });
  app.addHook("onSend", async (request, reply) => {
    if (request.once === undefined || reply.statusCode < 400 || reply.statusCode >= 500) return;
    await request.once
      .release()
      .catch((error: unknown) => request.log.warn({ err: error }, "an idempotency key was not freed"));
  });
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const header = headers["idempotency-key"];
  if (header === undefined) return undefined;
  const parsed = idempotencyKey.safeParse(header);
  if (parsed.success) return parsed.data;
  throw invalidRequest("/headers/idempotency-key", parsed.error.issues[0]?.message ?? "it is not valid");
}

/** Its types say a module of another kind than it is. */
const canonicalJson = canonicalize as unknown as (value: unknown) => string;

/** The same whatever the order of its keys. */
function bodyOf({ body }: FastifyRequest): string {
  return hashOf(canonicalJson(body ?? null));
}
