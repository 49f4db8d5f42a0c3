import { ExpressionError } from "../dsl/tasks/asyncapi-conditions.ts";
import type { AsyncapiArguments, AsyncapiMessage } from "../dsl/tasks/call-asyncapi.ts";
import type { Executor, Outcome } from "../ports/executor.ts";
import { problemOf } from "../values/problem.ts";
import { consumed } from "./asyncapi/consumed.ts";
import { readAsyncapiDocument, withFiles } from "./asyncapi/document.ts";
import { httpProtocol } from "./asyncapi/http.ts";
import { type Login, LoginRefusedError, type Logins, loginsOf } from "./asyncapi/login.ts";
import type { Exchange, Protocol } from "./asyncapi/protocol.ts";
import { type Family, type Target, targetOf } from "./asyncapi/target.ts";
import type { ExecutorAuthenticator } from "./auth/authenticator.ts";
import type { DocumentLimits } from "./documents/references.ts";
import { AddressDeniedError, type AddressPolicy } from "./http/address-policy.ts";
import type { Fetch } from "./http/guarded-fetch.ts";
import { ProblemError } from "./http/problem-error.ts";
import { readResource } from "./resource.ts";
import { toJson } from "./to-json.ts";

export interface AsyncapiOptions {
  readonly fetch: Fetch;
  /** For responses that go on: without limits of length and of the time between two parts. */
  readonly endless: Fetch;
  readonly policy: AddressPolicy & { readonly maxResponseBytes: number };
  readonly authenticator: Pick<ExecutorAuthenticator, "credentialsFor">;
  readonly documents: DocumentLimits;
}

/**
 * Carries out `call: asyncapi` over AMQP, HTTP, Kafka, MQTT, Redis Pub/Sub and WebSocket. A publication gives the message that was published, once
 * the server has it; a subscription the list of the messages it consumed, also when its time was over before it had all of them, or
 * nothing when each of them is worked on by itself.
 * A lost connection or a refusal is communication 500.
 */
export function createAsyncapiExecutor(options: AsyncapiOptions): Executor {
  return async ({ with: given, authentication }, context) => {
    context.signal.throwIfAborted();
    const call = given as AsyncapiArguments;
    let at = "the document";
    try {
      const content = await readResource(call.document, context);
      const { resource } = context;
      const document = readAsyncapiDocument(call.document.endpoint, content, options.documents, resource);
      const target = await withFiles(document, () => targetOf(document, call));
      at = target.url.host;
      const protocol = await protocolOf(target.family, options);
      const { signal, idempotencyKey } = context;
      const logins = loginsOf(target, authentication, options.authenticator, signal);
      return await loggedIn(logins, async (login) => {
        const exchange = { policy: options.policy, idempotencyKey, login, signal };
        if (call.message !== undefined) return published(protocol, target, call.message, exchange);
        return consumed(protocol, target, call.subscription ?? { variables: {} }, exchange, context);
      });
    } catch (error) {
      context.signal.throwIfAborted();
      return { ok: false, error: problemFrom(error, at) };
    }
  };
}

/** A token may have run out, and a digest waits for its challenge: whoever is refused tries once more with what there is then. */
async function loggedIn<Result>(logins: Logins, work: (login: Login) => Promise<Result>): Promise<Result> {
  try {
    return await work(await logins.first());
  } catch (error) {
    const again = error instanceof LoginRefusedError ? await logins.again(error) : undefined;
    if (again === undefined) throw error;
    return work(again);
  }
}

/** Only when it is spoken is a protocol's library loaded. */
async function protocolOf(family: Family, { fetch, endless }: AsyncapiOptions): Promise<Protocol> {
  switch (family) {
    case "amqp":
      return (await import("./asyncapi/amqp.ts")).amqp;
    case "http":
      return httpProtocol(fetch, endless);
    case "kafka":
      return (await import("./asyncapi/kafka.ts")).kafka;
    case "mqtt":
      return (await import("./asyncapi/mqtt.ts")).mqtt;
    case "redis":
      return (await import("./asyncapi/redis.ts")).redis;
    case "ws":
      return (await import("./asyncapi/websocket.ts")).websocket;
  }
}

async function published(
  protocol: Protocol,
  target: Target,
  message: AsyncapiMessage,
  exchange: Exchange,
): Promise<Outcome> {
  await protocol.publish(target, message, exchange);
  return { ok: true, output: toJson(message) };
}

function problemFrom(error: unknown, at: string) {
  if (error instanceof LoginRefusedError) return { ...error.problem, detail: `${at}: ${error.message}` };
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof ExpressionError) return problemOf("expression", error.message);
  if (error instanceof AddressDeniedError) return problemOf("authorization", error.message);
  return problemOf("communication", `${at}: ${error instanceof Error ? error.message || error.name : error}`);
}
