import { validateHeaderValue } from "node:http";
import type { OpenApiArguments } from "../../dsl/tasks/call-openapi.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";
import type { HttpCall } from "../http/request.ts";
import { type Body, misconfigured, type Operation } from "./description.ts";
import { headerText, type Parameter, pathText, queryPairs, textOf } from "./parameter.ts";

const FORM = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data";
const JSON_TYPE = /^application\/([\w.-]+\+)?json\b/i;

/**
 * The request that calls an operation. A parameter that the operation does not declare belongs to its body: `body` is the whole of it,
 * others are its members.
 * @throws {ProblemError} validation 400 for parameters that do not fit, configuration 400 for a description that leads nowhere.
 */
export async function openApiCall(
  operation: Operation,
  { document, parameters, output, redirect }: OpenApiArguments,
  defaults: Readonly<Record<string, string>>,
): Promise<HttpCall> {
  const given = (parameter: Parameter) => givenTo(parameter, parameters);
  const at = (place: Parameter["in"]) =>
    operation.parameters.flatMap((parameter) => {
      const value = given(parameter);
      return parameter.in !== place || value === undefined ? [] : [{ parameter, value }];
    });
  const url = urlOf(
    operation,
    document,
    new Map(at("path").map(({ parameter, value }) => [parameter.name, pathText(parameter, value)])),
  );
  const query = at("query").flatMap(({ parameter, value }) => queryPairs(parameter, value));
  const search = query.map((pair) => pair.join("=")).join("&");
  url.search = [url.search.slice(1), search].filter((part) => part !== "").join("&");
  const cookies = at("cookie").flatMap(({ parameter, value }) => queryPairs(parameter, value));
  const headers = Object.fromEntries(
    at("header").map(({ parameter, value }) => [
      parameter.name.toLowerCase(),
      checked(parameter, headerText(parameter, value)),
    ]),
  );
  const body = await bodyOf(operation, parameters);
  const accept = operation.produces.find((type) => JSON_TYPE.test(type));
  return {
    request: {
      method: operation.method,
      url,
      headers: {
        ...defaults,
        ...(accept === undefined ? {} : { accept: `${accept}, */*;q=0.5` }),
        ...(body === null ? {} : { "content-type": body.type }),
        ...(cookies.length === 0 ? {} : { cookie: cookies.map((pair) => pair.join("=")).join("; ") }),
        ...headers,
      },
      body: body === null ? null : body.text,
    },
    output,
    redirect,
  };
}

function invalid(detail: string): ProblemError {
  return new ProblemError("validation", `call openapi: ${detail}`);
}

/** Null stands for a parameter that is left out. */
function givenTo({ name, required }: Parameter, parameters: JsonObject): Json | undefined {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (value !== undefined && value !== null) return value;
  if (required) throw invalid(`parameter ${JSON.stringify(name)} is missing`);
  return undefined;
}

function checked({ name }: Parameter, text: string): string {
  try {
    validateHeaderValue(name, text);
    return text;
  } catch {
    throw invalid(`parameter ${JSON.stringify(name)} has a value that no header can have`);
  }
}

function urlOf(operation: Operation, document: string, values: ReadonlyMap<string, string>): URL {
  const path = operation.path.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    const value = values.get(name) ?? "";
    // A URL takes them for steps to other places.
    if (/^(?:\.|%2e){1,2}$/i.test(value)) throw invalid(`parameter ${JSON.stringify(name)} cannot be "${value}"`);
    return value;
  });
  const base = /^https?:/i.test(document) ? document : undefined;
  if (!URL.canParse(operation.server, base)) {
    throw misconfigured(`the API description names no server that can be called: ${JSON.stringify(operation.server)}`);
  }
  const server = new URL(operation.server, base);
  if (server.protocol !== "http:" && server.protocol !== "https:") {
    throw misconfigured(`the server of the API description must be at an http or https URL, not ${server.protocol}`);
  }
  const url = new URL(server.origin);
  url.pathname = server.pathname.replace(/\/$/, "") + path;
  url.search = server.search;
  return url;
}

interface Sent {
  readonly text: string;
  readonly type: string;
}

async function bodyOf({ parameters: declared, body }: Operation, parameters: JsonObject): Promise<Sent | null> {
  const names = new Set(declared.map(({ name }) => name));
  const others = Object.entries(parameters).filter(([name]) => !names.has(name));
  if (body === null) {
    const [unknown] = others;
    if (unknown === undefined) return null;
    throw invalid(`the operation has no parameter ${JSON.stringify(unknown[0])}, and no body`);
  }
  const value = contentOf(body, others);
  if (value !== undefined && value !== null) return encoded(body.types, value);
  if (body.required) throw invalid("the body is missing");
  return null;
}

function contentOf({ name }: Body, others: readonly (readonly [string, Json])[]): Json | undefined {
  const whole = others.find(([key]) => key === (name ?? "body"));
  if (whole !== undefined && others.length === 1) return whole[1];
  return others.length === 0 ? undefined : Object.fromEntries(others);
}

async function encoded(types: readonly string[], value: Json): Promise<Sent> {
  const json = types.find((type) => JSON_TYPE.test(type)) ?? (types.includes("*/*") ? "application/json" : undefined);
  if (json !== undefined) return { text: JSON.stringify(value), type: json };
  if (isJsonObject(value) && types.includes(FORM)) {
    const form = {
      name: "",
      in: "query",
      required: false,
      style: "form",
      explode: true,
      allowReserved: false,
    } as const;
    const pairs = Object.entries(value).flatMap(([name, each]) =>
      each === null ? [] : queryPairs({ ...form, name, isJson: isJsonObject(each) }, each),
    );
    return { text: pairs.map((pair) => pair.join("=")).join("&"), type: FORM };
  }
  if (isJsonObject(value) && types.includes(MULTIPART)) {
    const form = new FormData();
    for (const [name, each] of Object.entries(value)) {
      for (const item of Array.isArray(each) ? each : [each]) if (item !== null) form.append(name, textOf(item));
    }
    const response = new Response(form);
    return { type: response.headers.get("content-type") ?? MULTIPART, text: await response.text() };
  }
  return { text: textOf(value), type: types[0] ?? "text/plain" };
}
