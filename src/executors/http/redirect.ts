import { ProblemError } from "./problem-error.ts";
import type { HttpRequest } from "./request.ts";

export const MAX_REDIRECTS = 5;
const FOLLOWED = [301, 302, 303, 307, 308];
/** What may go to another origin: how to answer, and which call it is. Any other header may be a credential by some name. */
const HARMLESS = ["accept", "accept-encoding", "accept-language", "user-agent", "idempotency-key"];
const OF_BODY = ["content-type", "content-encoding", "content-language", "content-location"];

/**
 * The request that a redirection asks for; null when it asks for none (no Location, or a status such as 304). Methods change as they
 * do in browsers; neither a body nor what the author set in headers goes to another origin.
 * @throws {ProblemError} communication with the response's status, for a Location that must not be followed.
 */
export function redirectedRequest(
  request: HttpRequest,
  status: number,
  location: string | undefined,
): HttpRequest | null {
  if (location === undefined || !FOLLOWED.includes(status)) return null;
  if (!URL.canParse(location, request.url.href)) throw refused(status, "to an invalid URL");
  const url = new URL(location, request.url);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw refused(status, `to a ${url.protocol.slice(0, 20)} URL`);
  if (request.url.protocol === "https:" && url.protocol === "http:") throw refused(status, "from https to http");
  url.username = "";
  url.password = "";
  url.hash = "";
  const toGet = status === 303 ? request.method !== "HEAD" : status < 303 && request.method === "POST";
  const toOther = url.origin !== request.url.origin;
  if (toOther && !toGet && request.body !== null) throw refused(status, "a request with a body to another origin");
  const goesOn = (name: string) => (toOther ? HARMLESS.includes(name) : !(toGet && OF_BODY.includes(name)));
  return {
    method: toGet ? "GET" : request.method,
    url,
    headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => goesOn(name))),
    body: toGet ? null : request.body,
  };
}

function refused(status: number, why: string): ProblemError {
  return new ProblemError("communication", `the server redirects ${why}, which is not followed`, status);
}
