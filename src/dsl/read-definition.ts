import {
  CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { InvalidDefinitionError } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf, segmentsOf } from "../values/task-reference.ts";
import type { LineOf } from "./report.ts";
import { yamlFault } from "./yaml-fault.ts";

export interface ReadDefinition {
  readonly document: JsonObject;
  /** Line of a JSON pointer (or of what holds it, when it is absent), from 1; undefined when there was no text. */
  readonly line: LineOf;
}

const MAX_DEPTH = 64;
const MAX_ALIASES = 100;
const DEFAULT_MAX_BYTES = 1_000_000;
const TOO_DEEP = `a definition has at most ${MAX_DEPTH} levels`;
const NO_OBJECT = "a definition is an object with `document` and `do`";

/**
 * Reads YAML 1.2 (core schema) or JSON text, or takes an object that was read already. Refused before anything else looks at it: more
 * than `maxBytes` (as text, and again with its aliases expanded), more than 64 levels, more than 100 aliases, keys that stand twice
 * or are no text, merge keys, tags, several documents, and numbers that JSON cannot hold.
 *
 * @throws {InvalidDefinitionError}
 */
export function readDefinition(source: string | JsonObject, maxBytes = DEFAULT_MAX_BYTES): ReadDefinition {
  return typeof source === "string"
    ? readText(source, maxBytes)
    : { document: readObject(source, maxBytes), line: () => undefined };
}

/** Longest document from outside of a definition, in bytes. */
const DOCUMENT_MAX_BYTES = 67_108_864;

/** An object in YAML 1.2 or JSON that a definition refers to, within the same limits but for its size. @throws {InvalidDefinitionError} */
export function readDocument(source: string, what: string): JsonObject {
  try {
    // The library for YAML takes seconds for megabytes.
    const value: Json = /^\s*\{/.test(source) ? JSON.parse(source) : null;
    if (isJsonObject(value)) return value;
  } catch {
    // It may be YAML that begins like JSON.
  }
  return readText(source, DOCUMENT_MAX_BYTES, `${what} is an object`).document;
}

function readObject(source: JsonObject, maxBytes: number): JsonObject {
  if (!isJsonObject(source)) throw refusal(NO_OBJECT);
  if (isDeeper(source, MAX_DEPTH)) throw refusal(TOO_DEEP);
  const text = JSON.stringify(source);
  refuseSize(Buffer.byteLength(text), maxBytes);
  return JSON.parse(text);
}

function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

function readText(source: string, maxBytes: number, noObject = NO_OBJECT): ReadDefinition {
  refuseSize(Buffer.byteLength(source), maxBytes);
  const lines = new LineCounter();
  const document = parse(source, lines);
  const lineAt = (offset: number | undefined) => (offset === undefined ? undefined : lines.linePos(offset).line);
  const [error] = document.errors;
  if (error?.message.includes("call stack")) throw refusal(TOO_DEEP);
  if (error !== undefined) {
    const [offset] = error.pos;
    const pointer = error.code === "MULTIPLE_DOCS" ? "" : pointerAt(document.contents, offset);
    throw refusal(yamlFault(error), pointer, lineAt(offset));
  }
  const value = new Converter(document, maxBytes, (node) => lineAt(node?.range?.[0])).convert(document.contents);
  if (!isJsonObject(value)) throw refusal(noObject, "", 1);
  return { document: value, line: (pointer) => lineAt(offsetOf(document, segmentsOf(pointer))) };
}

function parse(source: string, lineCounter: LineCounter): Document.Parsed {
  refuseNesting(source);
  return parseDocument(source, {
    version: "1.2",
    schema: "core",
    merge: false,
    stringKeys: true,
    // The library compares every key with every other one; the converter does it with a set.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
    lineCounter,
  });
}

/**
 * The library recurses as deep as the text nests, and ends the whole process when that is too deep. So the tokens are counted first:
 * open brackets, and indicators one after another without a comma between them on a line (`- - - x`). Nesting by indentation needs
 * ever longer lines: the library then reports an error, in time.
 */
function refuseNesting(source: string): void {
  let brackets = 0;
  let indicators = 0;
  for (const lexeme of new Lexer().lex(source)) {
    const type = CST.tokenType(lexeme);
    if (type === "flow-seq-start" || type === "flow-map-start") brackets++;
    else if (type === "flow-seq-end" || type === "flow-map-end") brackets--;
    else if (type === "newline" || type === "comma") indicators = 0;
    else if (type === "seq-item-ind" || type === "explicit-key-ind" || type === "map-value-ind") indicators++;
    if (brackets > MAX_DEPTH || indicators > MAX_DEPTH) throw refusal(TOO_DEEP);
  }
}

/** Nodes to JSON, within the limits. */
class Converter {
  #aliases = 0;
  #characters = 0;

  constructor(
    private readonly document: Document.Parsed,
    private readonly maxCharacters: number,
    private readonly lineOf: (node: Node | undefined) => number | undefined,
  ) {}

  convert(node: ParsedNode | Node | null, pointer = "", depth = 0): Json {
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node, pointer, depth);
    if (node.tag !== undefined) throw this.#refusal(`tags such as ${node.tag} are not allowed`, pointer, node);
    if (depth >= MAX_DEPTH && !isScalar(node)) throw this.#refusal(TOO_DEEP, pointer, node);
    if (isMap(node)) return this.#map(node, pointer, depth);
    if (isSeq(node)) {
      this.#count(2, pointer, node);
      return node.items.map((item, index) => this.convert(item as Node | null, pointerOf(pointer, index), depth + 1));
    }
    return this.#scalar(node, pointer);
  }

  #alias(node: Node, pointer: string, depth: number): Json {
    if (++this.#aliases > MAX_ALIASES)
      throw this.#refusal(`a definition has at most ${MAX_ALIASES} aliases`, pointer, node);
    const target = isAlias(node) ? node.resolve(this.document) : undefined;
    if (target === undefined) throw this.#refusal("this alias names no anchor before it", pointer, node);
    return this.convert(target, pointer, depth);
  }

  #map(node: YAMLMap, pointer: string, depth: number): JsonObject {
    this.#count(2, pointer, node);
    const entries = new Map<string, Json>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value ?? "") : "";
      const at = pair.key as Node;
      if (!isScalar(pair.key)) throw this.#refusal("a key must be text", pointer, at);
      if (pair.key.tag !== undefined) throw this.#refusal(`tags such as ${pair.key.tag} are not allowed`, pointer, at);
      if (key === "<<" && pair.key.type === "PLAIN")
        throw this.#refusal("merge keys (<<) are not allowed", pointer, at);
      if (entries.has(key)) throw this.#refusal(`the key "${key}" stands twice`, pointerOf(pointer, key), at);
      this.#count(key.length + 4, pointer, at);
      entries.set(key, this.convert(pair.value as Node | null, pointerOf(pointer, key), depth + 1));
    }
    return Object.fromEntries(entries);
  }

  #scalar(node: Node, pointer: string): Json {
    const value: unknown = isScalar(node) ? node.value : undefined;
    if (typeof value === "number") return this.#number(value, node, pointer);
    if (typeof value === "string") this.#count(value.length + 3, pointer, node);
    return typeof value === "string" || typeof value === "boolean" ? value : null;
  }

  #number(value: number, node: Node, pointer: string): number {
    this.#count(2, pointer, node);
    const written = isScalar(node) && typeof node.source === "string" ? node.source : String(value);
    const vanished = value === 0 && /^[^eE]*[1-9]/.test(written);
    const exact = Number.isInteger(value) ? Math.abs(value) <= Number.MAX_SAFE_INTEGER : Number.isFinite(value);
    const rounded = Number.isFinite(value) && /[.eE]/.test(written);
    if (!vanished && (exact || rounded)) return value === 0 ? 0 : value;
    throw this.#refusal(`the number ${written} cannot be kept exactly: write it as text, in quotes`, pointer, node);
  }

  #count(characters: number, pointer: string, node: Node): void {
    this.#characters += characters;
    if (this.#characters > this.maxCharacters) {
      throw this.#refusal(
        `with its aliases expanded, the definition has more than ${this.maxCharacters} characters`,
        pointer,
        node,
      );
    }
  }

  #refusal(message: string, pointer: string, node: Node): InvalidDefinitionError {
    return refusal(message, pointer, this.lineOf(node));
  }
}

/** Where a pointer's key (or item) begins; of the nearest one around it that exists. */
function offsetOf(document: Document.Parsed, segments: readonly string[]): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined = document.contents?.range?.[0];
  for (const segment of segments) {
    if (isAlias(node)) node = node.resolve(document);
    const found = isMap(node)
      ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value ?? "") === segment)
      : isSeq(node)
        ? node.items[Number(segment)]
        : undefined;
    if (found === undefined) return offset;
    const begin = (isPair(found) ? found.key : found) as Node | null;
    offset = begin?.range?.[0] ?? offset;
    node = isPair(found) ? found.value : found;
  }
  return offset;
}

/** The innermost member that begins at an offset or before it, as far as a text with mistakes was understood. */
function pointerAt(node: unknown, offset: number, pointer = ""): string {
  const begin = (part: unknown) => (isNode(part) ? (part.range?.[0] ?? 0) : Number.POSITIVE_INFINITY);
  if (isMap(node)) {
    const pair = node.items.findLast(({ key }) => begin(key) <= offset);
    if (pair !== undefined && isScalar(pair.key))
      return pointerAt(pair.value, offset, pointerOf(pointer, String(pair.key.value ?? "")));
  }
  if (isSeq(node)) {
    const index = node.items.findLastIndex((item) => begin(item) <= offset);
    if (index !== -1) return pointerAt(node.items[index], offset, pointerOf(pointer, index));
  }
  return pointer;
}

function refuseSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw refusal(`a definition has at most ${maxBytes} bytes, not ${bytes}`);
}

function refusal(message: string, pointer = "", line?: number): InvalidDefinitionError {
  return new InvalidDefinitionError([line === undefined ? { pointer, message } : { pointer, line, message }]);
}
