import type { ActivityContext } from "../../ports/executor.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";
import { addressOf, shownAddress } from "./address.ts";

/** A file that was read. References in it are relative to its address. */
export interface DocumentFile {
  readonly uri: string;
  readonly root: JsonObject;
}

/** A value, and the file it stands in. */
export interface Located {
  readonly file: DocumentFile;
  readonly value: Json | undefined;
}

export interface LocatedObject extends Located {
  readonly value: JsonObject;
}

/** Limits of a document with all the files it refers to. */
export interface DocumentLimits {
  /** Files besides the document itself. */
  readonly maxFiles: number;
  /** Of all of them, in characters. */
  readonly maxBytes: number;
}

/** What a kind of document says of itself. */
export interface DocumentKind {
  /** @throws {Error} for what is no such document, or part of one. */
  readonly parse: (content: string) => JsonObject;
  /** The error of a document that cannot be used. */
  readonly misconfigured: (detail: string) => ProblemError;
}

/** References that may be followed to find one value. */
const MAX_STEPS = 50;

/**
 * A document whose parts may stand in other files (`$ref: ./parts.yaml#/pet`). Only what is asked for is fetched, as resources of
 * the definition: pinned, under the same limits, by the same rules of addresses. Our own few lines rather than a library for JSON references: those
 * fetch all that anything refers to, schemas nobody needs included.
 * @throws {ProblemError} of all methods: configuration 400 for a reference that leads nowhere, in a circle or beyond the limits; the
 *   error of the fetch for a file that cannot be had.
 */
export class References {
  readonly root: LocatedObject;
  readonly #files: Map<string, DocumentFile>;
  #size: number;

  constructor(
    uri: string,
    content: string,
    private readonly kind: DocumentKind,
    private readonly limits: DocumentLimits,
    private readonly resource: ActivityContext["resource"],
  ) {
    const file = { uri: addressOf(uri), root: kind.parse(content) };
    this.root = { file, value: file.root };
    this.#files = new Map([[file.uri, file]]);
    this.#size = content.length;
  }

  /** The object, or the one that its reference leads to; undefined when it is none. */
  async objectAt(at: Located): Promise<LocatedObject | undefined> {
    const { file, value } = await this.#target(at, { left: MAX_STEPS });
    return isJsonObject(value) ? { file, value } : undefined;
  }

  /** A member of an object: of the one written here, else of the one that its reference leads to. Its own reference is not followed. */
  member(at: Located, name: string): Promise<Located> {
    return this.#member(at, name, { left: MAX_STEPS });
  }

  /** The members of an object or of a list, references to it followed, their own not; none of anything else. */
  async entries(at: Located): Promise<readonly (readonly [name: string, member: Located])[]> {
    const { file, value } = await this.#target(at, { left: MAX_STEPS });
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).map(([name, member]) => [name, { file, value: member }]);
  }

  /** The members that are objects, all references followed. */
  async objects(at: Located): Promise<readonly (readonly [name: string, member: LocatedObject])[]> {
    const found = [];
    for (const [name, member] of await this.entries(at)) {
      const object = await this.objectAt(member);
      if (object !== undefined) found.push([name, object] as const);
    }
    return found;
  }

  async #member(at: Located, name: string, steps: { left: number }): Promise<Located> {
    const own = memberOf(at.value, name);
    if (own !== undefined || referenceOf(at) === undefined) return { file: at.file, value: own };
    const { file, value } = await this.#target(at, steps);
    return { file, value: memberOf(value, name) };
  }

  async #target(at: Located, steps: { left: number }): Promise<Located> {
    let found = at;
    for (let reference = referenceOf(at); reference !== undefined; reference = referenceOf(found)) {
      if (steps.left === 0)
        throw this.kind.misconfigured(
          `references lead in a circle, or more than ${MAX_STEPS} follow one another, at ${quoted(reference)}`,
        );
      steps.left -= 1;
      found = await this.#referenced(found.file, reference, steps);
      if (found.value === undefined) throw this.kind.misconfigured(`the reference ${quoted(reference)} leads nowhere`);
    }
    return found;
  }

  async #referenced(from: DocumentFile, reference: string, steps: { left: number }): Promise<Located> {
    const at = reference.indexOf("#");
    const file = await this.fileAt(from, reference);
    let found: Located = { file, value: file.root };
    for (const segment of this.#segments(at < 0 ? "" : reference.slice(at + 1), reference)) {
      found = await this.#member(found, segment, steps);
    }
    return found;
  }

  #segments(fragment: string, reference: string): readonly string[] {
    if (fragment === "") return [];
    try {
      const pointer = decodeURIComponent(fragment);
      if (pointer.startsWith("/")) {
        return pointer
          .slice(1)
          .split("/")
          .map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
      }
    } catch {
      // Refused below.
    }
    throw this.kind.misconfigured(`the reference ${quoted(reference)} has no JSON pointer after its #`);
  }

  /** The file that a reference leads into. */
  async fileAt(from: DocumentFile, reference: string): Promise<DocumentFile> {
    const relative = reference.replace(/#.*$/s, "");
    if (relative === "") return from;
    const uri = URL.canParse(relative, from.uri) ? addressOf(new URL(relative, from.uri).href) : "";
    const known = this.#files.get(uri);
    if (known !== undefined) return known;
    this.#refuse(from, uri, reference);
    const { kind, limits } = this;
    const unfit = (content: string) => problemOf(() => void kind.parse(content));
    const fetched = await this.resource(uri, unfit, this.root.file.uri);
    if (!fetched.ok) {
      const why = fetched.error.detail ?? fetched.error.title ?? fetched.error.type;
      throw ProblemError.from({ ...fetched.error, detail: `${shownAddress(from.uri)} refers to a file: ${why}` });
    }
    this.#size += fetched.content.length;
    if (this.#size > limits.maxBytes) {
      const what = `with the files it refers to it is longer than ${limits.maxBytes} bytes`;
      throw kind.misconfigured(`${what} (RESOURCE_MAX_BYTES)`);
    }
    const file = { uri, root: kind.parse(fetched.content) };
    this.#files.set(uri, file);
    return file;
  }

  #refuse(from: DocumentFile, uri: string, reference: string): void {
    const { misconfigured } = this.kind;
    // What comes from elsewhere must not reach into the folders of a worker.
    const allowed = from.uri.startsWith("file:") ? /^(https?|file):/ : /^https?:/;
    if (!allowed.test(uri)) {
      throw misconfigured(`it is at ${shownAddress(from.uri)}, from where ${quoted(reference)} cannot be reached`);
    }
    if (this.#files.size > this.limits.maxFiles) {
      throw misconfigured(`it refers to more than ${this.limits.maxFiles} files (RESOURCE_MAX_FILES)`);
    }
  }
}

/** Whether finding its members needs another file. */
export function leadsAway(at: Located): boolean {
  const reference = referenceOf(at);
  return reference !== undefined && !reference.startsWith("#");
}

/** Of an object, or of a list by index. */
function memberOf(value: Json | undefined, name: string): Json | undefined {
  return Array.isArray(value)
    ? /^(0|[1-9]\d*)$/.test(name)
      ? value[Number(name)]
      : undefined
    : ownProperty(value, name);
}

function referenceOf({ value }: Located): string | undefined {
  const reference = isJsonObject(value) ? ownProperty(value, "$ref") : undefined;
  return typeof reference === "string" ? reference : undefined;
}

function problemOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function quoted(reference: string): string {
  return JSON.stringify(reference.slice(0, 200));
}
