import type { AsyncapiMessage } from "../../dsl/tasks/call-asyncapi.ts";
import { type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { type AsyncapiDocument, firstText, misconfigured, objectAt, objectsIn, segmentsOf } from "./document.ts";

/** A runtime expression of AsyncAPI; what follows is a JSON pointer. */
const LOCATION = /^\$message\.(header|payload)(?:#|$)/;

/** An address as a document has it, and what its parameters may be taken from. */
export interface Parameterized {
  readonly address: string;
  readonly parameters: Json | undefined;
  /** The message to be published; undefined for a subscription, which has none yet. */
  readonly message: AsyncapiMessage | undefined;
  /** Whether the address is the path of a URL. */
  readonly isPath: boolean;
}

/**
 * The address of a channel, parameters filled in: with what stands at their `location` in the message, else with the value that the
 * document gives them.
 * @throws {ProblemError} configuration 400 naming the parameter that has no value, or one that its `enum` does not allow.
 */
export function filledAddress(document: AsyncapiDocument, given: Parameterized): string {
  const parameters = objectsIn(document, given.parameters);
  return given.address.replaceAll(/\{([^{}]+)\}/g, (_, key: string) => {
    const parameter = parameters.find(([name]) => name === key)?.[1] ?? {};
    return parameterText(document, key, parameter, given);
  });
}

function parameterText(
  document: AsyncapiDocument,
  key: string,
  parameter: JsonObject,
  { address, message, isPath }: Parameterized,
): string {
  // 2.x describes the value in a schema, 3.0 beside the location.
  const schema = objectAt(document, parameter.schema) ?? parameter;
  const location = typeof parameter.location === "string" ? parameter.location : undefined;
  const found = location === undefined || message === undefined ? undefined : textAt(location, message, key);
  if (found === undefined) {
    // What the message should have said is not guessed.
    const isGuess = location !== undefined && message !== undefined;
    const usual =
      [schema.default, schema.const].find((each) => typeof each === "string") ??
      (isGuess ? undefined : firstText(schema.enum));
    if (usual !== undefined) return usual;
    throw misconfigured(missing(key, address, message === undefined ? undefined : location));
  }
  const allowed = Array.isArray(schema.enum) ? schema.enum : [found];
  if (allowed.some((each: Json) => textOf(each) === found)) return isPath ? segmentOfPath(found, key, address) : found;
  throw misconfigured(
    `parameter "${key}" of the address "${address}" cannot be ${JSON.stringify(found)}, which the message has at ${location}: it is one of ${allowed.map((each: Json) => textOf(each)).join(", ")}`,
  );
}

function missing(key: string, address: string, location: string | undefined): string {
  const parameter = `parameter "${key}"`;
  if (location === undefined) return `the address "${address}" needs a default for its ${parameter}`;
  return `the address "${address}" needs its ${parameter}: the message has no text, number or boolean at ${location}, and the document no default`;
}

/** What a message has there, if it can stand in an address. */
function textAt(location: string, { payload, headers }: AsyncapiMessage, key: string): string | undefined {
  const source = LOCATION.exec(location)?.[1];
  if (source === undefined) {
    throw misconfigured(
      `parameter "${key}" has the location ${JSON.stringify(location)}, which is neither $message.header# nor $message.payload# with a JSON pointer`,
    );
  }
  const whole: Json = source === "header" ? headers : payload;
  const found = segmentsOf(location).reduce<Json | undefined>(memberOf, whole);
  return textOf(found);
}

function memberOf(value: Json | undefined, segment: string): Json | undefined {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(segment) ? value[Number(segment)] : undefined;
  return ownProperty(value, segment);
}

function textOf(value: Json | undefined): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** What a message says must not lead to another path. */
function segmentOfPath(value: string, key: string, address: string): string {
  if (value === "." || value === "..") {
    throw misconfigured(
      `parameter "${key}" of the address "${address}" cannot be "${value}", which leads to another path`,
    );
  }
  return encodeURIComponent(value);
}
