import { dereference } from "@readme/openapi-parser";
import { LRUCache } from "lru-cache";
import { readDocument } from "../../dsl/read-definition.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";
import { type Parameter, parameterOf } from "./parameter.ts";

/** An operation of any version of OpenAPI, in the terms of version 3. */
export interface Operation {
  /** Upper case. */
  readonly method: string;
  /** Template, such as `/pets/{id}`. */
  readonly path: string;
  /** Absolute, or relative to the description. */
  readonly server: string;
  readonly parameters: readonly Parameter[];
  /** Null: it has no body. */
  readonly body: Body | null;
  /** Media types it may answer with. */
  readonly produces: readonly string[];
}

export interface Body {
  readonly required: boolean;
  readonly types: readonly string[];
  /** Swagger 2.0: name of the parameter that is the whole body, or null when parameters are members of a form. */
  readonly name: string | null;
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const FORM = "application/x-www-form-urlencoded";
const DESCRIPTIONS_KEPT = 50;
const descriptions = new LRUCache<string, JsonObject>({ max: DESCRIPTIONS_KEPT });

/** Why a text is no description that can be used; undefined when it is one. */
export function descriptionProblem(content: string): string | undefined {
  try {
    const document = readDocument(content, "an API description");
    if (version(document) === undefined) return 'an API description says `openapi: 3.x` or `swagger: "2.0"`';
    return isJsonObject(document.paths) ? undefined : "the API description has no paths";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @throws {ProblemError} configuration 400 when the description has no such operation, or one that cannot be called. */
export async function operationOf(content: string, operationId: string): Promise<Operation> {
  const document = descriptions.get(content) ?? (await resolved(content));
  descriptions.set(content, document);
  const paths = isJsonObject(document.paths) ? document.paths : {};
  const known: string[] = [];
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS) {
      const found = ownProperty(item, method);
      const id = ownProperty(found, "operationId");
      if (typeof id === "string") known.push(id);
      if (id !== operationId || !isJsonObject(item) || !isJsonObject(found)) continue;
      const of = { document, item, operation: found, method: method.toUpperCase(), path };
      return version(document) === 2 ? swaggerOperation(of) : openApiOperation(of);
    }
  }
  const some = known.slice(0, 20).join(", ");
  throw misconfigured(`the API description has no operation "${operationId}"; it has ${some || "none"}`);
}

export function misconfigured(detail: string): ProblemError {
  return new ProblemError("configuration", `call openapi: ${detail}`);
}

function version(document: JsonObject): 2 | 3 | undefined {
  if (/^2\./.test(String(document.swagger ?? ""))) return 2;
  return /^3\./.test(String(document.openapi ?? "")) ? 3 : undefined;
}

/** References within the description are replaced; those to other documents are not followed. */
async function resolved(content: string): Promise<JsonObject> {
  const document = readDocument(content, "an API description");
  try {
    const whole: unknown = await dereference(structuredClone(document) as never, { resolve: { external: false } });
    return whole as JsonObject;
  } catch (error) {
    throw misconfigured(
      `the API description cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

interface Place {
  readonly document: JsonObject;
  readonly item: JsonObject;
  readonly operation: JsonObject;
  readonly method: string;
  readonly path: string;
}

/** Those of the operation win over those of the path, by name and place. */
function parametersOf({ item, operation }: Place): readonly JsonObject[] {
  const all = [...objectsIn(item.parameters), ...objectsIn(operation.parameters)];
  const external = all.find((each) => typeof each.$ref === "string");
  if (external !== undefined) throw misconfigured(`a parameter is in another document, at ${String(external.$ref)}`);
  return [...new Map(all.map((each) => [`${String(each.in)} ${String(each.name)}`, each])).values()];
}

function openApiOperation(place: Place): Operation {
  const { document, item, operation, method, path } = place;
  const [server = { url: "/" }] = [operation.servers, item.servers, document.servers].flatMap(objectsIn);
  const body = operation.requestBody;
  const types = Object.keys(isJsonObject(ownProperty(body, "content")) ? (ownProperty(body, "content") ?? {}) : {});
  return {
    method,
    path,
    server: serverUrl(server),
    parameters: [
      ...parametersOf(place).map((each) => parameterOf(each, 3)),
      ...keysOf(place, ownProperty(document.components, "securitySchemes")),
    ],
    body: isJsonObject(body)
      ? { required: body.required === true, types: types.length === 0 ? ["application/json"] : types, name: null }
      : null,
    produces: successes(operation).flatMap((response) =>
      Object.keys(isJsonObject(response.content) ? response.content : {}),
    ),
  };
}

function swaggerOperation(place: Place): Operation {
  const { document, operation, method, path } = place;
  const parameters = parametersOf(place);
  const whole = parameters.find((each) => each.in === "body");
  const form = parameters.filter((each) => each.in === "formData");
  const consumes = textsIn(operation.consumes ?? document.consumes);
  const ofForm = consumes.filter((type) => type === FORM || type === "multipart/form-data");
  return {
    method,
    path,
    server: swaggerServer(document, operation),
    parameters: [
      ...parameters.filter((each) => each.in !== "body" && each.in !== "formData").map((each) => parameterOf(each, 2)),
      ...keysOf(place, document.securityDefinitions),
    ],
    body:
      whole !== undefined
        ? {
            required: whole.required === true,
            types: consumes.length === 0 ? ["application/json"] : consumes,
            name: typeof whole.name === "string" ? whole.name : "body",
          }
        : form.length > 0
          ? {
              required: form.some((each) => each.required === true),
              types: ofForm.length === 0 ? [FORM] : ofForm,
              name: null,
            }
          : null,
    produces: textsIn(operation.produces ?? document.produces),
  };
}

function serverUrl(server: JsonObject): string {
  const variables = server.variables;
  return String(server.url ?? "/").replaceAll(/\{([^{}]*)\}/g, (_, name: string) =>
    String(ownProperty(ownProperty(variables, name), "default") ?? ""),
  );
}

/** Without a host it is that of the description; without schemes, its scheme. https is preferred. */
function swaggerServer(document: JsonObject, operation: JsonObject): string {
  const schemes = textsIn(operation.schemes ?? document.schemes);
  const scheme = ["https", "http"].find((each) => schemes.includes(each));
  const base = typeof document.basePath === "string" ? document.basePath : "/";
  if (typeof document.host !== "string") return base;
  return `${scheme === undefined ? "" : `${scheme}:`}//${document.host}${base}`;
}

/** An API key that the operation may ask for is given as a parameter of its name. */
function keysOf({ document, operation }: Place, schemes: Json | undefined): readonly Parameter[] {
  const asked = objectsIn(operation.security ?? document.security).flatMap((each) => Object.keys(each));
  return [...new Set(asked)].flatMap((name) => {
    const scheme = ownProperty(schemes, name);
    if (!isJsonObject(scheme) || scheme.type !== "apiKey") return [];
    return [parameterOf({ name: scheme.name ?? name, in: scheme.in ?? "header" }, 3)];
  });
}

function successes(operation: JsonObject): readonly JsonObject[] {
  const responses = isJsonObject(operation.responses) ? operation.responses : {};
  return Object.entries(responses).flatMap(([status, response]) =>
    /^(2|default)/.test(status) && isJsonObject(response) ? [response] : [],
  );
}

function objectsIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter((each: Json): each is JsonObject => isJsonObject(each)) : [];
}

function textsIn(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each: Json): each is string => typeof each === "string") : [];
}
