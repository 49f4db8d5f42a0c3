import { Client, type ClientReadableStream, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { GrpcArguments } from "../dsl/tasks/call-grpc.ts";
import type { ActivityContext, Executor, Outcome } from "../ports/executor.ts";
import { isJsonObject, type Json } from "../values/json.ts";
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
 * Carries out `call: grpc`: the message of a unary method, or the list of those of a server's stream. Every failure is an outcome:
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
      const method = methodOf(proto.content, args.service, args.method, args.arguments);
      if (method.requestStream) throw misconfigured(`${args.method} takes a stream, which a task cannot send`);
      const { authentication } = activity;
      const credentials =
        authentication === undefined ? undefined : policy.authenticator.credentialsFor(authentication, context.signal);
      return await called(policy, args, method, credentials, context);
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
  credentials: Credentials | undefined,
  context: ActivityContext,
): Promise<Outcome> {
  const port = args.port ?? DEFAULT_PORT;
  try {
    const target = await targetOf(policy, args.host, port);
    const send = (authorization: string | undefined) =>
      answered(target, method, args.arguments, policy.maxResponseBytes, authorization, context);
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
  message: object,
  maxBytes: number,
  authorization: string | undefined,
  context: ActivityContext,
): Promise<Json> {
  const client = new Client(target.address, target.credentials, target.options);
  const options = context.remainingMs === undefined ? {} : { deadline: Date.now() + context.remainingMs };
  const metadata = metadataOf(context, authorization);
  const { path, requestSerialize, responseDeserialize } = method;
  return new Promise<Json>((resolve, reject) => {
    const request = [path, (value: object) => serialized(requestSerialize, value), responseDeserialize] as const;
    const begun = method.responseStream
      ? collected(client.makeServerStreamRequest(...request, message, metadata, options), maxBytes, resolve, reject)
      : client.makeUnaryRequest(...request, message, metadata, options, (error, answer) =>
          error === null ? resolve(toJson(answer)) : reject(error),
        );
    const abort = () => begun.cancel();
    context.signal.addEventListener("abort", abort, { once: true });
    if (context.signal.aborted) abort();
  }).finally(() => client.close());
}

function collected<Answer>(
  stream: ClientReadableStream<Answer>,
  maxBytes: number,
  resolve: (messages: Json) => void,
  reject: (error: Error) => void,
): ClientReadableStream<Answer> {
  const messages: Json[] = [];
  let bytes = 0;
  stream.on("data", (message: Answer) => {
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
  return stream;
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
