import { STATUS_CODES } from "node:http";
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { ActivityContext, Outcome } from "../../ports/executor.ts";
import type { SpanOptions, Tracing } from "../../ports/tracing.ts";
import type { Json } from "../../values/json.ts";
import type { TraceContext } from "../../values/trace-context.ts";
import type { Credentials } from "../auth/authenticator.ts";
import { ENCODINGS, peekBody, readBody } from "./body.ts";
import { type HttpResponse, headerOf, send } from "./client.ts";
import { contentOf, decodeText } from "./content.ts";
import { networkProblem } from "./network-error.ts";
import { ProblemError } from "./problem-error.ts";
import { redactedHeaders, redactedUrl } from "./redact.ts";
import { MAX_REDIRECTS, redirectedRequest } from "./redirect.ts";
import type { HttpCall, HttpRequest } from "./request.ts";

export interface Performing {
  readonly agent: Dispatcher;
  /** Longest body, after decompression. */
  readonly maxResponseBytes: number;
  readonly tracing?: Tracing | undefined;
}

/** Bytes of an error's body that are shown in its detail. */
const DETAIL_BYTES = 1_000;

/** Sent unless the author says otherwise. */
export function defaultHeaders(context: ActivityContext): Readonly<Record<string, string>> {
  return {
    accept: "*/*",
    "accept-encoding": ENCODINGS,
    "idempotency-key": context.idempotencyKey,
    "user-agent": "durabull",
  };
}

/**
 * Carries out a call, as a span of the activity's trace. Every failure is an outcome. Credentials go to the origin that was called
 * only, and not where the author sets `authorization`.
 * Throws the signal's reason when it aborts.
 */
export async function perform(
  { agent, maxResponseBytes, tracing }: Performing,
  call: HttpCall,
  credentials: Credentials | undefined,
  context: ActivityContext,
): Promise<Outcome> {
  const go = (traced: HttpCall) => carryOut(agent, maxResponseBytes, traced, credentials, context.signal);
  if (tracing === undefined) return go(withTrace(call, context.trace));
  return tracing.span(spanOf(call, context), async (span) => {
    const outcome = await go(withTrace(call, span.context));
    if (!outcome.ok) {
      span.set({ "http.response.status_code": outcome.error.status });
      span.failed(outcome.error.title ?? outcome.error.type);
    }
    return outcome;
  });
}

/** Names of OpenTelemetry's conventions for HTTP clients; neither path nor query, which may hold what is nobody's business. */
function spanOf({ request }: HttpCall, context: ActivityContext): SpanOptions {
  const attributes = { "http.request.method": request.method, "server.address": request.url.host };
  return { name: request.method, kind: "client", parent: context.trace, attributes };
}

/** An author's own headers win, as a pair. */
function withTrace(call: HttpCall, trace: TraceContext | undefined): HttpCall {
  const { request } = call;
  if (trace === undefined || "traceparent" in request.headers) return call;
  return { ...call, request: { ...request, headers: { ...request.headers, ...trace } } };
}

async function carryOut(
  agent: Dispatcher,
  maxBytes: number,
  call: HttpCall,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const { request, response } = await followed(agent, call.request, credentials, call.redirect, signal);
    return await outcomeOf(call, request, response, maxBytes);
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, error: networkProblem(error, call.request.method, call.request.url.origin) };
  }
}

/**
 * The answer to a request, where `redirect` says so after at most five redirections, and the request it answers.
 * @throws {ProblemError} for a redirection that must not be followed.
 */
export async function followed(
  agent: Dispatcher,
  first: HttpRequest,
  credentials: Credentials | undefined,
  redirect: boolean,
  signal: AbortSignal,
): Promise<{ readonly request: HttpRequest; readonly response: HttpResponse }> {
  let request = first;
  let authorize = request.headers.authorization === undefined ? credentials : undefined;
  for (let hops = 0; ; hops++) {
    const response = await sendAs(agent, request, authorize, signal);
    const next = redirect ? redirection(request, response) : null;
    if (next === null) return { request, response };
    response.body.destroy();
    if (hops === MAX_REDIRECTS) {
      throw new ProblemError("communication", `more than ${MAX_REDIRECTS} redirections`, response.statusCode);
    }
    // Once elsewhere, also what leads back is said by somebody else.
    if (next.url.origin !== request.url.origin) authorize = undefined;
    request = next;
  }
}

/** One request; after a 401 once more, where the credentials know an answer. */
async function sendAs(
  agent: Dispatcher,
  request: HttpRequest,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<HttpResponse> {
  if (credentials === undefined) return send(agent, request, signal);
  const as = (authorization: string | undefined): HttpRequest =>
    authorization === undefined ? request : { ...request, headers: { ...request.headers, authorization } };
  const response = await send(agent, as(await credentials.first()), signal);
  if (response.statusCode !== 401) return response;
  const asked = {
    method: request.method,
    uri: request.url.pathname + request.url.search,
    body: request.body ?? "",
  };
  const again = await credentials.again(asked, headerOf(response, "www-authenticate"));
  if (again === undefined) return response;
  response.body.destroy();
  return send(agent, as(again), signal);
}

function redirection(request: HttpRequest, response: HttpResponse): HttpRequest | null {
  try {
    return redirectedRequest(request, response.statusCode, headerOf(response, "location"));
  } catch (error) {
    response.body.destroy();
    throw error;
  }
}

async function outcomeOf(
  call: HttpCall,
  request: HttpRequest,
  response: HttpResponse,
  maxBytes: number,
): Promise<Outcome> {
  const { statusCode } = response;
  const encoding = request.method === "HEAD" ? "" : (headerOf(response, "content-encoding") ?? "");
  const accepted = (statusCode >= 200 && statusCode < 300) || (call.redirect && statusCode >= 300 && statusCode < 400);
  if (!accepted) throw await refusal(response, response.body, encoding, call.redirect);
  const body = await readBody(response.body, encoding, maxBytes)
    .catch((error: unknown) => {
      if (hasBody(statusCode)) throw error;
      return Buffer.alloc(0);
    })
    .finally(() => response.body.destroy());
  return { ok: true, output: outputOf(call, response, body) };
}

/**
 * Answers of these statuses end with their headers. A Content-Length tells of the body that another answer has (RFC 9110, 8.6); the
 * client takes it for one that broke off.
 */
function hasBody(statusCode: number): boolean {
  return statusCode !== 204 && statusCode !== 304;
}

async function refusal(
  response: HttpResponse,
  body: Readable,
  encoding: string,
  redirect: boolean,
): Promise<ProblemError> {
  const { statusCode } = response;
  const start = await peekBody(body, encoding, DETAIL_BYTES).finally(() => body.destroy());
  const text = decodeText(start, headerOf(response, "content-type") ?? "").trim();
  const name = STATUS_CODES[statusCode];
  const hint =
    statusCode >= 300 && statusCode < 400 && !redirect ? " (set `redirect: true` to follow redirections)" : "";
  const shown = text === "" || text.includes("\0") ? "" : `: ${text}`;
  return new ProblemError(
    "communication",
    `answered ${statusCode}${name === undefined ? "" : ` ${name}`}${hint}${shown}`,
    statusCode,
  );
}

function outputOf(call: HttpCall, response: HttpResponse, body: Buffer): Json {
  if (call.output === "raw") return body.toString("base64");
  const content = contentOf(body, headerOf(response, "content-type") ?? "");
  if (call.output === "content") return content;
  const { method, url, headers } = call.request;
  return {
    request: { method, uri: redactedUrl(url), headers: redactedHeaders(headers) },
    statusCode: response.statusCode,
    headers: Object.fromEntries(Object.keys(response.headers).map((name) => [name, headerOf(response, name) ?? ""])),
    content,
  };
}
