import { pipeline, Readable, type Writable } from "node:stream";
import { Client, type ClientReadableStream, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { GrpcArguments } from "../dsl/tasks/call-grpc.ts";
import type { ActivityContext, Executor, Outcome } from "../ports/executor.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { problemOf } from "../values/problem.ts";
import type { Credentials, ExecutorAuthenticator } from "./auth/authenticator.ts";
import { type Target, targetOf } from "./grpc/channel.ts";
import { type GrpcMethod, methodOf, misconfigured, protoProblem } from "./grpc/proto.ts";
import type { AddressPolicy } from "./http/address-policy.ts";
import type { Resolve } from "./http/agent.ts";
import { networkProblem } from "./http/network-error.ts";
import { ProblemError } from "./http/problem-error.ts";
import { toJson } from "./to-json.ts";

export interface GrpcPolicy extends AddressPolicy {
  /** Longest message, and longest list of messages as JSON, in bytes. */
  readonly maxResponseBytes: number;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
  readonly authenticator: ExecutorAuthenticator;
}

const DEFAULT_PORT = 443;
/** HTTP statuses of gRPC's, as google.rpc.Code has them. */
const STATUSES: Readonly<Partial<Record<status, number>>> = {
  [status.CANCELLED]: 499,
  [status.INVALID_ARGUMENT]: 400,
  [status.DEADLINE_EXCEEDED]: 504,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.PERMISSION_DENIED]: 403,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.FAILED_PRECONDITION]: 400,
  [status.ABORTED]: 409,
  [status.OUT_OF_RANGE]: 400,
  [status.UNIMPLEMENTED]: 501,
  [status.UNAVAILABLE]: 503,
  [status.UNAUTHENTICATED]: 401,
};

/**
 * Carries out `call: grpc`: gives the message of the answer, or the list of those of a server's stream; sends one message, or the list of
 * those of a client's stream, which then ends. Every failure is an outcome:
 * communication with the HTTP status that stands for gRPC's, timeout 408 at the task's own deadline, authorization 403 for an address
 * that the policy forbids, configuration and validation 400 for what the proto does not know. Throws the signal's reason when it aborts.
 */
export function createGrpcExecutor(policy: GrpcPolicy): Executor {
  return async (activity, context) => {
    context.signal.throwIfAborted();
    try {
      if (!isJsonObject(activity.with)) throw misconfigured("`with` must be an object");
      const args = activity.with as GrpcArguments;
      const proto = await context.resource(args.proto, protoProblem);
      if (!proto.ok) return proto;
      const { arguments: given = [] } = args;
      const messages: readonly JsonObject[] = Array.isArray(given) ? given : [given];
      const method = methodOf(proto.content, args.service, args.method, messages);
      if (!method.requestStream && Array.isArray(args.arguments)) {
        throw new ProblemError("validation", `call grpc: ${args.method} takes one message, not a list of them`);
      }
      const { authentication } = activity;
      const credentials =
        authentication === undefined ? undefined : policy.authenticator.credentialsFor(authentication, context.signal);
      return await called(policy, args, method, messages, credentials, context);
    } catch (error) {
      if (error instanceof ProblemError) return { ok: false, error: error.problem };
      throw error;
    }
  };
}

async function called(
  policy: GrpcPolicy,
  args: GrpcArguments,
  method: GrpcMethod,
  given: readonly JsonObject[],
  credentials: Credentials | undefined,
  context: ActivityContext,
): Promise<Outcome> {
  const port = args.port ?? DEFAULT_PORT;
  try {
    // Before anything is sent: a stream is not begun that cannot be ended.
    const messages = given.map((message) => serialized(method.requestSerialize, message));
    const target = await targetOf(policy, args.host, port);
    const send = (authorization: string | undefined) =>
      answered(target, method, messages, policy.maxResponseBytes, authorization, context);
    try {
      return { ok: true, output: await send(await credentials?.first()) };
    } catch (error) {
      if (!isServiceError(error) || error.code !== status.UNAUTHENTICATED) throw error;
      const again = await credentials?.again({ method: "POST", uri: method.path, body: "" }, undefined);
      if (again === undefined) throw error;
      return { ok: true, output: await send(again) };
    }
  } catch (error) {
    context.signal.throwIfAborted();
    const place = `${args.service}/${args.method} at ${args.host}:${port}`;
    if (!isServiceError(error)) return { ok: false, error: networkProblem(error, "gRPC", place) };
    const detail = `${place}: ${status[error.code]} (${error.code}): ${error.details.slice(0, 1_000)}`;
    if (error.code === status.DEADLINE_EXCEEDED && context.remainingMs !== undefined) {
      return { ok: false, error: problemOf("timeout", detail) };
    }
    return { ok: false, error: problemOf("communication", detail, { status: STATUSES[error.code] ?? 500 }) };
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}

/** One request. @throws {ServiceError} */
function answered(
  target: Target,
  method: GrpcMethod,
  messages: readonly Buffer[],
  maxBytes: number,
  authorization: string | undefined,
  context: ActivityContext,
): Promise<Json> {
  const client = new Client(target.address, target.credentials, target.options);
  return new Promise<Json>((resolve, reject) => {
    const begun = call(client, method, messages, metadataOf(context, authorization), context, {
      messages: (stream) => collected(stream, maxBytes, resolve, reject),
      message: (error, answer) => (error === null ? resolve(toJson(answer)) : reject(error)),
    });
    const abort = () => begun.cancel();
    context.signal.addEventListener("abort", abort, { once: true });
    if (context.signal.aborted) abort();
  }).finally(() => client.close());
}

interface Answers {
  /** Takes those of a stream. */
  messages(stream: ClientReadableStream<object>): void;
  /** Takes the only one. */
  message(error: ServiceError | null, answer?: object): void;
}

/** Begins a call of any of the four kinds. What is sent is serialized already. */
function call(
  client: Client,
  { path, requestStream, responseStream, responseDeserialize }: GrpcMethod,
  messages: readonly Buffer[],
  metadata: Metadata,
  { remainingMs }: ActivityContext,
  answers: Answers,
): { cancel(): void } {
  const options = remainingMs === undefined ? {} : { deadline: Date.now() + remainingMs };
  const asIs = (message: Buffer) => message;
  const request = [path, asIs, responseDeserialize] as const;
  const [only = Buffer.alloc(0)] = messages;
  if (requestStream && responseStream) {
    const both = client.makeBidiStreamRequest(...request, metadata, options);
    answers.messages(both);
    sendAll(both, messages);
    return both;
  }
  if (requestStream) {
    const sending = client.makeClientStreamRequest(...request, metadata, options, answers.message);
    sendAll(sending, messages);
    return sending;
  }
  if (!responseStream) return client.makeUnaryRequest(...request, only, metadata, options, answers.message);
  const receiving = client.makeServerStreamRequest(...request, only, metadata, options);
  answers.messages(receiving);
  return receiving;
}

/** As fast as the server takes them. What goes wrong is told by the call's end. */
function sendAll(stream: Writable, messages: readonly Buffer[]): void {
  pipeline(Readable.from(messages, { objectMode: true }), stream, () => {});
}

function collected(
  stream: ClientReadableStream<object>,
  maxBytes: number,
  resolve: (messages: Json) => void,
  reject: (error: Error) => void,
): void {
  const messages: Json[] = [];
  let bytes = 0;
  stream.on("data", (message: object) => {
    const value = toJson(message);
    bytes += JSON.stringify(value).length;
    if (bytes <= maxBytes) {
      messages.push(value);
      return;
    }
    reject(new ProblemError("communication", `the answer is longer than ${maxBytes} bytes (HTTP_MAX_RESPONSE_BYTES)`));
    stream.cancel();
  });
  stream.on("error", reject);
  stream.on("end", () => resolve(messages));
}

function serialized(serialize: GrpcMethod["requestSerialize"], value: object): Buffer {
  try {
    return serialize(value);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ProblemError("validation", `call grpc: the arguments do not fit: ${why}`);
  }
}

function metadataOf(context: ActivityContext, authorization: string | undefined): Metadata {
  const metadata = new Metadata();
  metadata.set("idempotency-key", context.idempotencyKey);
  for (const [name, value] of Object.entries(context.trace ?? {}))
    if (typeof value === "string") metadata.set(name, value);
  if (authorization !== undefined) metadata.set("authorization", authorization);
  return metadata;
}
