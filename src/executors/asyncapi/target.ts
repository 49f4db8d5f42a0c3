import type { AsyncapiArguments } from "../../dsl/tasks/call-asyncapi.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { type Located, type LocatedObject, leadsAway } from "../documents/references.ts";
import { ProblemError } from "../http/problem-error.ts";
import { type AsyncapiDocument, misconfigured } from "./document.ts";

/** What protocols are spoken here, by the names that servers use. */
const FAMILIES = {
  http: ["http", "https"],
  mqtt: ["mqtt", "mqtts", "secure-mqtt"],
  redis: ["redis", "rediss"],
  ws: ["ws", "wss"],
} as const;
export type Family = keyof typeof FAMILIES;
const SECURE = /^(https|wss|rediss|mqtts|secure-mqtt)$/;

/** Where messages go or come from. */
export interface Target {
  readonly family: Family;
  readonly secure: boolean;
  /** Of the server, with `http:` or `https:` in place of its protocol: URL parses others by other rules. */
  readonly url: URL;
  /** Address of the channel, parameters filled in. */
  readonly address: string;
  /** Content type of its messages, if the document says it. */
  readonly contentType: string | undefined;
  /** Bindings of server, channel and operation for this protocol, the later ones winning. */
  readonly bindings: JsonObject;
}

interface Place {
  readonly channel: LocatedObject;
  readonly address: string;
  /** Undefined: a channel alone was named. */
  readonly operation: LocatedObject | undefined;
}

type Named = readonly (readonly [name: string, object: LocatedObject])[];

/** Finds operation, channel and server in a document. @throws {ProblemError} configuration 400 naming what is missing. */
export async function targetOf(document: AsyncapiDocument, call: AsyncapiArguments): Promise<Target> {
  const place = await (document.major === 3 ? placeIn3(document, call) : placeIn2(document, call));
  const { name, server, family } = await serverOf(document, call, place.channel);
  const protocol = String(server.value.protocol);
  const url = await urlOf(document, name, server, call.server?.variables ?? {});
  const bindings: JsonObject[] = [];
  for (const holder of [server, place.channel, place.operation]) {
    const all = holder && (await document.references.objectAt(await memberOf(document, holder, "bindings")));
    const ours = all && (await document.references.objectAt(await memberOf(document, all, family)));
    if (ours !== undefined) bindings.push(ours.value);
  }
  return {
    family,
    secure: SECURE.test(protocol),
    url,
    address: await filled(document, place.address, place.channel),
    contentType: await contentTypeOf(document, place),
    bindings: Object.assign({}, ...bindings),
  };
}

function memberOf({ references }: AsyncapiDocument, holder: Located, name: string): Promise<Located> {
  return references.member(holder, name);
}

async function objectsIn(document: AsyncapiDocument, holder: Located, name: string): Promise<Named> {
  return document.references.objects(await memberOf(document, holder, name));
}

/** 2.x: channels hold their operations, which are found by `operationId`, or as the only one of a channel. */
async function placeIn2(
  document: AsyncapiDocument,
  { channel: wanted, operation: id, message }: AsyncapiArguments,
): Promise<Place> {
  const { references } = document;
  const channels = await references.entries(await references.member(references.root, "channels"));
  if (wanted !== undefined) {
    const channel = await named(document, channels, "channel", wanted);
    const here = await operationsOf(document, channel);
    const ours = here.find(({ operation }) => operation.value.operationId === id);
    const usual = here.find(({ action }) => action === (message === undefined ? "subscribe" : "publish"));
    return { channel, address: wanted, operation: (ours ?? usual ?? here[0])?.operation };
  }
  const known: string[] = [];
  // First those for which no file needs to be fetched.
  const away = channels.filter(([, channel]) => leadsAway(channel));
  for (const [address, at] of [...channels.filter((each) => !away.includes(each)), ...away]) {
    const channel = await references.objectAt(at);
    if (channel === undefined) continue;
    for (const { operation } of await operationsOf(document, channel)) {
      if (operation.value.operationId === id) return { channel, address, operation };
      known.push(String(operation.value.operationId));
    }
  }
  throw unknown("operation", String(id), known);
}

async function operationsOf(document: AsyncapiDocument, channel: LocatedObject) {
  const found = [];
  for (const action of ["publish", "subscribe"]) {
    const operation = await document.references.objectAt(await memberOf(document, channel, action));
    if (operation !== undefined) found.push({ action, operation });
  }
  return found;
}

/** 3.0: operations have names, and refer to their channels. */
async function placeIn3(
  document: AsyncapiDocument,
  { channel: wanted, operation: name }: AsyncapiArguments,
): Promise<Place> {
  const { references } = document;
  const operations = await references.entries(await references.member(references.root, "operations"));
  const channels = await references.entries(await references.member(references.root, "channels"));
  const operation = name === undefined ? undefined : await named(document, operations, "operation", name);
  const channel = await channelIn3(document, channels, wanted, operation);
  if (channel === undefined) throw misconfigured(`operation "${name}" names no channel`);
  const { address } = channel.value;
  if (typeof address === "string") return { channel, address, operation };
  const objects = await references.objects(await references.member(references.root, "channels"));
  return { channel, address: objects.find(([, { value }]) => value === channel.value)?.[0] ?? "", operation };
}

/** The channel of this name, else of this address; without either, that of the operation. */
async function channelIn3(
  document: AsyncapiDocument,
  channels: readonly (readonly [string, Located])[],
  wanted: string | undefined,
  operation: LocatedObject | undefined,
): Promise<LocatedObject | undefined> {
  const { references } = document;
  if (wanted === undefined) return operation && references.objectAt(await memberOf(document, operation, "channel"));
  if (channels.some(([key]) => key === wanted)) return named(document, channels, "channel", wanted);
  const objects = await objectsIn(document, references.root, "channels");
  const found = objects.find(([, { value }]) => value.address === wanted)?.[1];
  return found ?? named(document, channels, "channel", wanted);
}

async function named(
  { references }: AsyncapiDocument,
  all: readonly (readonly [string, Located])[],
  what: string,
  name: string,
): Promise<LocatedObject> {
  const at = all.find(([each]) => each === name)?.[1];
  const found = at && (await references.objectAt(at));
  if (found === undefined) throw unknown(what, name, namesOf(all));
  return found;
}

function namesOf(named: readonly (readonly [string, Located])[]): readonly string[] {
  return named.map(([name]) => name);
}

function unknown(what: string, name: string, known: readonly string[]): ProblemError {
  return misconfigured(
    `it has no ${what} "${name}", but ${known.length === 0 ? "none" : known.slice(0, 20).join(", ")}`,
  );
}

async function serverOf(document: AsyncapiDocument, call: AsyncapiArguments, channel: LocatedObject) {
  const all = await objectsIn(document, document.references.root, "servers");
  const spoken = all.flatMap(([name, server]) => {
    const family = familyOf(server.value);
    return family === undefined ? [] : [{ name, server, family }];
  });
  if (call.server !== undefined) {
    const wanted = call.server.name;
    const named = all.find(([name]) => name === wanted);
    if (named === undefined) throw unknown("server", wanted, namesOf(all));
    const found = spoken.find(({ name }) => name === wanted);
    if (found === undefined) throw unspoken(named[1].value);
    return found;
  }
  const ofChannel = await serversOf(document, channel, all);
  const candidates = spoken.filter(
    ({ name, family }) => ofChannel.includes(name) && (call.protocol === undefined || call.protocol === family),
  );
  const [first] = candidates;
  if (first !== undefined) return first;
  if (call.protocol !== undefined) throw misconfigured(`it has no server for ${call.protocol}`);
  const [other] = all;
  throw other === undefined ? misconfigured("it has no servers") : unspoken(other[1].value);
}

function familyOf({ protocol }: JsonObject): Family | undefined {
  const name = String(protocol).toLowerCase();
  const families = Object.entries(FAMILIES) as readonly (readonly [Family, readonly string[]])[];
  return families.find(([, names]) => names.includes(name))?.[0];
}

function unspoken({ protocol }: JsonObject): ProblemError {
  const spoken = Object.keys(FAMILIES).join(", ");
  return new ProblemError("configuration", `AsyncAPI over ${String(protocol)} is not supported; ${spoken} are`);
}

/** Names of the servers of a channel: those it lists, by name (2.x) or by reference (3.0), or all. */
async function serversOf(document: AsyncapiDocument, channel: LocatedObject, all: Named): Promise<readonly string[]> {
  const listed = await document.references.entries(await memberOf(document, channel, "servers"));
  if (listed.length === 0) return namesOf(all);
  const names: string[] = [];
  for (const [, item] of listed) {
    if (typeof item.value === "string") names.push(item.value);
    const server = await document.references.objectAt(item);
    if (server !== undefined) names.push(...namesOf(all.filter(([, { value }]) => value === server.value)));
  }
  return names;
}

async function urlOf(
  document: AsyncapiDocument,
  name: string,
  server: LocatedObject,
  given: Readonly<Record<string, string>>,
): Promise<URL> {
  const variables = Object.fromEntries(
    (await objectsIn(document, server, "variables")).flatMap(([key, { value: variable }]) => {
      const value = given[key] ?? (typeof variable.default === "string" ? variable.default : firstOf(variable.enum));
      if (value !== undefined && Array.isArray(variable.enum) && !variable.enum.includes(value)) {
        throw misconfigured(`variable "${key}" of server "${name}" cannot be ${JSON.stringify(value)}`);
      }
      return value === undefined ? [] : [[key, value]];
    }),
  );
  const { host, pathname, url, protocol } = server.value;
  const written = document.major === 3 ? `${text(host)}${text(pathname)}` : text(url);
  const expanded = written.replaceAll(/\{([^{}]+)\}/g, (_, key: string) => {
    const value = variables[key] ?? given[key];
    if (value === undefined) throw misconfigured(`server "${name}" needs a value for its variable "${key}"`);
    return value;
  });
  const scheme = SECURE.test(String(protocol)) ? "https" : "http";
  const address = `${scheme}://${expanded.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "")}`;
  if (!URL.canParse(address)) throw misconfigured(`the address of server "${name}" is not valid`);
  return new URL(address);
}

/** Parameters of a channel's address have the values that the document gives them. */
async function filled(document: AsyncapiDocument, address: string, channel: LocatedObject): Promise<string> {
  const values = new Map<string, string>();
  for (const [name, parameter] of await objectsIn(document, channel, "parameters")) {
    const schema = await document.references.objectAt(await memberOf(document, parameter, "schema"));
    const { default: usual, const: only, enum: some } = (schema ?? parameter).value;
    const value = typeof usual === "string" ? usual : (only ?? firstOf(some));
    if (typeof value === "string") values.set(name, value);
  }
  return address.replaceAll(/\{([^{}]+)\}/g, (_, key: string) => {
    const value = values.get(key);
    if (value !== undefined) return value;
    throw misconfigured(`the address "${address}" needs a default for its parameter "${key}"`);
  });
}

async function contentTypeOf(document: AsyncapiDocument, { channel, operation }: Place): Promise<string | undefined> {
  const { references } = document;
  const [ofOperation] = operation === undefined ? [] : await messagesOf(document, operation);
  const [ofChannel] = await objectsIn(document, channel, "messages");
  const message = (ofOperation && (await references.objectAt(ofOperation))) ?? ofChannel?.[1];
  const type = message?.value.contentType ?? references.root.value.defaultContentType;
  return typeof type === "string" ? type : undefined;
}

/** The messages of an operation: `messages` is a list (3.0), `message` is one (2.x). */
async function messagesOf(document: AsyncapiDocument, operation: LocatedObject): Promise<readonly Located[]> {
  const listed = await memberOf(document, operation, "messages");
  if (!Array.isArray(listed.value)) return [await memberOf(document, operation, "message")];
  return (await document.references.entries(listed)).map(([, message]) => message);
}

function firstOf(value: Json | undefined): string | undefined {
  const [first] = Array.isArray(value) ? value : [];
  return typeof first === "string" ? first : undefined;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
