import type * as A2a from "@a2a-js/sdk";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";

/**
 * The methods that the DSL names are those of A2A 0.3, so definitions speak its JSON, whatever version an agent speaks: parameters
 * become those of 1.0, which the SDK takes, and results become those of 0.3. Members written as 1.0 has them are taken too.
 */

const TASK_STATE = "TASK_STATE_";
/** After these nothing follows in a stream until somebody acts. */
const FINAL_STATES = ["completed", "failed", "canceled", "rejected", "input-required", "auth-required"];

/** Parameters of `message/send` and `message/stream`, for `SendMessageRequest.fromJSON`. */
export function messageRequest(parameters: JsonObject, messageId: string): JsonObject {
  const { message, configuration, ...rest } = parameters;
  return {
    ...rest,
    message: coreMessage(isJsonObject(message) ? message : {}, messageId),
    ...(isJsonObject(configuration) ? { configuration: coreConfiguration(configuration) } : {}),
  };
}

function coreMessage({ kind: _, ...given }: JsonObject, messageId: string): JsonObject {
  const parts = Array.isArray(given.parts) ? given.parts : [];
  return { messageId, ...given, role: coreRole(given.role), parts: parts.map(corePart) };
}

function coreRole(role: Json | undefined): Json {
  if (role === undefined || role === "user") return "ROLE_USER";
  return role === "agent" ? "ROLE_AGENT" : role;
}

function corePart(given: Json): Json {
  if (!isJsonObject(given)) return typeof given === "string" ? { text: given } : given;
  const { kind: _, file, ...part } = given;
  if (!isJsonObject(file)) return part;
  const { bytes, uri, mimeType, name } = file;
  return { ...part, ...present({ raw: bytes, url: uri, mediaType: mimeType, filename: name }) };
}

function coreConfiguration({ blocking, pushNotificationConfig, ...given }: JsonObject): JsonObject {
  return {
    ...given,
    ...(blocking === undefined ? {} : { returnImmediately: blocking === false }),
    ...(isJsonObject(pushNotificationConfig)
      ? { taskPushNotificationConfig: coreNotification(pushNotificationConfig) }
      : {}),
  };
}

/** Where an agent is to tell of changes, for `TaskPushNotificationConfig.fromJSON`. */
export function coreNotification(given: JsonObject, taskId?: Json): JsonObject {
  const { authentication, ...rest } = given;
  const { schemes, ...other } = isJsonObject(authentication) ? authentication : {};
  const scheme = Array.isArray(schemes) ? schemes[0] : undefined;
  return {
    ...rest,
    ...present({ taskId }),
    ...(isJsonObject(authentication) ? { authentication: { ...present({ scheme }), ...other } } : {}),
  };
}

/** Parameters of `tasks/list`, for `ListTasksRequest.fromJSON`. */
export function listRequest({ status, lastUpdatedAfter, ...given }: JsonObject): JsonObject {
  return {
    ...given,
    ...(typeof status === "string" ? { status: coreState(status) } : {}),
    ...(typeof lastUpdatedAfter === "number"
      ? { statusTimestampAfter: new Date(lastUpdatedAfter).toISOString() }
      : present({ statusTimestampAfter: lastUpdatedAfter })),
  };
}

function coreState(state: string): string {
  return state.startsWith(TASK_STATE) ? state : TASK_STATE + state.toUpperCase().replaceAll("-", "_");
}

/** A result of `message/send`. */
export function resultOf(result: A2a.Message | A2a.Task, { Message, Task }: typeof A2a): JsonObject {
  return "messageId" in result
    ? compatMessage(Message.toJSON(result) as JsonObject)
    : taskOf(Task.toJSON(result) as JsonObject);
}

/** An event of a stream. */
export function eventOf(event: A2a.StreamResponse, { StreamResponse }: typeof A2a): JsonObject {
  const { message, task, statusUpdate, artifactUpdate } = StreamResponse.toJSON(event) as JsonObject;
  if (isJsonObject(message)) return compatMessage(message);
  if (isJsonObject(task)) return taskOf(task);
  if (isJsonObject(statusUpdate)) {
    const status = compatStatus(statusUpdate.status);
    return { kind: "status-update", ...statusUpdate, status, final: FINAL_STATES.includes(String(status.state)) };
  }
  const update = isJsonObject(artifactUpdate) ? artifactUpdate : {};
  return { kind: "artifact-update", ...update, artifact: compatArtifact(update.artifact ?? {}) };
}

/** A task, from its JSON of 1.0. */
export function taskOf(task: JsonObject): JsonObject {
  return {
    kind: "task",
    ...task,
    status: compatStatus(task.status),
    ...listed("artifacts", task.artifacts, compatArtifact),
    ...listed("history", task.history, (message) => compatMessage(isJsonObject(message) ? message : {})),
  };
}

/** A configuration of notifications, from its JSON of 1.0. */
export function notificationOf({ taskId, tenant: _, ...config }: JsonObject): JsonObject {
  const { scheme, ...rest } = isJsonObject(config.authentication) ? config.authentication : {};
  return {
    taskId: taskId ?? "",
    pushNotificationConfig: {
      ...config,
      ...(scheme === undefined ? {} : { authentication: { schemes: [scheme], ...rest } }),
    },
  };
}

function compatStatus(given: Json | undefined): JsonObject {
  const status = isJsonObject(given) ? given : {};
  return {
    ...status,
    state: compatState(status.state),
    ...(isJsonObject(status.message) ? { message: compatMessage(status.message) } : {}),
  };
}

function compatState(state: Json | undefined): string {
  const name = String(state ?? "").replace(TASK_STATE, "");
  return name === "" || name === "UNSPECIFIED" ? "unknown" : name.toLowerCase().replaceAll("_", "-");
}

function compatMessage(message: JsonObject): JsonObject {
  return {
    kind: "message",
    ...message,
    role: message.role === "ROLE_AGENT" ? "agent" : "user",
    parts: Array.isArray(message.parts) ? message.parts.map(compatPart) : [],
  };
}

function compatArtifact(artifact: Json): Json {
  if (!isJsonObject(artifact)) return artifact;
  return { ...artifact, parts: Array.isArray(artifact.parts) ? artifact.parts.map(compatPart) : [] };
}

function compatPart(given: Json): Json {
  if (!isJsonObject(given)) return given;
  const { raw, url, mediaType, filename, ...part } = given;
  if (part.text !== undefined) return { kind: "text", ...part };
  if (raw === undefined && url === undefined) return { kind: "data", ...part };
  return { kind: "file", ...part, file: present({ bytes: raw, uri: url, mimeType: mediaType, name: filename }) };
}

function listed(name: string, value: Json | undefined, each: (item: Json) => Json): JsonObject {
  return Array.isArray(value) && value.length > 0 ? { [name]: value.map(each) } : {};
}

/** Without the members that are not given. */
function present(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  const given = Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return Object.fromEntries(given);
}
