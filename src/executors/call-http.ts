import { STATUS_CODES } from "node:http";
import type { Readable } from "node:stream";
import type { Agent, Dispatcher } from "undici";
import type { ActivityContext, Executor, Outcome } from "../ports/executor.ts";
import type { SpanOptions, Tracing } from "../ports/tracing.ts";
import type { Json } from "../values/json.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { AddressPolicy } from "./http/address-policy.ts";
import { createGuardedAgent, type Resolve } from "./http/agent.ts";
import { ENCODINGS, peekBody, readBody } from "./http/body.ts";
import { contentOf, decodeText } from "./http/content.ts";
import { networkProblem } from "./http/network-error.ts";
import { ProblemError } from "./http/problem-error.ts";
import { redactedHeaders, redactedUrl } from "./http/redact.ts";
import { MAX_REDIRECTS, redirectedRequest } from "./http/redirect.ts";
import { type HttpCall, type HttpRequest, httpCallOf } from "./http/request.ts";

export interface HttpPolicy extends AddressPolicy {
  /** Longest body, after decompression. */
  readonly maxResponseBytes: number;
  /** Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** Each call is a span of it. Default: the activity's trace is handed on as it is. */
  readonly tracing?: Tracing;
}

/** `close` waits for calls in hand and closes the connections. */
export type HttpExecutor = Executor & { close(): Promise<void> };

/** Bytes of an error's body that are shown in its detail. */
const DETAIL_BYTES = 1_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** Silence after which a server counts as gone, for tasks that have no timeout of their own. */
const SILENCE_MS = 300_000;

/**
 * Carries out `call: http`. `with.endpoint` is a URL, its template expanded, or `{ uri, authentication }` with `basic` or `bearer`.
 * Every failure is an outcome: communication with the response's status, communication 500 without a response, authorization 403 for
 * an address that the policy forbids, configuration 400 for a call that can never work.
 * Throws the signal's reason when it aborts.
 */
export function createHttpExecutor(policy: HttpPolicy): HttpExecutor {
  const agent = createGuardedAgent({
    allowPrivateNetwork: policy.allowPrivateNetwork,
    allowedHosts: policy.allowedHosts,
    connectTimeoutMs: policy.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    ...(policy.resolve === undefined ? {} : { resolve: policy.resolve }),
  });
  const execute: Executor = async (activity, context) => {
    context.signal.throwIfAborted();
    try {
      const call = httpCallOf(activity.with, defaultHeaders(context));
      const perform = (call: HttpCall) => carryOut(agent, policy.maxResponseBytes, call, context.signal);
      if (policy.tracing === undefined) return await perform(withTrace(call, context.trace));
      return await policy.tracing.span(spanOf(call, context), async (span) => {
        const outcome = await perform(withTrace(call, span.context));
        if (!outcome.ok) {
          span.set({ "http.response.status_code": outcome.error.status });
          span.failed(outcome.error.title ?? outcome.error.type);
        }
        return outcome;
      });
    } catch (error) {
      if (error instanceof ProblemError) return { ok: false, error: error.problem };
      throw error;
    }
  };
  return Object.assign(execute, { close: () => agent.close() });
}

function defaultHeaders(context: ActivityContext): Readonly<Record<string, string>> {
  return {
    accept: "*/*",
    "accept-encoding": ENCODINGS,
    "idempotency-key": context.idempotencyKey,
    "user-agent": "durabull",
  };
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

async function carryOut(agent: Agent, maxBytes: number, call: HttpCall, signal: AbortSignal): Promise<Outcome> {
  let request = call.request;
  try {
    for (let hops = 0; ; hops++) {
      const response = await send(agent, request, signal);
      const next = call.redirect ? redirection(request, response) : null;
      if (next === null) return await outcomeOf(call, request, response, maxBytes);
      response.body.destroy();
      if (hops === MAX_REDIRECTS) {
        throw new ProblemError("communication", `more than ${MAX_REDIRECTS} redirections`, response.statusCode);
      }
      request = next;
    }
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, error: networkProblem(error, request.method, request.url.origin) };
  }
}

type Response = Dispatcher.ResponseData;

async function send(agent: Agent, request: HttpRequest, signal: AbortSignal): Promise<Response> {
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

function redirection(request: HttpRequest, response: Response): HttpRequest | null {
  try {
    return redirectedRequest(request, response.statusCode, header(response, "location"));
  } catch (error) {
    response.body.destroy();
    throw error;
  }
}

async function outcomeOf(call: HttpCall, request: HttpRequest, response: Response, maxBytes: number): Promise<Outcome> {
  const { statusCode } = response;
  const encoding = request.method === "HEAD" ? "" : (header(response, "content-encoding") ?? "");
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

async function refusal(response: Response, body: Readable, encoding: string, redirect: boolean): Promise<ProblemError> {
  const { statusCode } = response;
  const start = await peekBody(body, encoding, DETAIL_BYTES).finally(() => body.destroy());
  const text = decodeText(start, header(response, "content-type") ?? "").trim();
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

function outputOf(call: HttpCall, response: Response, body: Buffer): Json {
  if (call.output === "raw") return body.toString("base64");
  const content = contentOf(body, header(response, "content-type") ?? "");
  if (call.output === "content") return content;
  const { method, url, headers } = call.request;
  return {
    request: { method, uri: redactedUrl(url), headers: redactedHeaders(headers) },
    statusCode: response.statusCode,
    headers: Object.fromEntries(Object.keys(response.headers).map((name) => [name, header(response, name) ?? ""])),
    content,
  };
}

function header(response: Response, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
