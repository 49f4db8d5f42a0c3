import type { IHeaders, KafkaMessage, Message } from "kafkajs";
import type { AsyncapiMessage } from "../../dsl/tasks/call-asyncapi.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { bodyOf, type InboundMessage, inbound } from "./protocol.ts";
import type { Target } from "./target.ts";

/** The DSL's messages have nothing but payload and headers: what else a record of Kafka has stands in headers of these names. */
const KEY = "kafka.key";
const PARTITION = "kafka.partition";
const OFFSET = "kafka.offset";

/** Where a record stands in a topic. */
export interface Place {
  readonly partition: number;
  readonly offset: string;
}

/**
 * The record of a message. Its key is the header `kafka.key`, else the one value that the schema of the binding's `key` allows. A payload
 * of null has no value: a tombstone.
 */
export function recordOf(
  { contentType, messageBindings }: Pick<Target, "contentType" | "messageBindings">,
  message: AsyncapiMessage,
  idempotencyKey: string,
): Message {
  const { [KEY]: given, [PARTITION]: _, [OFFSET]: __, ...headers } = message.headers;
  const key = given ?? textOfSchema(messageBindings.key);
  return {
    ...(key === undefined ? {} : { key }),
    value: message.payload === null ? null : bodyOf(message),
    headers: {
      "idempotency-key": idempotencyKey,
      ...(contentType === undefined ? {} : { "content-type": contentType }),
      ...headers,
    },
  };
}

/** What a record is to expressions. */
export function messageOf(
  { value, headers: given, key, offset }: Pick<KafkaMessage, "value" | "headers" | "key" | "offset">,
  partition: number,
  contentType: string | undefined,
): InboundMessage {
  // One that somebody named so is no key.
  const { [KEY]: _, ...headers } = textsOf(given ?? {});
  const stated = headers["content-type"];
  const type = contentType ?? (typeof stated === "string" ? stated : undefined);
  return inbound(value ?? Buffer.alloc(0), type, {
    ...headers,
    ...(key === null || key === undefined ? {} : { [KEY]: key.toString() }),
    [PARTITION]: partition,
    [OFFSET]: offset,
  });
}

/** Where a message stood that {@link messageOf} gave. */
export function placeOf(message: InboundMessage | undefined): Place | undefined {
  const partition = message?.headers[PARTITION];
  const offset = message?.headers[OFFSET];
  return typeof partition === "number" && typeof offset === "string" ? { partition, offset } : undefined;
}

function textsOf(headers: IHeaders): JsonObject {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]): readonly (readonly [string, Json])[] => {
      if (value === undefined || value === null) return [];
      return [[name, Array.isArray(value) ? value.map(String) : String(value)]];
    }),
  );
}

/** A text, or the only one that a schema allows: bindings of Kafka give schemas where a name is meant. */
export function textOfSchema(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (!isJsonObject(value)) return undefined;
  const { const: only, default: usual, enum: allowed } = value;
  const found = only ?? usual ?? (Array.isArray(allowed) ? allowed[0] : undefined);
  return typeof found === "string" ? found : undefined;
}
