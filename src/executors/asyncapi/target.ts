import type { AsyncapiArguments } from "../../dsl/tasks/call-asyncapi.ts";
import { type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import type { ProblemError } from "../http/problem-error.ts";
import { filledAddress } from "./address.ts";
import {
  type AsyncapiDocument,
  entriesIn,
  firstText,
  leadsAway,
  misconfigured,
  objectAt,
  objectsIn,
} from "./document.ts";

/** What protocols are spoken here, by the names that servers use. */
const FAMILIES = {
  amqp: ["amqp", "amqps"],
  http: ["http", "https"],
  kafka: ["kafka", "kafka-secure"],
  mqtt: ["mqtt", "mqtts", "secure-mqtt", "mqtt5", "secure-mqtt5"],
  redis: ["redis", "rediss"],
  ws: ["ws", "wss"],
} as const;
const SPOKEN = "amqp (0-9-1), http, kafka, mqtt (3.1.1 and 5), redis (Pub/Sub) and ws";
export type Family = keyof typeof FAMILIES;
const SECURE = /^(amqps|https|kafka-secure|wss|rediss|mqtts|secure-mqtt|secure-mqtt5)$/i;

/** Where messages go or come from. */
export interface Target {
  readonly family: Family;
  readonly secure: boolean;
  /** Of the protocol, as the document has it; "" where it says nothing. */
  readonly version: string;
  /** Of the server, with `http:` or `https:` in place of its protocol: URL parses others by other rules. */
  readonly url: URL;
  /** Of Kafka: the other servers of its cluster that may be asked where the rest is, as `url`. */
  readonly others: readonly URL[];
  /** Address of the channel, parameters filled in. */
  readonly address: string;
  /** Content type of its messages, if the document says it. */
  readonly contentType: string | undefined;
  /** Bindings of server, channel and operation for this protocol, the later ones winning. */
  readonly bindings: JsonObject;
  /** Bindings of its messages for this protocol. */
  readonly messageBindings: JsonObject;
  /** Security schemes of the operation, else of the server: alternatives, of each of which all hold. */
  readonly security: readonly (readonly JsonObject[])[];
}

interface Place {
  readonly channel: JsonObject;
  readonly address: string;
  readonly operation: JsonObject;
}

/** Finds operation, channel and server in a document. @throws {ProblemError} configuration 400 naming what is missing. */
export function targetOf(document: AsyncapiDocument, call: AsyncapiArguments): Target {
  const place = document.major === 3 ? placeIn3(document, call) : placeIn2(document, call);
  const { name, server, family } = serverOf(document, call, place.channel);
  const protocol = String(server.protocol);
  const [url, ...others] = urlsOf(document, { name, server, family }, call.server?.variables ?? {});
  const bindingsOf = (object: JsonObject) => {
    const all = objectAt(document, object.bindings);
    const named = (name: string) => objectAt(document, ownProperty(all, name)) ?? {};
    return family === "mqtt" ? { ...named("mqtt"), ...named("mqtt5") } : named(family);
  };
  const message = messageOf(document, place);
  return {
    family,
    secure: SECURE.test(protocol),
    version: call.protocol === "mqtt5" ? "5" : versionOf(server),
    url,
    others,
    address: filledAddress(document, {
      address: place.address,
      parameters: place.channel.parameters,
      message: call.message,
      isPath: family === "http" || family === "ws",
    }),
    contentType: contentTypeOf(document, message),
    bindings: { ...bindingsOf(server), ...bindingsOf(place.channel), ...bindingsOf(place.operation) },
    messageBindings: bindingsOf(message),
    security: securityOf(document, place.operation.security ?? server.security),
  };
}

/** 2.x names its schemes, several of which may have to hold; 3.0 refers to them. */
function securityOf(document: AsyncapiDocument, given: Json | undefined): Target["security"] {
  if (!Array.isArray(given)) return [];
  const components = objectAt(document, document.root.components) ?? {};
  const known = objectsIn(document, components.securitySchemes);
  return given.flatMap((item: Json) => {
    const object = objectAt(document, item) ?? {};
    if (typeof object.type === "string") return [[object]];
    const schemes = Object.keys(object).map((name) => {
      const scheme = known.find(([each]) => each === name)?.[1];
      if (scheme !== undefined) return scheme;
      throw unknown(
        "security scheme",
        name,
        known.map(([each]) => each),
      );
    });
    // `{}`: none is needed.
    return schemes.length === 0 ? [] : [schemes];
  });
}

/** 2.x: channels hold their operations, which are found by `operationId`, or as the only one of a channel. */
function placeIn2(document: AsyncapiDocument, { channel: wanted, operation: id, message }: AsyncapiArguments): Place {
  const channels = entriesIn(document, document.root.channels);
  const operationsOf = (address: string, at: Json | undefined) => {
    const channel = objectAt(document, at);
    return ["publish", "subscribe"].flatMap((action) => {
      const operation = objectAt(document, channel?.[action]);
      return channel === undefined || operation === undefined ? [] : [{ action, address, channel, operation }];
    });
  };
  if (wanted !== undefined) {
    const channel = namedAt(document, channels, "channel", wanted);
    const here = operationsOf(wanted, channel);
    const named = here.find(({ operation }) => operation.operationId === id);
    if (named === undefined && id !== undefined) throw ofAnother(id, wanted);
    const usual = here.find(({ action }) => action === (message === undefined ? "subscribe" : "publish"));
    return { channel, address: wanted, operation: (named ?? usual ?? here[0])?.operation ?? {} };
  }
  const ids: string[] = [];
  // Those in other files last: most likely they need not be fetched.
  for (const [address, at] of [...channels].sort(
    ([, one], [, other]) => Number(leadsAway(one)) - Number(leadsAway(other)),
  )) {
    const here = operationsOf(address, at);
    const found = here.find(({ operation }) => operation.operationId === id);
    if (found !== undefined) return found;
    ids.push(...here.map(({ operation }) => String(operation.operationId)));
  }
  throw unknown("operation", String(id), ids);
}

/** 3.0: operations have names, and refer to their channels. */
function placeIn3(document: AsyncapiDocument, { channel: wanted, operation: name }: AsyncapiArguments): Place {
  const operations = entriesIn(document, document.root.operations);
  const operation = name === undefined ? {} : namedAt(document, operations, "operation", name);
  const channel = channelIn3(document, wanted) ?? objectAt(document, operation.channel);
  if (wanted !== undefined && name !== undefined && objectAt(document, operation.channel) !== channel) {
    throw ofAnother(name, wanted);
  }
  if (channel === undefined) throw misconfigured(`operation "${name}" names no channel`);
  if (typeof channel.address === "string") return { channel, address: channel.address, operation };
  const key = objectsIn(document, document.root.channels).find(([, each]) => each === channel)?.[0] ?? "";
  return { channel, address: key, operation };
}

function ofAnother(operation: string, channel: string): ProblemError {
  return misconfigured(
    `its operation "${operation}" is none of channel "${channel}": the call names one of them, or both if they fit`,
  );
}

/** The channel of this name, else of this address. */
function channelIn3(document: AsyncapiDocument, wanted: string | undefined): JsonObject | undefined {
  if (wanted === undefined) return undefined;
  const channels = entriesIn(document, document.root.channels);
  const isName = channels.some(([name]) => name === wanted);
  const ofAddress = isName ? [] : objectsIn(document, document.root.channels);
  const found = ofAddress.find(([, { address }]) => address === wanted)?.[1];
  return found ?? namedAt(document, channels, "channel", wanted);
}

function namedAt(
  document: AsyncapiDocument,
  all: readonly (readonly [string, Json])[],
  what: string,
  name: string,
): JsonObject {
  const found = objectAt(document, all.find(([each]) => each === name)?.[1]);
  if (found !== undefined) return found;
  throw unknown(
    what,
    name,
    all.map(([each]) => each),
  );
}

function unknown(what: string, name: string, known: readonly string[]): ProblemError {
  return misconfigured(
    `it has no ${what} "${name}", but ${known.length === 0 ? "none" : known.slice(0, 20).join(", ")}`,
  );
}

function serverOf(document: AsyncapiDocument, call: AsyncapiArguments, channel: JsonObject) {
  const all = objectsIn(document, document.root.servers);
  const spoken = all.flatMap(([name, server]) => {
    const family = familyOf(server);
    return family === undefined ? [] : [{ name, server, family }];
  });
  const ofChannel = serversOf(document, channel, all);
  if (call.server !== undefined) {
    const wanted = call.server.name;
    const named = all.find(([name]) => name === wanted);
    if (named === undefined)
      throw unknown(
        "server",
        wanted,
        all.map(([name]) => name),
      );
    const found = spoken.find(({ name }) => name === wanted);
    if (found === undefined) throw unspoken(named);
    if (ofChannel.includes(wanted)) return found;
    throw misconfigured(`its channel is not on server "${wanted}", but on ${ofChannel.join(", ") || "none"}`);
  }
  const candidates = spoken.filter(
    (each) => ofChannel.includes(each.name) && (call.protocol === undefined || speaks(each, call.protocol)),
  );
  const [first] = candidates;
  if (first !== undefined) return first;
  if (all.length === 0) throw misconfigured("it has no servers");
  const here = all.filter(([name]) => ofChannel.includes(name));
  const [other] = here;
  if (other === undefined) {
    throw misconfigured(`its channel is on none of its servers, which are ${all.map(([name]) => name).join(", ")}`);
  }
  if (call.protocol === undefined) throw unspoken(other);
  const known = here.map(([name, { protocol }]) => `${name} (${String(protocol)})`);
  throw misconfigured(`its channel has no server for ${call.protocol}, but ${known.join(", ")}`);
}

/** `mqtt5` is asked of servers that speak it, or do not say which version they speak. */
function speaks({ server, family }: { readonly server: JsonObject; readonly family: Family }, protocol: string) {
  if (protocol !== "mqtt5") return protocol === family;
  return family === "mqtt" && /^(5|$)/.test(versionOf(server));
}

function versionOf({ protocol, protocolVersion }: JsonObject): string {
  if (/mqtt5$/i.test(String(protocol))) return "5";
  return typeof protocolVersion === "string" || typeof protocolVersion === "number" ? String(protocolVersion) : "";
}

function familyOf(server: JsonObject): Family | undefined {
  const name = String(server.protocol).toLowerCase();
  // AMQP 1.0 shares no more than the name with what is spoken here.
  if (name.startsWith("amqp") && versionOf(server).startsWith("1")) return undefined;
  const families = Object.entries(FAMILIES) as readonly (readonly [Family, readonly string[]])[];
  return families.find(([, names]) => names.includes(name))?.[0];
}

function unspoken([name, server]: readonly [string, JsonObject]): ProblemError {
  const version = versionOf(server);
  const what = `${String(server.protocol)}${version === "" ? "" : ` ${version}`}`;
  return misconfigured(`its server "${name}": AsyncAPI over ${what} is not supported; ${SPOKEN} are`);
}

/** Names of the servers of a channel: those it lists, by name (2.x) or by reference (3.0), or all. */
function serversOf(
  document: AsyncapiDocument,
  channel: JsonObject,
  all: readonly (readonly [string, JsonObject])[],
): readonly string[] {
  if (!Array.isArray(channel.servers) || channel.servers.length === 0) return all.map(([name]) => name);
  return channel.servers.flatMap((item: Json) => {
    if (typeof item === "string") return [item];
    const server = objectAt(document, item);
    return all.filter(([, each]) => each === server).map(([name]) => name);
  });
}

/** More than one of Kafka only, where a list with commas names servers of one cluster. */
function urlsOf(
  document: AsyncapiDocument,
  { name, server, family }: { readonly name: string; readonly server: JsonObject; readonly family: Family },
  given: Readonly<Record<string, string>>,
): readonly [URL, ...URL[]] {
  const variables = Object.fromEntries(
    objectsIn(document, server.variables).flatMap(([key, variable]) => {
      const value = given[key] ?? (typeof variable.default === "string" ? variable.default : firstText(variable.enum));
      if (value !== undefined && Array.isArray(variable.enum) && !variable.enum.includes(value)) {
        throw misconfigured(`variable "${key}" of server "${name}" cannot be ${JSON.stringify(value)}`);
      }
      return value === undefined ? [] : [[key, value]];
    }),
  );
  const written = document.major === 3 ? `${text(server.host)}${text(server.pathname)}` : text(server.url);
  const declared = new Set(objectsIn(document, server.variables).map(([key]) => key));
  const unknown = Object.keys(given).find((key) => !declared.has(key) && !written.includes(`{${key}}`));
  if (unknown !== undefined) throw misconfigured(`server "${name}" has no variable "${unknown}"`);
  const expanded = written.replaceAll(/\{([^{}]+)\}/g, (_, key: string) => {
    const value = variables[key] ?? given[key];
    if (value === undefined) throw misconfigured(`server "${name}" needs a value for its variable "${key}"`);
    return value;
  });
  const urlFrom = (part: string) => {
    const address = `${SECURE.test(String(server.protocol)) ? "https" : "http"}://${part.trim().replace(/^[a-z][a-z0-9+.-]*:\/\//i, "")}`;
    if (!URL.canParse(address)) throw misconfigured(`the address of server "${name}" is not valid`);
    return new URL(address);
  };
  const [first = "", ...others] = family === "kafka" ? expanded.split(",") : [expanded];
  return [urlFrom(first), ...others.map(urlFrom)];
}

/** The first of its operation, else of its channel. */
function messageOf(document: AsyncapiDocument, { channel, operation }: Place): JsonObject {
  const [ofOperation] = Array.isArray(operation.messages) ? operation.messages : [operation.message];
  return objectAt(document, ofOperation) ?? objectsIn(document, channel.messages)[0]?.[1] ?? {};
}

function contentTypeOf(document: AsyncapiDocument, message: JsonObject): string | undefined {
  const type = message.contentType ?? document.root.defaultContentType;
  return typeof type === "string" ? type : undefined;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
