import type { FastifyInstance } from "fastify";

/** Data is never a page: nothing in it may run or be framed. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Headers every answer has; a page replaces the policy by its own. */
export function addResponseHeaders(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({
      "x-request-id": request.id,
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "content-security-policy": DATA_POLICY,
      "cache-control": "no-store",
    });
  });
}
