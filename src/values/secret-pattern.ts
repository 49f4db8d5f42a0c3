import type { Json } from "./json.ts";

/** Bytes; in base64 a shorter one is found by chance. */
const SHORTEST_IN_BASE64 = 5;

/**
 * Finds any of these texts (longest first, none empty): as it is, in any case, escaped as in JSON any number of times, percent-encoded
 * in any way, and, from five bytes, inside base64.
 */
export function patternOf(texts: readonly string[]): RegExp {
  return new RegExp([...texts.map(inAnyEncoding), ...texts.flatMap(insideBase64)].join("|"), "gi");
}

/** The texts in a value. */
export function leavesOf(value: Json): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}

function inAnyEncoding(text: string): string {
  return [...text].map((character) => `(?:${[...new Set(formsOf(character))].join("|")})`).join("");
}

function formsOf(character: string): readonly string[] {
  const percent = [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  return [literal(character), escaped(character), percent, ...(character === " " ? ["\\+"] : [])];
}

/** As JSON writes it, and JSON inside texts of JSON; so many times that no search takes long. */
function escaped(character: string): string {
  const text = JSON.stringify(character).slice(1, -1);
  if (character === "\\") return "(?:\\\\\\\\){1,4}";
  return text.startsWith("\\") ? `\\\\{1,8}${literal(text.slice(1))}` : literal(text);
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
