import { validateHeaderName, validateHeaderValue } from "node:http";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { ProblemError } from "./problem-error.ts";

export type OutputForm = "content" | "response" | "raw";

/** A checked HTTP request; header names are lower case. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface HttpCall {
  readonly request: HttpRequest;
  readonly output: OutputForm;
  readonly redirect: boolean;
}

/** Headers that the client sets itself: an author's value would contradict the message, or reach another server than the one checked. */
const OWN_HEADERS = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const MEMBERS = ["method", "endpoint", "headers", "query", "body", "output", "redirect"];

/**
 * Reads the evaluated `with` of `call: http`.
 * @param defaults sent unless the author says otherwise, names in lower case.
 * @throws {ProblemError} configuration 400, without any value in its detail that may be a secret.
 */
export function httpCallOf(input: Json, defaults: Readonly<Record<string, string>>): HttpCall {
  if (!isJsonObject(input)) throw misconfigured("`with` must be an object");
  const unknown = Object.keys(input).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined) throw misconfigured(`\`with\` has no member ${JSON.stringify(unknown)}`);
  const { url, authorization } = endpointOf(ownProperty(input, "endpoint"));
  const given = headersOf(ownProperty(input, "headers"));
  const body = bodyOf(ownProperty(input, "body"), given["content-type"]);
  addQuery(url, ownProperty(input, "query"));
  return {
    request: {
      method: methodOf(ownProperty(input, "method")),
      url,
      headers: {
        ...defaults,
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === null ? {} : { "content-type": body.type }),
        ...given,
      },
      body: body === null ? null : body.text,
    },
    output: outputOf(ownProperty(input, "output")),
    redirect: redirectOf(ownProperty(input, "redirect")),
  };
}

function misconfigured(detail: string): ProblemError {
  return new ProblemError("configuration", `call http: ${detail}`);
}

function methodOf(given: Json | undefined): string {
  if (typeof given !== "string" || !/^[A-Za-z][A-Za-z-]{0,31}$/.test(given))
    throw misconfigured("`method` must be an HTTP method");
  const method = given.toUpperCase();
  if (method === "CONNECT" || method === "TRACE") throw misconfigured(`method ${method} is not allowed`);
  return method;
}

function outputOf(given: Json | undefined): OutputForm {
  if (given === undefined || given === null) return "content";
  if (given === "content" || given === "response" || given === "raw") return given;
  throw misconfigured("`output` must be content, response or raw");
}

function redirectOf(given: Json | undefined): boolean {
  if (given === undefined || given === null) return false;
  if (typeof given !== "boolean") throw misconfigured("`redirect` must be true or false");
  return given;
}

interface Endpoint {
  readonly url: URL;
  readonly authorization: string | undefined;
}

function endpointOf(given: Json | undefined): Endpoint {
  const uri = isJsonObject(given) ? ownProperty(given, "uri") : given;
  if (typeof uri !== "string") throw misconfigured("`endpoint` must be a URL");
  const url = httpUrl(uri);
  const inUrl =
    url.username === "" && url.password === "" ? undefined : basic(unescaped(url.username), unescaped(url.password));
  url.username = "";
  url.password = "";
  return { url, authorization: inUrl };
}

/** @throws {ProblemError} configuration 400 unless `text` is an http or https URL. */
function httpUrl(text: string): URL {
  if (!URL.canParse(text)) throw misconfigured("`endpoint` is not a valid absolute URL");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw misconfigured(`\`endpoint\` must be an http or https URL, not ${url.protocol.slice(0, 20)}`);
  }
  url.hash = "";
  return url;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function headersOf(given: Json | undefined): Record<string, string> {
  if (given === undefined || given === null) return {};
  if (!isJsonObject(given)) throw misconfigured("`headers` must be an object");
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(given)) {
    if (value === null) continue;
    const key = name.toLowerCase();
    if (OWN_HEADERS.has(key)) throw misconfigured(`header ${JSON.stringify(name)} cannot be set: the client does it`);
    headers[key] = headerValue(name, value);
  }
  return headers;
}

function headerValue(name: string, value: Json): string {
  const text = scalarText(value);
  if (text === undefined) throw misconfigured(`header ${JSON.stringify(name)} must be a string, a number or a boolean`);
  try {
    validateHeaderName(name);
    validateHeaderValue(name, text);
  } catch {
    throw misconfigured(`header ${JSON.stringify(name)} has a name or a value that HTTP does not allow`);
  }
  return text;
}

/** A member of `query` replaces those of the same name in the URL; an array gives one parameter an item, null none. */
function addQuery(url: URL, given: Json | undefined): void {
  if (given === undefined || given === null) return;
  if (!isJsonObject(given)) throw misconfigured("`query` must be an object");
  for (const [name, value] of Object.entries(given)) {
    url.searchParams.delete(name);
    const items: readonly Json[] = Array.isArray(value) ? value : [value];
    for (const item of items) {
      if (item === null) continue;
      const text = scalarText(item);
      if (text === undefined)
        throw misconfigured(`query parameter ${JSON.stringify(name)} must be a scalar or an array of scalars`);
      url.searchParams.append(name, text);
    }
  }
}

/** A string goes as it is; anything else as JSON, or as a form when the author's content type asks for that. */
function bodyOf(
  given: Json | undefined,
  contentType: string | undefined,
): { readonly text: string; readonly type: string } | null {
  if (given === undefined || given === null) return null;
  if (typeof given === "string") return { text: given, type: "text/plain;charset=UTF-8" };
  if (isJsonObject(given) && /^application\/x-www-form-urlencoded\b/i.test(contentType ?? "")) {
    return { text: formOf(given), type: "application/x-www-form-urlencoded" };
  }
  return { text: JSON.stringify(given), type: "application/json" };
}

function formOf(members: JsonObject): string {
  const form = new URL("http://form.invalid");
  addQuery(form, members);
  return form.search.slice(1);
}

function scalarText(value: Json): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
