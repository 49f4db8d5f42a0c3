import type { Json } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { avroSchema } from "./avro-schema.ts";
import { objectOf } from "./fields.ts";
import { DRAFT_7_ID, jsonSchema } from "./json-schema.ts";
import { fixedResourceAt } from "./resource.ts";
import type { SchemaLanguage } from "./schema-language.ts";
import type { Scope } from "./scope.ts";
import type { Place } from "./scopes.ts";
import type { Resource, Schema } from "./workflow.ts";

const SUPPORTED = "json, json:2020-12, json:draft-07, avro, avro:1.8 to avro:1.12";
const XML = /^(xml|xsd|relax-?ng|dtd|schematron)(:|$)/i;

/**
 * `schema` of an input, an output or an export: inline, or an external resource, which is compiled once it is at hand. JSON Schema of draft
 * 2020-12, or 7 when it or its format says so; Avro.
 */
export function schemaAt(value: Json | undefined, pointer: string, place: Place, scope: Scope): Schema | null {
  if (value === undefined) return null;
  const { report } = scope;
  const schema = objectOf(value, pointer, { what: "a schema", allowed: ["format", "document", "resource"] }, report);
  const language = languageOf(schema.format === undefined ? "json" : schema.format);
  if (language === undefined) {
    report.unsupported(pointerOf(pointer, "format"), `schema format ${refusalOf(schema.format)}`);
    return null;
  }
  const { document, resource } = schema;
  if ((document === undefined) === (resource === undefined)) {
    report.issue(pointer, 'a schema needs "document" or "resource", and has one of them');
    return null;
  }
  if (document !== undefined) {
    try {
      return language.compile(document);
    } catch (error) {
      report.issue(pointerOf(pointer, "document"), `not a usable ${language.what}: ${messageOf(error)}`);
      return null;
    }
  }
  const kind = language === AVRO ? "avro" : "schema";
  const found = fixedResourceAt(resource ?? null, pointerOf(pointer, "resource"), kind, place, scope);
  if (found === null) return null;
  const content = scope.resources.get(found.uri);
  if (content === undefined) return waitingFor(found);
  try {
    return language.compile(language.read(content));
  } catch (error) {
    const why = messageOf(error);
    return { check: () => `the schema at ${found.uri} cannot be used: ${why}` };
  }
}

/** Why a text is no such schema; undefined when it is one. */
export function schemaProblem(kind: "schema" | "avro", content: string): string | undefined {
  const language = kind === "avro" ? AVRO : JSON_SCHEMA;
  try {
    language.compile(language.read(content));
    return undefined;
  } catch (error) {
    return messageOf(error);
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

const JSON_SCHEMA = jsonSchema(undefined);
const JSON_SCHEMA_7 = jsonSchema(DRAFT_7_ID);
const AVRO = avroSchema;

/** Undefined: not supported. */
function languageOf(format: Json): SchemaLanguage | undefined {
  if (typeof format !== "string") return undefined;
  const [, name, version] = /^(json|avro)(?::(.*))?$/.exec(format) ?? [];
  if (name === "avro") return version === undefined || /^1\.(8|9|1[0-2])(\.\d+)?$/.test(version) ? AVRO : undefined;
  if (name === undefined) return undefined;
  if (version === undefined || /^(draft[-/]?)?2020-12$/.test(version)) return JSON_SCHEMA;
  return /^(draft-?)?0?7$/.test(version) ? JSON_SCHEMA_7 : undefined;
}

function refusalOf(format: Json | undefined): string {
  const isXml = typeof format === "string" && XML.test(format);
  const why = isXml ? ": it describes XML, and the data of a workflow is JSON" : "";
  return `${JSON.stringify(format)}${why}; use ${SUPPORTED}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
