import type { IncomingHttpHeaders } from "node:http";
import { type CloudEventV1, HTTP } from "cloudevents";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { invalidRequest, RequestRefusedError } from "../request-errors.ts";
import { jsonOf, textOf } from "./bodies.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Of an event in binary mode: its data as they came, where that is text. */
    rawEventData: string | undefined;
  }
}

export const EVENT_TYPES = ["application/cloudevents+json", "application/cloudevents-batch+json", "application/json"];

const JSON_TYPE = /^application\/(?:json|[^;\s]+\+json)\b/i;
const SINGLE_TYPE = /^application\/cloudevents\+json\b/i;
const TEXT_TYPE = /^(?:text\/|application\/(?:xml|[^;\s]+\+xml|yaml|x-yaml|javascript)\b)/i;
const ATTRIBUTE = /^ce-/;

/**
 * Takes CloudEvents in each content mode of their HTTP binding: structured and batched by the media type (also as plain JSON), binary by
 * `ce-` headers, whatever type the data have.
 */
export function takeEventBodies(app: FastifyInstance): void {
  app.decorateRequest("rawEventData", undefined);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, async (_request: unknown, body: Buffer) => body);
  app.addHook("preValidation", async (request) => {
    const given = request.body;
    const body = Buffer.isBuffer(given) ? given : Buffer.alloc(0);
    request.body = isBinary(request.headers) ? binaryEvent(request, body) : structured(body, request.headers);
  });
}

function isBinary(headers: IncomingHttpHeaders): boolean {
  if (/^application\/cloudevents/i.test(headers["content-type"] ?? "")) return false;
  return Object.keys(headers).some((name) => ATTRIBUTE.test(name));
}

function structured(body: Buffer, headers: IncomingHttpHeaders): unknown {
  const type = headers["content-type"] ?? "";
  if (body.length === 0) return undefined;
  if (!JSON_TYPE.test(type)) {
    throw new RequestRefusedError(
      "DURABULL_INVALID_REQUEST",
      `send events as ${EVENT_TYPES.join(", ")}, or the data alone with the attributes in ce- headers`,
    );
  }
  const given = jsonOf(textOf(body));
  if (Array.isArray(given) && SINGLE_TYPE.test(type)) {
    throw invalidRequest(
      "",
      "application/cloudevents+json is one event; send a list as application/cloudevents-batch+json",
    );
  }
  return given;
}

function binaryEvent(request: FastifyRequest, body: Buffer): JsonObject {
  const type = request.headers["content-type"];
  const attributes = attributesOf(request.headers);
  if (type !== undefined) attributes.datacontenttype = type;
  if (body.length === 0) return attributes;
  if (type === undefined || JSON_TYPE.test(type)) {
    const text = textOf(body);
    request.rawEventData = text;
    return { ...attributes, data: jsonOf(text) };
  }
  if (!TEXT_TYPE.test(type)) return { ...attributes, data_base64: body.toString("base64") };
  return { ...attributes, data: textOf(body) };
}

/** The library reads the headers; values are percent-encoded as the binding says. */
function attributesOf(headers: IncomingHttpHeaders): Record<string, Json> {
  const given = Object.entries(headers).filter(
    (entry): entry is [string, string] => ATTRIBUTE.test(entry[0]) && typeof entry[1] === "string",
  );
  if (given.every(([name]) => name !== "ce-id")) throw invalidRequest("/headers/ce-id", 'an event needs "id"');
  const decoded = given.map(([name, value]) => [name, decodedText(value)] as const);
  const event = HTTP.toEvent({ headers: Object.fromEntries(decoded), body: "" }) as CloudEventV1<unknown>;
  const known: unknown = JSON.parse(JSON.stringify(event));
  const names = new Set(decoded.map(([name]) => name.slice("ce-".length)));
  return Object.fromEntries(
    Object.entries(isJsonObject(known) ? known : {})
      .map(([name, value]) => [name, name === "time" ? timeOf(decoded) : value] as const)
      .filter(([name]) => names.has(name)),
  );
}

/** As it was sent: the library would round it. */
function timeOf(headers: readonly (readonly [string, string])[]): string {
  return headers.find(([name]) => name === "ce-time")?.[1] ?? "";
}

function decodedText(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
