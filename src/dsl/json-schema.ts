import { Ajv, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { LRUCache } from "lru-cache";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { kindOf, objectOf } from "./fields.ts";
import { readDocument } from "./read-definition.ts";
import type { Report } from "./report.ts";
import { fixedResourceAt } from "./resource.ts";
import type { Scope } from "./scope.ts";
import type { Place } from "./scopes.ts";
import type { Resource, Schema } from "./workflow.ts";

/**
 * Longest regular expression of a schema. A short one can still take exponential time on a hostile value: as with an expression
 * that never ends, the author of a definition is trusted not to write one.
 */
const MAX_PATTERN_LENGTH = 1_000;
const OPTIONS: Options = { strict: false, allErrors: false, code: { regExp: boundedRegExp } };
const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const DRAFT_2020_12 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

/**
 * `schema` of an input, an output or an export: JSON Schema of draft 2020-12, or 7 when it or its format says so; inline, or an
 * external resource (of JSON or YAML), which is compiled once it is at hand.
 */
export function schemaAt(value: Json | undefined, pointer: string, place: Place, scope: Scope): Schema | null {
  if (value === undefined) return null;
  const { report } = scope;
  const schema = objectOf(value, pointer, { what: "a schema", allowed: ["format", "document", "resource"] }, report);
  const draft = draftOf(schema.format === undefined ? "json" : schema.format);
  if (draft === null) {
    report.unsupported(pointerOf(pointer, "format"), `schema format ${JSON.stringify(schema.format)}`);
    return null;
  }
  const { document, resource } = schema;
  if ((document === undefined) === (resource === undefined)) {
    report.issue(pointer, 'a schema needs "document" or "resource", and has one of them');
    return null;
  }
  if (document !== undefined) return compileAt(document, pointerOf(pointer, "document"), draft, report);
  const found = fixedResourceAt(resource ?? null, pointerOf(pointer, "resource"), "schema", place, scope);
  if (found === null) return null;
  const content = scope.resources.get(found.uri);
  if (content === undefined) return waitingFor(found);
  try {
    return schemaOf(readDocument(content, "a schema"), draft);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { check: () => `the schema at ${found.uri} cannot be used: ${why}` };
  }
}

function waitingFor(resource: Resource): Schema {
  return {
    check() {
      throw new Error(`the schema at ${resource.uri} is not at hand`);
    },
    missing: resource,
  };
}

/** Why a text is no JSON Schema (as JSON or YAML); undefined when it is one. */
export function schemaProblem(content: string): string | undefined {
  try {
    compileSchema(readDocument(content, "a schema"), undefined);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The `$schema` that a format stands for; undefined: the newest; null: not supported. */
function draftOf(format: Json): string | undefined | null {
  if (typeof format !== "string") return null;
  const match = /^json(?::(.*))?$/.exec(format);
  if (match === null) return null;
  const [, version] = match;
  if (version === undefined || /^(draft[-/]?)?2020-12$/.test(version)) return undefined;
  return /^(draft-?)?0?7$/.test(version) ? "http://json-schema.org/draft-07/schema#" : null;
}

function compileAt(document: Json, pointer: string, draft: string | undefined, report: Report): Schema | null {
  if (!isJsonObject(document) && typeof document !== "boolean") {
    report.issue(pointer, `a JSON Schema is an object (or true, false), not ${kindOf(document)}`);
    return null;
  }
  try {
    return schemaOf(document, draft);
  } catch (error) {
    report.issue(pointer, `not a usable JSON Schema: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** Compiling takes milliseconds, and a definition is compiled by every process that runs it, some of them at every start. */
const compiled = new LRUCache<string, Schema>({ max: 1_000 });

/** @throws {Error} that says why the schema cannot be used. */
function schemaOf(document: boolean | JsonObject, draft: string | undefined): Schema {
  const key = `${draft ?? ""} ${JSON.stringify(document)}`;
  const schema = compiled.get(key) ?? compileSchema(document, draft);
  compiled.set(key, schema);
  return schema;
}

function compileSchema(document: boolean | JsonObject, otherwise: string | undefined): Schema {
  const draft = isJsonObject(document) ? (document.$schema ?? otherwise) : otherwise;
  // A compiler of its own for each schema: their `$id`s never meet.
  const ajv = compilerFor(draft);
  formats.default(ajv);
  if (isJsonObject(document) && document.$async !== undefined)
    throw new Error('"$async" is not a keyword of JSON Schema');
  const validate = ajv.compile(document);
  return {
    check(value) {
      return validate(value) === true ? undefined : (validate.errors ?? []).map(messageOf).join("; ");
    },
  };
}

function compilerFor(draft: Json | undefined): Ajv {
  if (draft === undefined || (typeof draft === "string" && DRAFT_2020_12.test(draft))) return new Ajv2020(OPTIONS);
  if (typeof draft === "string" && DRAFT_7.test(draft)) return new Ajv(OPTIONS);
  throw new Error(`$schema ${JSON.stringify(draft)} is not known: use draft 2020-12 or draft 7`);
}

function messageOf({ instancePath, keyword, message = "is not valid", params }: ErrorObject): string {
  const detail =
    keyword === "enum"
      ? `: ${JSON.stringify(params.allowedValues)}`
      : keyword === "additionalProperties"
        ? `: ${JSON.stringify(params.additionalProperty)}`
        : keyword === "const"
          ? `: ${JSON.stringify(params.allowedValue)}`
          : "";
  return `${instancePath || "the value"} ${message}${detail}`;
}

function boundedRegExp(pattern: string, flags: string): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new Error(`a pattern has at most ${MAX_PATTERN_LENGTH} characters, not ${pattern.length}`);
  }
  return new RegExp(pattern, flags);
}
/** Ajv writes this into standalone code, which we do not make. */
boundedRegExp.code = "new RegExp";
