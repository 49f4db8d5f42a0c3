import { parseDocument } from "yaml";
import type { ActivityContext } from "../../ports/executor.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { type DocumentFile, type DocumentLimits, References } from "../documents/references.ts";
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
  readonly files: Files;
}

/** The files of a document that are at hand. */
interface Files {
  readonly references: References;
  /** By the file a reference stands in, and the reference. */
  readonly known: Map<DocumentFile, Map<string, DocumentFile>>;
  /** Of every object outside of the document itself. */
  readonly of: WeakMap<object, DocumentFile>;
}

/** @throws {ProblemError} configuration 400 for what is no such document. */
export function readAsyncapiDocument(
  uri: string,
  text: string,
  limits: DocumentLimits,
  resource: ActivityContext["resource"],
): AsyncapiDocument {
  const references = new References(uri, text, { parse, misconfigured }, limits, resource);
  const root = references.root.value;
  const files = { references, known: new Map(), of: new WeakMap() };
  const version = root.asyncapi;
  if (typeof version !== "string") throw misconfigured("what its endpoint gives is no AsyncAPI document");
  if (/^2\.\d/.test(version)) return { root, major: 2, files };
  if (/^3\.\d/.test(version)) return { root, major: 3, files };
  throw misconfigured(`it is of AsyncAPI ${version.slice(0, 20)}, but 2.x and 3.x are understood`);
}

/** Something needs a file that is not at hand. */
class FileNeeded extends Error {
  constructor(
    readonly from: DocumentFile,
    readonly reference: string,
  ) {
    super(`a file is needed for ${reference}`);
  }
}

/**
 * What `act` makes of a document: whenever it comes upon a file that is not at hand, that is fetched, and it begins anew. So what asks the
 * document need not wait, and nothing is fetched that it does not ask for.
 */
export async function withFiles<Result>({ files }: AsyncapiDocument, act: () => Result): Promise<Result> {
  for (;;) {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof FileNeeded)) throw error;
      const { from, reference } = error;
      const file = await files.references.fileAt(from, reference);
      if (file !== files.references.root.file) noteObjects(file.root, file, files.of);
      files.known.set(from, new Map(files.known.get(from)).set(reference, file));
    }
  }
}

function noteObjects(value: Json, file: DocumentFile, of: Files["of"]): void {
  if (typeof value !== "object" || value === null || of.has(value)) return;
  of.set(value, file);
  for (const member of Object.values(value)) noteObjects(member, file, of);
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

/** The object, or the one that its `$ref` leads to; undefined when there is none. @throws {ProblemError} */
export function objectAt(document: AsyncapiDocument, value: Json | undefined): JsonObject | undefined {
  const found = targetOf(document, value, { left: MAX_REFERENCES });
  return isJsonObject(found) ? found : undefined;
}

function targetOf(document: AsyncapiDocument, value: Json | undefined, steps: { left: number }): Json | undefined {
  let found = value;
  while (isJsonObject(found) && typeof found.$ref === "string") {
    const reference = found.$ref;
    if (steps.left === 0)
      throw misconfigured(
        `references lead in a circle, or more than ${MAX_REFERENCES} follow one another, at ${reference}`,
      );
    steps.left -= 1;
    found = referenced(document, found, reference, steps);
    if (found === undefined) throw misconfigured(`the reference ${JSON.stringify(reference)} leads nowhere`);
  }
  return found;
}

function referenced(
  document: AsyncapiDocument,
  holder: JsonObject,
  reference: string,
  steps: { left: number },
): Json | undefined {
  const { files } = document;
  const from = files.of.get(holder) ?? files.references.root.file;
  const file = reference.startsWith("#") ? from : files.known.get(from)?.get(reference);
  if (file === undefined) throw new FileNeeded(from, reference);
  return segmentsOf(reference).reduce<Json | undefined>((value, segment) => {
    const own = ownProperty(value, segment);
    return own === undefined ? ownProperty(targetOf(document, value, steps), segment) : own;
  }, file.root);
}

/** Of the JSON pointer after the `#`; none when there is no `#`. @throws {ProblemError} for what is no JSON pointer. */
export function segmentsOf(reference: string): readonly string[] {
  const fragment = /#(.*)$/s.exec(reference)?.[1] ?? "";
  try {
    const pointer = decodeURIComponent(fragment);
    const [first, ...segments] = pointer.split("/");
    if (first === "") return segments.map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
  } catch {
    // Refused below.
  }
  throw misconfigured(`the reference ${JSON.stringify(reference)} has no JSON pointer after its #`);
}

/** The members of an object, references to it followed, their own not. */
export function entriesIn(document: AsyncapiDocument, value: Json | undefined): readonly (readonly [string, Json])[] {
  return Object.entries(objectAt(document, value) ?? {});
}

/** The members of an object whose values are objects, references followed. */
export function objectsIn(
  document: AsyncapiDocument,
  value: Json | undefined,
): readonly (readonly [string, JsonObject])[] {
  return entriesIn(document, value).flatMap(([name, member]) => {
    const object = objectAt(document, member);
    return object === undefined ? [] : [[name, object] as const];
  });
}

/** Whether finding its members may need another file. */
export function leadsAway(value: Json | undefined): boolean {
  const reference = ownProperty(value, "$ref");
  return typeof reference === "string" && !reference.startsWith("#");
}

/** The first member of a list, if that is a text. */
export function firstText(value: Json | undefined): string | undefined {
  const [first] = Array.isArray(value) ? value : [];
  return typeof first === "string" ? first : undefined;
}
