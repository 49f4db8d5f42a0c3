import type { Json } from "./json.ts";

/** Bytes; in base64 a shorter one is found by chance. */
const SHORTEST_IN_BASE64 = 5;

/** Characters; a longer text is looked for in pieces of at least half as many. */
const LONGEST_PIECE = 512;
/** Characters of one pattern: much longer ones are refused by the language. */
const LONGEST_PATTERN = 50_000;

/** Finds secrets in texts. */
export interface SecretFinder {
  isIn(text: string): boolean;
  replacedIn(text: string, mark: string | ((found: string) => string)): string;
}

/**
 * Finds any of these texts (longest first, none empty): as it is, in any case, escaped as in JSON, percent-encoded in any way, or both,
 * and, from five bytes, inside base64, there as it is, as JSON writes it and as a component of a URL.
 */
export function finderOf(texts: readonly string[]): SecretFinder {
  const patterns = patternsOf(texts.flatMap(piecesOf).flatMap(alternativesOf));
  return {
    isIn: (text) => patterns.some((pattern) => text.search(pattern) >= 0),
    replacedIn: (text, mark) =>
      patterns.reduce(
        (shown, pattern) => shown.replace(pattern, (found) => (typeof mark === "string" ? mark : mark(found))),
        text,
      ),
  };
}

function piecesOf(text: string): readonly string[] {
  const characters = [...text];
  const size = Math.ceil(characters.length / Math.ceil(characters.length / LONGEST_PIECE));
  const pieces = Math.ceil(characters.length / size);
  return Array.from({ length: pieces }, (_, i) => characters.slice(i * size, (i + 1) * size).join(""));
}

function alternativesOf(text: string): readonly string[] {
  return [inAnyEncoding(text), ...writtenForms(text).flatMap(insideBase64)];
}

function patternsOf(alternatives: readonly string[]): readonly RegExp[] {
  const sources: string[] = [];
  for (const alternative of alternatives) {
    const last = sources.at(-1);
    if (last === undefined || last.length + alternative.length > LONGEST_PATTERN) sources.push(alternative);
    else sources[sources.length - 1] = `${last}|${alternative}`;
  }
  return sources.map((source) => new RegExp(source, "gi"));
}

/** The texts in a value. */
export function leavesOf(value: Json): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}

function inAnyEncoding(text: string): string {
  return [...text].map((character) => `(?:${[...new Set(formsOf(character))].join("|")})`).join("");
}

/** A backslash, which may itself be percent-encoded. */
const BACKSLASH = "(?:\\\\|%5c)";
/** Those that JSON puts before a character: one, three when the JSON is a text of JSON. Limited, so that no search takes long. */
const ESCAPE = `${BACKSLASH}{1,8}`;

function formsOf(character: string): readonly string[] {
  if (character === "\\") return [`(?:${BACKSLASH}{2}){1,4}`, BACKSLASH];
  const percent = [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const plain = [literal(character), percent, ...(character === " " ? ["\\+"] : [])];
  return [...plain, ...escapesOf(character, plain)];
}

/** As JSON writes it: what it must escape, and what some escape besides. */
function escapesOf(character: string, plain: readonly string[]): readonly string[] {
  if (character === '"' || character === "/") return plain.map((form) => ESCAPE + form);
  const text = JSON.stringify(character).slice(1, -1);
  const short = text.startsWith("\\") ? [ESCAPE + literal(text.slice(1))] : [];
  if (/^[ -~]$/.test(character)) return short;
  const units = Array.from({ length: character.length }, (_, i) =>
    character.charCodeAt(i).toString(16).padStart(4, "0"),
  );
  return [...short, units.map((unit) => `${ESCAPE}u${unit}`).join("")];
}

/** What is likely to be found inside base64, such as a whole body. */
function writtenForms(text: string): readonly string[] {
  // Half a surrogate pair is no component of a URL, and becomes another character in bytes too.
  const url = encodeURIComponent(Buffer.from(text).toString());
  return [...new Set([text, JSON.stringify(text).slice(1, -1), url])];
}

/** The digits that a text alone decides, for each of the three places at which its bytes may begin. */
function insideBase64(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  if (bytes.length < SHORTEST_IN_BASE64) return [];
  return [0, 1, 2].map((before) => {
    const digits = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const own = digits.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return own.replaceAll("+", "[-+]").replaceAll("/", "[/_]");
  });
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
