import type { Dispatcher } from "undici";
import { readBody } from "./body.ts";
import type { HttpRequest } from "./request.ts";

export type HttpResponse = Dispatcher.ResponseData;

/** Silence after which a server counts as gone, for tasks that have no timeout of their own. */
const SILENCE_MS = 300_000;

/** One request, as it is; nothing is followed. */
export async function send(agent: Dispatcher, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  const response = await agent.request({
    origin: request.url.origin,
    path: request.url.pathname + request.url.search,
    method: request.method as Dispatcher.HttpMethod,
    headers: request.headers,
    body: request.body,
    signal,
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  // A body that is dropped half-way ends with an error; whoever still reads it is told, and nobody else needs to know.
  response.body.on("error", () => {});
  return response;
}

/** A header of a response; several of one name are one list. */
export function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** The whole body, decompressed. @throws {ProblemError} communication when it is longer than `maxBytes`. */
export async function bodyOf(response: HttpResponse, maxBytes: number, limit?: string): Promise<Buffer> {
  const encoding = headerOf(response, "content-encoding") ?? "";
  return readBody(response.body, encoding, maxBytes, limit).finally(() => response.body.destroy());
}
