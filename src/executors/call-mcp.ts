import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { McpArguments } from "../dsl/tasks/call-mcp.ts";
import type { McpHttpOptions } from "../dsl/tasks/mcp-options.ts";
import type { ActivityContext, Executor, Outcome } from "../ports/executor.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import type { ExecutorAuthenticator } from "./auth/authenticator.ts";
import { authorizedFetch } from "./http/authorized-fetch.ts";
import type { Fetch, GuardedFetch } from "./http/guarded-fetch.ts";
import { ProblemError } from "./http/problem-error.ts";
import type { ChildTransport } from "./mcp/child-transport.ts";
import { notAllowed, type ProcessPolicy } from "./process/runner.ts";
import { toJson } from "./to-json.ts";

export interface McpOptions {
  readonly fetch: GuardedFetch;
  readonly authenticator: Pick<ExecutorAuthenticator, "credentialsFor">;
  /** Of servers over stdio: they count as shell commands. */
  readonly processes: ProcessPolicy;
}

interface CallOptions {
  readonly fetch: Fetch;
  readonly processes: ProcessPolicy;
  /** Ends the call with this error. */
  readonly broken: (problem: ProblemError) => void;
}

/** How long a call may take whose author says nothing. */
const TIMEOUT_MS = 300_000;
const DETAIL_LENGTH = 2_000;
/** Where a tool finds the key of the logical call, the same for every repeat of it. */
const IDEMPOTENCY_KEY = "io.durabull/idempotencyKey";

/**
 * Carries out `call: mcp`: a session of its own for each call, `initialize` first. The output is the method's result as it came.
 * What fails, a tool that says so included, is runtime 500; a call that takes too long is timeout 408.
 */
export function createMcpExecutor(options: McpOptions): Executor {
  return async ({ with: given, authentication }, context) => {
    context.signal.throwIfAborted();
    const call = given as McpArguments;
    const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    const broken = new AbortController();
    try {
      const signal = AbortSignal.any([context.signal, timeout, broken.signal]);
      const guarded = options.fetch((problem) => broken.abort(problem));
      const fetch =
        authentication === undefined || !("http" in call.transport)
          ? guarded
          : authorizedFetch(
              guarded,
              options.authenticator.credentialsFor(authentication, signal),
              new URL(call.transport.http.endpoint).origin,
            );
      const { processes } = options;
      const result = await perform(
        call,
        { fetch, processes, broken: (problem) => broken.abort(problem) },
        context,
        signal,
      );
      return outcomeOf(call.method, result);
    } catch (error) {
      context.signal.throwIfAborted();
      if (broken.signal.reason instanceof ProblemError) return failed(broken.signal.reason);
      if (timeout.aborted)
        return failed(new ProblemError("timeout", `MCP ${call.method} took longer than ${timeoutMs} ms`));
      return failed(error instanceof ProblemError ? error : runtimeError(call.method, error));
    }
  };
}

async function perform(
  call: McpArguments,
  options: CallOptions,
  context: ActivityContext,
  signal: AbortSignal,
): Promise<Json> {
  // Only now: most workers never make such a call.
  const [{ Client }, types] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  if (!types.SUPPORTED_PROTOCOL_VERSIONS.includes(call.protocolVersion)) {
    const known = types.SUPPORTED_PROTOCOL_VERSIONS.join(", ");
    throw new ProblemError("configuration", `MCP ${call.protocolVersion} is not spoken here, but ${known} are`);
  }
  const client = new Client(call.client ?? { name: "durabull", version: "1" });
  client.onerror = ({ message }) => {
    // The transport has no other word for it.
    if (!/^Maximum reconnection attempts/.test(message)) return;
    options.broken(
      new ProblemError("communication", `MCP ${call.method}: the connection broke before the answer came`),
    );
  };
  const { transport, complaint, end } = await transportOf(call, options, context);
  // The time limit is the signal's.
  const limits = { signal, timeout: 2_147_483_647 };
  try {
    await client.connect(askingFor(transport, call.protocolVersion), limits);
    const request = { method: call.method, params: parametersOf(call, context) };
    return toJson(await client.request(request, types.ResultSchema, limits));
  } catch (error) {
    if (error instanceof ProblemError || signal.aborted) throw error;
    const said = await complaint();
    throw said === "" ? error : new Error(`${messageOf(error)}; the server wrote: ${said}`);
  } finally {
    await end().catch(() => {});
    await client.close().catch(() => {});
  }
}

function parametersOf({ method, parameters }: McpArguments, { idempotencyKey }: ActivityContext): JsonObject {
  if (method !== "tools/call") return parameters;
  const given = isJsonObject(parameters._meta) ? parameters._meta : {};
  return { ...parameters, _meta: { [IDEMPOTENCY_KEY]: idempotencyKey, ...given } };
}

interface Connection {
  readonly transport: Transport;
  /** What a server over stdio wrote to stderr. */
  complaint(): Promise<string>;
  /** Says goodbye. */
  end(): Promise<void>;
}

async function transportOf(
  { transport }: McpArguments,
  options: CallOptions,
  context: ActivityContext,
): Promise<Connection> {
  if ("http" in transport) {
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const headers = { "user-agent": "durabull", ...context.trace, ...transport.http.headers };
    const made = new StreamableHTTPClientTransport(new URL(transport.http.endpoint), {
      requestInit: { headers },
      fetch: (url, init) => (isUnasked(init) ? noStream() : options.fetch(url, init)),
      reconnectionOptions: reconnectionOf(transport.http),
    });
    // Its type says `string | undefined` where the interface says optional.
    return { transport: made as Transport, complaint: async () => "", end: () => made.terminateSession() };
  }
  if (!options.processes.allowed.includes("shell")) {
    throw new ProblemError("authorization", notAllowed("shell", "an MCP server over stdio"));
  }
  const { ChildTransport } = await import("./mcp/child-transport.ts");
  const made: ChildTransport = new ChildTransport(transport.stdio, options.processes.limits);
  return { transport: made, complaint: () => made.complaint(), end: async () => {} };
}

/** What a server has to say of itself is for nobody: the only stream opened is one that goes on with an answer. */
function isUnasked(init: RequestInit | undefined): boolean {
  return init?.method === "GET" && !new Headers(init.headers).has("last-event-id");
}

async function noStream(): Promise<Response> {
  return new Response(null, { status: 405 });
}

/** The SDK's defaults, where the author says nothing. */
function reconnectionOf(given: McpHttpOptions) {
  return {
    maxRetries: given.maxRetries ?? 2,
    initialReconnectionDelay: given.initialReconnectionDelayMs ?? 1_000,
    maxReconnectionDelay: given.maxReconnectionDelayMs ?? 30_000,
    reconnectionDelayGrowFactor: given.reconnectionDelayGrowFactor ?? 1.5,
  };
}

/** The client asks for the newest version it knows; the author may want another. */
function askingFor(transport: Transport, protocolVersion: string): Transport {
  const send = transport.send.bind(transport);
  transport.send = (message, options) =>
    "method" in message && message.method === "initialize"
      ? send({ ...message, params: { ...message.params, protocolVersion } }, options)
      : send(message, options);
  return transport;
}

function outcomeOf(method: string, result: Json): Outcome {
  if (method !== "tools/call" || !isJsonObject(result) || result.isError !== true) return { ok: true, output: result };
  const content = Array.isArray(result.content) ? result.content : [];
  const text = content.flatMap((part: Json) =>
    isJsonObject(part) && typeof part.text === "string" ? [part.text] : [],
  );
  return failed(new ProblemError("runtime", `the MCP tool failed: ${text.join("\n")}`.slice(0, DETAIL_LENGTH)));
}

function runtimeError(method: string, error: unknown): ProblemError {
  return new ProblemError("runtime", `MCP ${method} failed: ${messageOf(error)}`.slice(0, DETAIL_LENGTH));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failed({ problem }: ProblemError): Outcome {
  return { ok: false, error: problem };
}
