import { LRUCache } from "lru-cache";
import { readDocument } from "../../dsl/read-definition.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import {
  type DocumentKind,
  type Located,
  type LocatedObject,
  leadsAway,
  type References,
} from "../documents/references.ts";
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
/** Characters of descriptions kept. */
const KEPT = 16_000_000;
const parsedFiles = new LRUCache<string, JsonObject>({ maxSize: KEPT, sizeCalculation: (_, { length }) => length + 1 });

/** A description, or a file that it refers to. */
export const DESCRIPTION: DocumentKind = { parse, misconfigured };

function parse(content: string): JsonObject {
  const known = parsedFiles.get(content) ?? readDocument(content, "an API description");
  parsedFiles.set(content, known);
  return known;
}

/** Why a text is no description that can be used; undefined when it is one. */
export function descriptionProblem(content: string): string | undefined {
  try {
    const document = parse(content);
    if (version(document) === undefined) return 'an API description says `openapi: 3.x` or `swagger: "2.0"`';
    return isJsonObject(document.paths) ? undefined : "the API description has no paths";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * What of other files the operation needs to be called is fetched; schemas are not.
 * @throws {ProblemError} configuration 400 when the description has no such operation, or one that cannot be called; the error of a file
 *   that cannot be had.
 */
export async function operationOf(description: References, operationId: string): Promise<Operation> {
  const { root } = description;
  const items = await description.entries(await description.member(root, "paths"));
  const known: string[] = [];
  const faults: unknown[] = [];
  // First those for which no file needs to be fetched.
  for (const [path, item] of [...items.filter(isNear), ...items.filter((each) => !isNear(each))]) {
    try {
      const operations = await operationsOf(description, item);
      const found = operations.find(({ operation }) => operation.value.operationId === operationId);
      if (found === undefined) known.push(...operations.flatMap(({ operation }) => idsIn(operation.value)));
      else return await operationAt({ description, item, path, ...found });
    } catch (error) {
      if (!(error instanceof ProblemError) || isNear([path, item])) throw error;
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults[0];
  const some = known.slice(0, 20).join(", ");
  throw misconfigured(`the API description has no operation "${operationId}"; it has ${some || "none"}`);
}

function isNear([, item]: readonly [string, Located]): boolean {
  return !leadsAway(item);
}

async function operationsOf(description: References, item: Located) {
  const found: { readonly method: string; readonly operation: LocatedObject }[] = [];
  for (const method of METHODS) {
    const operation = await description.objectAt(await description.member(item, method));
    if (operation !== undefined) found.push({ method: method.toUpperCase(), operation });
  }
  return found;
}

function idsIn({ operationId }: JsonObject): readonly string[] {
  return typeof operationId === "string" ? [operationId] : [];
}

function operationAt(place: Place): Promise<Operation> {
  return version(place.description.root.value) === 2 ? swaggerOperation(place) : openApiOperation(place);
}

export function misconfigured(detail: string): ProblemError {
  return new ProblemError("configuration", `call openapi: ${detail}`);
}

function version(document: JsonObject): 2 | 3 | undefined {
  if (/^2\./.test(String(document.swagger ?? ""))) return 2;
  return /^3\./.test(String(document.openapi ?? "")) ? 3 : undefined;
}

interface Place {
  readonly description: References;
  /** Of the path. */
  readonly item: Located;
  readonly operation: LocatedObject;
  readonly method: string;
  readonly path: string;
}

/** Those of the operation win over those of the path, by name and place. */
async function parametersOf({ description, item, operation }: Place): Promise<readonly JsonObject[]> {
  const found = new Map<string, JsonObject>();
  for (const holder of [item, operation]) {
    for (const [, { value }] of await description.objects(await description.member(holder, "parameters"))) {
      found.set(`${String(value.in)} ${String(value.name)}`, value);
    }
  }
  return [...found.values()];
}

async function openApiOperation(place: Place): Promise<Operation> {
  const { description, operation, method, path } = place;
  const { root } = description;
  const body = await description.objectAt(await description.member(operation, "requestBody"));
  const types = body === undefined ? [] : await namesIn(description, body, "content");
  const produces: string[] = [];
  for (const [status, response] of await description.entries(await description.member(operation, "responses"))) {
    if (/^(2|default)/.test(status)) produces.push(...(await namesIn(description, response, "content")));
  }
  const schemes = await description.member(await description.member(root, "components"), "securitySchemes");
  return {
    method,
    path,
    server: await serverOf(place),
    parameters: [...(await parametersOf(place)).map((each) => parameterOf(each, 3)), ...(await keysOf(place, schemes))],
    body:
      body === undefined
        ? null
        : {
            required: body.value.required === true,
            types: types.length === 0 ? ["application/json"] : types,
            name: null,
          },
    produces,
  };
}

async function namesIn(description: References, holder: Located, name: string): Promise<readonly string[]> {
  return (await description.entries(await description.member(holder, name))).map(([key]) => key);
}

async function swaggerOperation(place: Place): Promise<Operation> {
  const { description, method, path } = place;
  const { root } = description;
  const document = root.value;
  const operation = place.operation.value;
  const parameters = await parametersOf(place);
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
      ...(await keysOf(place, await description.member(root, "securityDefinitions"))),
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

/** The first server of the operation, the path or the description, innermost first; relative to the file that names it. */
async function serverOf({ description, item, operation }: Place): Promise<string> {
  for (const holder of [operation, item, description.root]) {
    const [first] = await description.objects(await description.member(holder, "servers"));
    if (first === undefined) continue;
    const [, { file, value }] = first;
    const url = serverUrl(value);
    const isElsewhere = file !== description.root.file && URL.canParse(url, file.uri);
    return isElsewhere ? new URL(url, file.uri).href : url;
  }
  return "/";
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
async function keysOf({ description, operation }: Place, schemes: Located): Promise<readonly Parameter[]> {
  const security = operation.value.security ?? description.root.value.security;
  const asked = (Array.isArray(security) ? security : []).flatMap((each: Json) =>
    isJsonObject(each) ? Object.keys(each) : [],
  );
  const keys: Parameter[] = [];
  for (const name of new Set(asked)) {
    const scheme = (await description.objectAt(await description.member(schemes, name)))?.value;
    if (scheme?.type !== "apiKey") continue;
    keys.push(parameterOf({ name: scheme.name ?? name, in: scheme.in ?? "header" }, 3));
  }
  return keys;
}

function textsIn(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each: Json): each is string => typeof each === "string") : [];
}
