import { parseDocument } from "yaml";
import type { ActivityContext } from "../../ports/executor.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { type DocumentLimits, References } from "../documents/references.ts";
import { ProblemError } from "../http/problem-error.ts";

/** As many as a definition may have: beyond, a small text may stand for a huge one. */
const MAX_ALIASES = 100;

/**
 * An AsyncAPI document, 2.x or 3.0. Our own few lines rather than `@asyncapi/parser`: that one brings 130 packages, fetches whatever a
 * `$ref` names past the address policy, and validates what only a server's author can mend.
 */
export interface AsyncapiDocument {
  readonly references: References;
  readonly major: 2 | 3;
}

/** @throws {ProblemError} configuration 400 for what is no such document. */
export function readAsyncapiDocument(
  uri: string,
  text: string,
  limits: DocumentLimits,
  resource: ActivityContext["resource"],
): AsyncapiDocument {
  const references = new References(uri, text, { parse, misconfigured }, limits, resource);
  const version = references.root.value.asyncapi;
  if (typeof version !== "string") throw misconfigured("what its endpoint gives is no AsyncAPI document");
  if (/^2\.\d/.test(version)) return { references, major: 2 };
  if (/^3\.\d/.test(version)) return { references, major: 3 };
  throw misconfigured(`it is of AsyncAPI ${version.slice(0, 20)}, but 2.x and 3.x are understood`);
}

function parse(text: string): JsonObject {
  const value = parsed(text);
  if (isJsonObject(value)) return value;
  throw misconfigured("what its endpoint gives is no AsyncAPI document");
}

function parsed(text: string): Json {
  try {
    // JSON is YAML.
    const document = parseDocument(text, { merge: false });
    const [error] = document.errors;
    if (error !== undefined) throw error;
    // What is not JSON (dates, binary) becomes it.
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MAX_ALIASES })) ?? "null");
  } catch (error) {
    throw misconfigured(
      `it is neither JSON nor YAML: ${error instanceof Error ? error.message.split("\n")[0] : error}`,
    );
  }
}

export function misconfigured(detail: string): ProblemError {
  return new ProblemError("configuration", `the AsyncAPI document: ${detail}`);
}
