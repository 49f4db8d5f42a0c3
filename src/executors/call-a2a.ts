import type * as A2a from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import type { A2aArguments } from "../dsl/tasks/call-a2a.ts";
import type { ActivityContext, Executor } from "../ports/executor.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import {
  coreNotification,
  eventOf,
  listRequest,
  messageRequest,
  notificationOf,
  resultOf,
  taskOf,
} from "./a2a/shapes.ts";
import type { ExecutorAuthenticator } from "./auth/authenticator.ts";
import { authorizedFetch } from "./http/authorized-fetch.ts";
import type { Fetch } from "./http/guarded-fetch.ts";
import { ProblemError } from "./http/problem-error.ts";
import { readResource } from "./resource.ts";
import { toJson } from "./to-json.ts";

export interface A2aOptions {
  readonly fetch: Fetch;
  readonly authenticator: Pick<ExecutorAuthenticator, "credentialsFor">;
}

const DETAIL_LENGTH = 2_000;
/** The versions that an agent without a card is asked in. */
const VERSIONS = ["0.3", "1.0"];
const METHOD_NOT_FOUND = /method not found|invalid method|-32601/i;

/**
 * Carries out `call: a2a` over JSON-RPC or HTTP+JSON, as the agent's card says, with agents of A2A 0.3 and 1.0. An agent of which
 * only the server is known is asked by JSON-RPC, in 0.3 and, when it does not know the method, in 1.0. A stream gives the list of its
 * events. What fails is runtime 500.
 */
export function createA2aExecutor({ fetch, authenticator }: A2aOptions): Executor {
  return async ({ with: given, authentication }, context) => {
    context.signal.throwIfAborted();
    const call = given as A2aArguments;
    try {
      const proving =
        authentication === undefined
          ? fetch
          : authorizedFetch(fetch, authenticator.credentialsFor(authentication, context.signal), originOf(call));
      return { ok: true, output: await perform(call, proving, context) };
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof ProblemError) return { ok: false, error: error.problem };
      const detail = `A2A ${call.method} failed: ${messageOf(error)}`.slice(0, DETAIL_LENGTH);
      return { ok: false, error: new ProblemError("runtime", detail).problem };
    }
  };
}

/** Where the agent is told who calls; an agent elsewhere than its card says is told nothing. */
function originOf({ server, agentCard }: A2aArguments): string {
  return new URL(server ?? agentCard?.endpoint ?? "").origin;
}

async function perform(call: A2aArguments, fetch: Fetch, context: ActivityContext): Promise<Json> {
  // Only now: most workers never make such a call.
  const sdk = await import("@a2a-js/sdk");
  if (call.agentCard !== undefined) {
    const card = cardOf(await readResource(call.agentCard, context));
    return ask(await connect(card, call.server, fetch), call, context, sdk);
  }
  for (const protocolVersion of VERSIONS) {
    const card = {
      name: "",
      supportedInterfaces: [{ url: call.server ?? "", protocolBinding: "JSONRPC", protocolVersion }],
    };
    try {
      return await ask(await connect(card, undefined, fetch), call, context, sdk);
    } catch (error) {
      if (protocolVersion === VERSIONS.at(-1) || !METHOD_NOT_FOUND.test(messageOf(error))) throw error;
    }
  }
  throw new Error("no version is left");
}

function cardOf(text: string): JsonObject {
  try {
    const card: Json = JSON.parse(text);
    if (isJsonObject(card)) return card;
  } catch {
    // Reported below.
  }
  throw new ProblemError("configuration", "what the agent card's endpoint gives is no JSON object");
}

/** @param server where to speak to the agent, in place of what its card says. */
async function connect(card: JsonObject, server: string | undefined, fetch: Fetch): Promise<Client> {
  const { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory, RestTransportFactory } = await import(
    "@a2a-js/sdk/client"
  );
  const both = { fetchImpl: fetch, legacyCompat: { enabled: true } };
  const resolver = new DefaultAgentCardResolver(both);
  const known = resolver.normalizeAgentCard(card);
  const factory = new ClientFactory({
    transports: [new JsonRpcTransportFactory(both), new RestTransportFactory(both)],
    cardResolver: resolver,
  });
  const { supportedInterfaces } = known;
  const interfaces =
    server === undefined ? supportedInterfaces : supportedInterfaces.map((each) => ({ ...each, url: server }));
  return factory.createFromAgentCard({ ...known, supportedInterfaces: interfaces });
}

async function ask(client: Client, call: A2aArguments, context: ActivityContext, sdk: typeof A2a): Promise<Json> {
  const { method, parameters } = call;
  const headers = { "user-agent": "durabull", "idempotency-key": context.idempotencyKey, ...context.trace };
  const options = { signal: context.signal, serviceParameters: headers };
  // The key of the logical call, so that an agent knows a repeat for what it is.
  const message = () => sdk.SendMessageRequest.fromJSON(messageRequest(parameters, context.idempotencyKey));
  const { id, pushNotificationConfigId } = parameters;
  switch (method) {
    case "message/send":
      return resultOf(await client.sendMessage(message(), options), sdk);
    case "message/stream":
      return eventsOf(client.sendMessageStream(message(), options), sdk);
    case "tasks/resubscribe":
      return eventsOf(client.resubscribeTask(sdk.SubscribeToTaskRequest.fromJSON(parameters), options), sdk);
    case "tasks/get":
      return taskOf(plain(sdk.Task.toJSON(await client.getTask(sdk.GetTaskRequest.fromJSON(parameters), options))));
    case "tasks/cancel":
      return taskOf(
        plain(sdk.Task.toJSON(await client.cancelTask(sdk.CancelTaskRequest.fromJSON(parameters), options))),
      );
    case "tasks/list": {
      const list = await client.listTasks(sdk.ListTasksRequest.fromJSON(listRequest(parameters)), options);
      const { tasks, ...rest } = list;
      return { ...plain(rest), tasks: tasks.map((task) => taskOf(plain(sdk.Task.toJSON(task)))) };
    }
    case "tasks/pushNotificationConfig/set": {
      const { pushNotificationConfig, taskId } = parameters;
      const config = coreNotification(isJsonObject(pushNotificationConfig) ? pushNotificationConfig : {}, taskId);
      const set = await client.createTaskPushNotificationConfig(
        sdk.TaskPushNotificationConfig.fromJSON(config),
        options,
      );
      return notificationOf(plain(sdk.TaskPushNotificationConfig.toJSON(set)));
    }
    case "tasks/pushNotificationConfig/get": {
      const asked = sdk.GetTaskPushNotificationConfigRequest.fromJSON({ taskId: id, id: pushNotificationConfigId });
      const config = await client.getTaskPushNotificationConfig(asked, options);
      return notificationOf(plain(sdk.TaskPushNotificationConfig.toJSON(config)));
    }
    case "tasks/pushNotificationConfig/list": {
      const asked = sdk.ListTaskPushNotificationConfigsRequest.fromJSON({ taskId: id });
      const { configs } = await client.listTaskPushNotificationConfig(asked, options);
      return configs.map((config) => notificationOf(plain(sdk.TaskPushNotificationConfig.toJSON(config))));
    }
    case "tasks/pushNotificationConfig/delete": {
      const asked = sdk.DeleteTaskPushNotificationConfigRequest.fromJSON({ taskId: id, id: pushNotificationConfigId });
      await client.deleteTaskPushNotificationConfig(asked, options);
      return null;
    }
    case "agent/getAuthenticatedExtendedCard": {
      const asked = sdk.GetExtendedAgentCardRequest.fromJSON({});
      return plain(sdk.AgentCard.toJSON(await client.transport.getExtendedAgentCard(asked, options)));
    }
  }
}

async function eventsOf(stream: AsyncIterable<A2a.StreamResponse>, sdk: typeof A2a): Promise<Json> {
  const events: JsonObject[] = [];
  for await (const event of stream) events.push(eventOf(event, sdk));
  return events;
}

function plain(value: unknown): JsonObject {
  const json = toJson(value);
  return isJsonObject(json) ? json : {};
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
