import type { FastifyReply, FastifyRequest } from "fastify";
import { problemAnswer } from "./problems.ts";

/** Answers a request with the problem an error is. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const { body, headers } = problemAnswer(error, { id: request.id, path: pathOf(request.url) });
  if (body.status === 500) request.log.error({ err: error }, "a request failed");
  else if (body.status === 503) request.log.warn({ err: error }, "a request could not be served");
  return reply
    .code(body.status)
    .headers(headers)
    .type("application/problem+json")
    .serializer(String)
    .send(JSON.stringify(body));
}

/** Without its query. */
export function pathOf(url: string): string {
  return url.split("?")[0] ?? "";
}
