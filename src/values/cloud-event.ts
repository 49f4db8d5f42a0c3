import { CloudEvent, ValidationError } from "cloudevents";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** A CloudEvent 1.0 in its JSON format; extension attributes stand beside the others. */
export interface EventEnvelope extends JsonObject {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
}

/** Names of the data of an event; all other members are attributes. */
const DATA_MEMBERS: readonly string[] = ["data", "data_base64"];
const REQUIRED: readonly string[] = ["specversion", "id", "source", "type"];
const ATTRIBUTE_NAME = /^[a-z0-9]+$/;
/** Types of this service's own history. */
const OWN_TYPE = /^io\.flunq\./;
/** Lifecycle events of the DSL, ours and other runtimes'. */
const LIFECYCLE_TYPE = /^io\.serverlessworkflow\.(workflow|task)\.[a-z-]+\.v\d+$/;

/** What is wrong with a value that should be a CloudEvent. */
export interface EventFault {
  /** The member, where it is one. */
  readonly member?: string;
  readonly message: string;
}

export function isAttributeName(name: string): boolean {
  return ATTRIBUTE_NAME.test(name);
}

export function isOwnEventType(type: string): boolean {
  return OWN_TYPE.test(type);
}

/** True for what listeners never hear: events of histories and lifecycle events. */
export function isUnheardType(type: string): boolean {
  return OWN_TYPE.test(type) || LIFECYCLE_TYPE.test(type);
}

/** Undefined for a valid CloudEvent 1.0. The library makes up what is missing and lets other versions pass; we do not. */
export function eventFault(value: Json | undefined): EventFault | undefined {
  if (!isJsonObject(value)) return { message: "an event is a JSON object" };
  const missing = REQUIRED.find((name) => value[name] === undefined || value[name] === null);
  if (missing !== undefined) return { member: missing, message: `an event needs "${missing}"` };
  if (value.id === "") return { member: "id", message: '"id" must not be empty' };
  if (value.specversion !== "1.0") return { member: "specversion", message: 'only CloudEvents "1.0" are taken' };
  const wrong = Object.entries(value).find(([name, member]) => isWrongAttribute(name, member));
  if (wrong !== undefined) return { member: wrong[0], message: attributeMessage(wrong[0]) };
  const { data, data_base64: binary, ...attributes } = value;
  if (data !== undefined && binary !== undefined) {
    return { member: "data_base64", message: 'an event has "data" or "data_base64", not both' };
  }
  if (binary !== undefined && !isBase64(binary)) return { member: "data_base64", message: "it is not base64" };
  return libraryFault(attributes);
}

/** The event, when it is one. */
export function isEventEnvelope(value: Json | undefined): value is EventEnvelope {
  return eventFault(value) === undefined;
}

function isWrongAttribute(name: string, value: Json): boolean {
  if (DATA_MEMBERS.includes(name)) return false;
  if (!ATTRIBUTE_NAME.test(name)) return true;
  return typeof value === "object" && value !== null;
}

function attributeMessage(name: string): string {
  return ATTRIBUTE_NAME.test(name)
    ? "an attribute is a text, a whole number or a boolean; all else belongs in the data"
    : "names of attributes consist of lower-case letters and digits";
}

function libraryFault(attributes: JsonObject): EventFault | undefined {
  try {
    new CloudEvent(withoutNulls(attributes), true);
    return undefined;
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    const first = error.errors?.[0];
    const [line = error.message] = error.message.split("\n");
    if (typeof first !== "object" || first === null) return { message: line };
    const member = first.instancePath.slice(1);
    return { ...(member === "" ? {} : { member }), message: first.message ?? line };
  }
}

function withoutNulls(attributes: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null));
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function isBase64(value: Json): boolean {
  return typeof value === "string" && BASE64.test(value);
}

/** How a listen task reads an event: its data (default), all of it, or its data as the text it came as (base64 when binary). */
export const READ_AS = ["data", "envelope", "raw"] as const;
export type ReadAs = (typeof READ_AS)[number];

/** @param raw the data as it was received, where that is not what JSON makes of it. */
export function readEvent(event: JsonObject, as: ReadAs, raw?: string): Json {
  if (as === "envelope") return event;
  const binary = event.data_base64;
  if (binary !== undefined) return binary;
  const data = event.data ?? null;
  if (as === "data") return data;
  if (raw !== undefined) return raw;
  if (data === null && event.data === undefined) return "";
  return typeof data === "string" ? data : JSON.stringify(data);
}
