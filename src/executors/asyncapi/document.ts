import { parseDocument } from "yaml";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";

/** How many references may lead from one to the next. */
const MAX_REFERENCES = 20;
/** As many as a definition may have: beyond, a small text may stand for a huge one. */
const MAX_ALIASES = 100;

/**
 * An AsyncAPI document, 2.x or 3.0. Our own few lines rather than `@asyncapi/parser`: that one brings 130 packages, fetches whatever a
 * `$ref` names past the address policy, and validates what only a server's author can mend.
 */
export interface AsyncapiDocument {
  readonly root: JsonObject;
  readonly major: 2 | 3;
}

/** @throws {ProblemError} configuration 400 for what is no such document. */
export function readAsyncapiDocument(text: string): AsyncapiDocument {
  const root = parsed(text);
  const version = isJsonObject(root) ? root.asyncapi : undefined;
  if (!isJsonObject(root) || typeof version !== "string")
    throw misconfigured("what its endpoint gives is no AsyncAPI document");
  if (/^2\.\d/.test(version)) return { root, major: 2 };
  if (/^3\.\d/.test(version)) return { root, major: 3 };
  throw misconfigured(`it is of AsyncAPI ${version.slice(0, 20)}, but 2.x and 3.x are understood`);
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

/** The object, or the one that its `$ref` leads to inside the document; undefined when there is none. @throws {ProblemError} */
export function objectAt({ root }: AsyncapiDocument, value: Json | undefined): JsonObject | undefined {
  let found = value;
  for (let step = 0; isJsonObject(found) && typeof found.$ref === "string"; step++) {
    if (step === MAX_REFERENCES) throw misconfigured(`references lead in a circle at ${found.$ref}`);
    found = referenced(root, found.$ref);
  }
  return isJsonObject(found) ? found : undefined;
}

function referenced(root: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith("#/"))
    throw misconfigured(`references lead inside it only, not to ${JSON.stringify(reference)}`);
  const path = decodeURIComponent(reference.slice(2)).split("/");
  return path.reduce<Json | undefined>(
    (value, segment) => ownProperty(value, segment.replaceAll("~1", "/").replaceAll("~0", "~")),
    root,
  );
}

/** The members of an object whose values are objects, references followed. */
export function objectsIn(
  document: AsyncapiDocument,
  value: Json | undefined,
): readonly (readonly [string, JsonObject])[] {
  return Object.entries(objectAt(document, value) ?? {}).flatMap(([name, member]) => {
    const object = objectAt(document, member);
    return object === undefined ? [] : [[name, object] as const];
  });
}
