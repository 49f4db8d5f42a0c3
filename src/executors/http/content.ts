import type { Json } from "../../values/json.ts";
import { isTooDeep } from "../../values/json-depth.ts";
import { ProblemError } from "./problem-error.ts";

const JSON_TYPE = /^(application|text)\/([\w.-]+\+)?json\b/i;
const TEXT_TYPE =
  /^(text\/|application\/([\w.-]+\+)?(xml|yaml|x-yaml|javascript|x-javascript|ecmascript|graphql|sql|x-www-form-urlencoded|x-ndjson|jsonl)\b)/i;

/**
 * The content of a body: empty is null, JSON is parsed when it can be, text is a string, anything else base64. Without a content
 * type it is judged by what it holds.
 * @throws {ProblemError} communication 500 for JSON that is nested too deep to be kept.
 */
export function contentOf(body: Buffer, contentType: string): Json {
  if (body.length === 0) return null;
  if (JSON_TYPE.test(contentType)) return parsedOrText(decodeText(body, contentType));
  if (TEXT_TYPE.test(contentType)) return decodeText(body, contentType);
  if (contentType.trim() !== "") return body.toString("base64");
  const text = utf8Text(body);
  return text === undefined ? body.toString("base64") : parsedOrText(text);
}

function parsedOrText(text: string): Json {
  const value = parsed(text);
  if (value === undefined) return text;
  if (isTooDeep(value)) throw new ProblemError("communication", "the JSON of the response is nested too deep");
  if (MAY_BE_HUGE.test(text) && isBeyondDoubles(value)) {
    throw new ProblemError("communication", "a number in the JSON of the response is larger than any that can be kept");
  }
  return value;
}

/** No other text has a number that is read as infinite, which JSON would write as null. */
const MAY_BE_HUGE = /\d[eE]\+?\d{3}|\d{200}/;

function isBeyondDoubles(value: Json): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  return typeof value === "object" && value !== null && Object.values(value).some(isBeyondDoubles);
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Text in the charset of the content type, UTF-8 when it names none or one that nobody knows. */
export function decodeText(body: Buffer, contentType: string): string {
  const label = /;\s*charset\s*=\s*"?([\w.:-]+)"?/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(label).decode(body);
  } catch {
    return new TextDecoder("utf-8").decode(body);
  }
}

function utf8Text(body: Buffer): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    // Valid UTF-8 with a NUL is not text.
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
