import { Ajv, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { LRUCache } from "lru-cache";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { kindOf } from "./fields.ts";
import { readDocument } from "./read-definition.ts";
import type { SchemaLanguage } from "./schema-language.ts";
import type { Schema } from "./workflow.ts";

/**
 * Longest regular expression of a schema. A short one can still take exponential time on a hostile value: as with an expression
 * that never ends, the author of a definition is trusted not to write one.
 */
const MAX_PATTERN_LENGTH = 1_000;
const OPTIONS: Options = { strict: false, allErrors: false, code: { regExp: boundedRegExp } };
const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const DRAFT_2020_12 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

/**
 * JSON Schema, of the draft that it names itself.
 * @param draft the `$schema` of one that names none; undefined: draft 2020-12.
 */
export function jsonSchema(draft: string | undefined): SchemaLanguage {
  return {
    what: "JSON Schema",
    compile(document) {
      if (isJsonObject(document) || typeof document === "boolean") return schemaOf(document, draft);
      throw new Error(`a JSON Schema is an object (or true, false), not ${kindOf(document)}`);
    },
    read: (content) => readDocument(content, "a schema"),
  };
}

/** Draft 7, for schemas that say no `$schema`. */
export const DRAFT_7_ID = "http://json-schema.org/draft-07/schema#";

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
