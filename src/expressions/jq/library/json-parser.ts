import type { Json } from "../../../values/json.ts";
import { type Budget, grow, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import { type Draft, setOwn } from "../objects.ts";
import { utf8Length } from "./json-text.ts";
import { parseNumber } from "./numbers.ts";

/** jq's limit of nested arrays and objects in a text. */
const MAX_PARSING_DEPTH = 10_000;
/** About how much a character of JSON text takes as a value. */
const BYTES_A_CHARACTER = 4;
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
const STRUCTURE = /[[\]{}:,]/;
const SPACE = /[ \t\r\n]/;
const LITERAL = /[^[\]{}:," \t\r\n]+/y;
const STRING = /(?:[^"\\]|\\[\s\S])*/y;
const BYTE_ORDER_MARK = "\ufeff";

/**
 * Reads one JSON text as `fromjson` does: with `nan`, infinities and numbers as `tonumber` takes them, and with jq's words for what is
 * wrong.
 *
 * @throws {JqError} "… at line 1, column 2 (while parsing '…')"
 */
export function fromJson(text: string, budget: Budget): Json {
  spend(budget, text.length >>> 1);
  grow(budget, text.length * BYTES_A_CHARACTER);
  const plain = parsePlain(text);
  if (plain !== undefined) return plain;
  spend(budget, text.length);
  return new Parser(text).parse();
}

/** JavaScript's parser, where it agrees with jq's. */
function parsePlain(text: string): Json | undefined {
  if (SURROGATE_ESCAPE.test(text) || opensMoreThan(MAX_PARSING_DEPTH, text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Counts all that open: more than the depth, but cheap. */
function opensMoreThan(limit: number, text: string): boolean {
  if (text.length <= limit) return false;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x5b || unit === 0x7b) count++;
  }
  return count > limit;
}

/** What is open: an array, an object waiting for a key, or an object whose `key` waits for a value. */
type Open =
  | { readonly kind: "array"; readonly items: Json[] }
  | { readonly kind: "object"; readonly members: Draft; key: string | undefined };

/** jq's parser, one character after the other, so that errors are found in the same order and at the same place. */
class Parser {
  private readonly stack: Open[] = [];
  /** The value just read, not yet put anywhere. */
  private next: Json | undefined;
  /** Values read at the top level. */
  private readonly values: Json[] = [];
  private position = 0;
  /** As jq counts it: what is open, and the keys that wait for their values. */
  private depth = 0;

  constructor(private readonly text: string) {
    if (text.startsWith(BYTE_ORDER_MARK)) this.position = 1;
  }

  parse(): Json {
    while (this.position < this.text.length) this.step();
    if (this.stack.length > 0) this.failAtEnd("Unfinished JSON term");
    this.finishValue();
    if (this.values[0] === undefined) throw this.failure("Expected JSON value");
    return this.values[0];
  }

  private step(): void {
    const character = this.text[this.position] as string;
    if (SPACE.test(character)) {
      this.position++;
    } else if (character === '"') {
      this.readString();
    } else if (STRUCTURE.test(character)) {
      this.position++;
      this.structure(character);
    } else {
      this.readLiteral();
    }
    if (this.stack.length === 0) this.finishValue();
  }

  /** At the top level a value is complete at once; jq stops at the second one. */
  private finishValue(): void {
    if (this.next === undefined) return;
    this.values.push(this.next);
    this.next = undefined;
    if (this.values.length > 1) throw this.failure("Unexpected extra JSON values");
  }

  private accept(value: Json): void {
    if (this.next !== undefined) this.fail("Expected separator between values");
    this.next = value;
  }

  private readLiteral(): void {
    LITERAL.lastIndex = this.position;
    const literal = LITERAL.exec(this.text)?.[0] ?? "";
    const end = this.position + literal.length;
    // Complaints point at what ended the literal.
    this.position = Math.min(end + 1, this.text.length);
    const atEnd = end === this.text.length;
    const value = literalValue(literal);
    if (typeof value === "object" && value !== null) {
      if (atEnd) this.failAtEnd(value.error);
      this.fail(value.error);
    }
    if (atEnd && this.next !== undefined) this.failAtEnd("Expected separator between values");
    this.accept(value);
    this.position = end;
  }

  private readString(): void {
    STRING.lastIndex = this.position + 1;
    const raw = STRING.exec(this.text)?.[0] ?? "";
    const end = this.position + 1 + raw.length;
    if (this.text[end] !== '"') {
      this.position = this.text.length;
      this.failAtEnd("Unfinished string");
    }
    this.position = end + 1;
    const value = unescaped(raw);
    if (typeof value !== "string") this.fail(value.error);
    this.accept(value);
  }

  private structure(character: string): void {
    if (character === "[" || character === "{") this.open(character);
    else if (character === ":") this.colon();
    else if (character === ",") this.comma();
    else if (character === "]") this.closeArray();
    else this.closeObject();
  }

  private open(character: string): void {
    if (this.depth >= MAX_PARSING_DEPTH) this.fail("Exceeds depth limit for parsing");
    if (this.next !== undefined) this.fail("Expected separator between values");
    this.depth++;
    this.stack.push(character === "[" ? { kind: "array", items: [] } : { kind: "object", members: {}, key: undefined });
  }

  private colon(): void {
    if (this.next === undefined) this.fail("Expected string key before ':'");
    const top = this.stack.at(-1);
    if (top?.kind !== "object" || top.key !== undefined) this.fail("':' not as part of an object");
    if (typeof this.next !== "string") this.fail("Object keys must be strings");
    top.key = this.next;
    this.depth++;
    this.next = undefined;
  }

  private comma(): void {
    if (this.next === undefined) this.fail("Expected value before ','");
    const top = this.stack.at(-1);
    if (top === undefined) this.fail("',' not as part of an object or array");
    this.put(top, this.next);
  }

  private put(top: Open, value: Json): void {
    if (top.kind === "array") {
      top.items.push(value);
    } else {
      if (top.key === undefined) this.fail("Objects must consist of key:value pairs");
      setOwn(top.members, top.key, value);
      top.key = undefined;
      this.depth--;
    }
    this.next = undefined;
  }

  private closeArray(): void {
    const top = this.stack.at(-1);
    if (top?.kind !== "array") this.fail("Unmatched ']'");
    if (this.next !== undefined) this.put(top, this.next);
    else if (top.items.length > 0) this.fail("Expected another array element");
    this.stack.pop();
    this.depth--;
    this.next = top.items;
  }

  private closeObject(): void {
    const top = this.stack.at(-1);
    if (top === undefined) this.fail("Unmatched '}'");
    if (this.next !== undefined) {
      if (top.kind === "array") this.fail("Objects must consist of key:value pairs");
      this.put(top, this.next);
    } else {
      if (top.kind === "array" || top.key !== undefined) this.fail("Unmatched '}'");
      if (Object.keys(top.members).length > 0) this.fail("Expected another key-value pair");
    }
    this.stack.pop();
    this.depth--;
    this.next = (top as Open & { kind: "object" }).members;
  }

  private fail(what: string): never {
    throw this.failure(`${what} at ${this.place()}`);
  }

  private failAtEnd(what: string): never {
    throw this.failure(`${what} at EOF at ${this.place()}`);
  }

  /** After the last character read; columns are bytes, and the byte order mark is none of them. */
  private place(): string {
    const read = this.text.slice(this.text.startsWith(BYTE_ORDER_MARK) ? 1 : 0, this.position);
    const lineStart = read.lastIndexOf("\n") + 1;
    const line = read.split("\n").length;
    return `line ${line}, column ${utf8Length(read.slice(lineStart))}`;
  }

  /** jq prints the text as C does, to its first U+0000. */
  private failure(message: string): JqError {
    return new JqError(`${message} (while parsing '${this.text.split("\0", 1)[0] ?? ""}')`);
  }
}

/** The value of an unquoted word, or what jq says of it. */
function literalValue(literal: string): number | boolean | null | { readonly error: string } {
  const expected = { t: "true", f: "false", n: literal[1] === "u" ? "null" : undefined }[literal[0] ?? ""];
  if (expected !== undefined) return literal === expected ? JSON.parse(literal) : { error: "Invalid literal" };
  if (literal.startsWith("'")) return { error: "Invalid string literal; expected \", but got '" };
  return parseNumber(literal) ?? { error: "Invalid numeric literal" };
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  '"': '"',
  "/": "/",
  b: "\b",
  f: "\f",
  t: "\t",
  n: "\n",
  r: "\r",
};
const REPLACEMENT = "\ufffd";

/** The text of what stands between quotes, or what jq says of it. */
function unescaped(raw: string): string | { readonly error: string } {
  let text = "";
  for (let i = 0; i < raw.length; i++) {
    const character = raw[i] as string;
    if (character < " ") {
      return { error: "Invalid string: control characters from U+0000 through U+001F must be escaped" };
    }
    if (character !== "\\") {
      text += character;
      continue;
    }
    i++;
    const letter = raw[i] as string;
    if (letter !== "u") {
      if (!Object.hasOwn(ESCAPES, letter)) return { error: "Invalid escape" };
      text += ESCAPES[letter];
      continue;
    }
    const decoded = unicodeEscape(raw, i + 1);
    if (typeof decoded === "string") return { error: decoded };
    text += decoded.text;
    i += decoded.length;
  }
  return text;
}

/** @returns the text and how many characters after the `u` it took, or what jq says of it. */
function unicodeEscape(raw: string, start: number): { readonly text: string; readonly length: number } | string {
  if (start + 4 > raw.length) return "Invalid \\uXXXX escape";
  const unit = hexUnit(raw, start);
  if (unit === undefined) return "Invalid characters in \\uXXXX escape";
  if (unit < 0xd800 || unit > 0xdfff) return { text: String.fromCharCode(unit), length: 4 };
  if (unit >= 0xdc00) return { text: REPLACEMENT, length: 4 };
  const low = raw.startsWith("\\u", start + 4) ? hexUnit(raw, start + 6) : undefined;
  if (low === undefined || low < 0xdc00 || low > 0xdfff) return "Invalid \\uXXXX\\uXXXX surrogate pair escape";
  return { text: String.fromCharCode(unit, low), length: 10 };
}

function hexUnit(raw: string, start: number): number | undefined {
  const digits = raw.slice(start, start + 4);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
