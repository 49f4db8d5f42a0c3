import type { Json } from "../../../values/json.ts";
import { type Budget, grow, payForReading, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import { Escapes, textOfBytes } from "./escaping.ts";
import { typeError } from "./failures.ts";
import { toJson } from "./json-text.ts";
import { isArray, typeOf } from "./order.ts";
import { decodeUtf8, strictUtf8 } from "./utf8.ts";

type Format = (value: Json, budget: Budget) => string;

const FORMATS: Readonly<Record<string, Format>> = {
  text: textOf,
  json: toJson,
  csv: (value, budget) => row(value, budget, "csv", ",", (text) => `"${IN_CSV.apply(text, budget)}"`),
  tsv: (value, budget) => row(value, budget, "tsv", "\t", (text) => IN_TSV.apply(text, budget)),
  html: (value, budget) => payFor(IN_HTML.apply(textOf(value, budget), budget), budget),
  uri: (value, budget) => toUri(textOf(value, budget), budget),
  urid: fromUri,
  sh: toShell,
  base64: (value, budget) => toBase64(textOf(value, budget), budget),
  base64d: fromBase64,
  base32: (value, budget) => toBase32(textOf(value, budget), budget),
  base32d: fromBase32,
};

/** True when `@name` exists. */
export function isFormat(name: string): boolean {
  return Object.hasOwn(FORMATS, name);
}

/**
 * What `@name` makes of a value.
 *
 * @param name without `@`.
 * @throws {JqError} when there is no such format or the value does not fit it.
 */
export function formatValue(name: string, value: Json, budget: Budget): string {
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format === undefined) throw new JqError(`${name} is not a valid format`);
  if (typeof value === "string") payForReading(budget, value);
  return format(value, budget);
}

/** jq's `tostring`: a string as it is, everything else as JSON. */
export function textOf(value: Json, budget: Budget): string {
  return typeof value === "string" ? value : toJson(value, budget);
}

function payFor(text: string, budget: Budget): string {
  spend(budget, 3 + text.length / 8);
  grow(budget, text.length);
  return text;
}

function row(value: Json, budget: Budget, format: string, separator: string, quote: (text: string) => string): string {
  if (!isArray(value)) throw typeError(value, `cannot be ${format}-formatted, only array`);
  return value.map((cell) => payFor(cellText(cell, budget, quote), budget)).join(separator);
}

function cellText(cell: Json, budget: Budget, quote: (text: string) => string): string {
  if (typeof cell === "string") {
    payForReading(budget, cell);
    return quote(cell);
  }
  if (cell === null || Number.isNaN(cell)) return "";
  if (typeof cell === "object") throw typeError(cell, "is not valid in a csv row");
  return toJson(cell, budget);
}

// In the formats that escape anything jq writes U+0000 as `\0`.
const IN_CSV = new Escapes({ '"': '""', "\0": "\\0" });
const IN_TSV = new Escapes({ "\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n", "\0": "\\0" });
const IN_HTML = new Escapes({
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&apos;",
  '"': "&quot;",
  "\0": "\\0",
});
const IN_SHELL = new Escapes({ "'": "'\\''", "\0": "\\0" });

function toShell(value: Json, budget: Budget): string {
  const words = isArray(value) ? value : [value];
  return words.map((word) => payFor(shellWord(word, budget), budget)).join(" ");
}

function shellWord(word: Json, budget: Budget): string {
  if (typeof word === "string") {
    payForReading(budget, word);
    return `'${IN_SHELL.apply(word, budget)}'`;
  }
  const type = typeOf(word);
  if (type === "array" || type === "object") throw typeError(word, "can not be escaped for shell");
  return toJson(word, budget);
}

/** 1 for the bytes that stand for themselves in an URI. */
const PLAIN_IN_URI = new Uint8Array(256);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") {
  PLAIN_IN_URI[character.charCodeAt(0)] = 1;
}
const PERCENT = 0x25;
const HEX = Buffer.from("0123456789ABCDEF", "latin1");
const RESERVED_IN_URI = /[^A-Za-z0-9\-_.~]/;

function toUri(text: string, budget: Budget): string {
  spend(budget, 3 + text.length / 8);
  if (!RESERVED_IN_URI.test(text)) return text;
  const bytes = Buffer.from(text, "utf8");
  let size = 0;
  for (const byte of bytes) size += PLAIN_IN_URI[byte] === 1 ? 1 : 3;
  spend(budget, (bytes.length + size) / 8);
  grow(budget, size);
  const escaped = Buffer.allocUnsafe(size);
  let at = 0;
  for (const byte of bytes) {
    if (PLAIN_IN_URI[byte] === 1) {
      escaped[at++] = byte;
      continue;
    }
    escaped[at++] = PERCENT;
    escaped[at++] = HEX[byte >>> 4] ?? 0;
    escaped[at++] = HEX[byte & 15] ?? 0;
  }
  return textOfBytes(escaped);
}

const BROKEN_ESCAPE = /%(?![0-9a-fA-F]{2})/;

function fromUri(value: Json, budget: Budget): string {
  const text = textOf(value, budget);
  spend(budget, 3 + text.length / 8);
  if (BROKEN_ESCAPE.test(text)) throw typeError(text, "is not a valid uri encoding");
  if (!text.includes("%")) return text;
  spend(budget, text.length / 8);
  grow(budget, text.length);
  const decoded = strictUtf8(unescapedBytes(text));
  if (decoded === undefined) throw typeError(text, "is not a valid uri encoding");
  return decoded;
}

/** In place: what is unescaped is never longer. */
function unescapedBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text, "utf8");
  let end = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== PERCENT) {
      bytes[end++] = byte;
      continue;
    }
    bytes[end++] = (hexDigit(bytes[at + 1] ?? 0) << 4) | hexDigit(bytes[at + 2] ?? 0);
    at += 2;
  }
  return bytes.subarray(0, end);
}

/** Of `0`–`9`, `A`–`F` and `a`–`f`. */
function hexDigit(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code & 0x0f) + 9;
}

function toBase64(text: string, budget: Budget): string {
  spend(budget, 3 + text.length / 8);
  grow(budget, Math.ceil(text.length / 3) * 4);
  const encoded = Buffer.from(text, "utf8").toString("base64");
  grow(budget, Math.max(0, encoded.length - Math.ceil(text.length / 3) * 4));
  return encoded;
}

const NOT_BASE64 = /[^A-Za-z0-9+/]/;

/** Up to the first `=`; what it decodes to need not be UTF-8. */
function fromBase64(value: Json, budget: Budget): string {
  const text = textOf(value, budget);
  // The bytes are copied twice before they are text again.
  spend(budget, 240 + text.length / 8);
  const data = dataOf(text);
  if (NOT_BASE64.test(data)) throw typeError(text, "is not valid base64 data");
  if (data.length % 4 === 1) throw typeError(text, "trailing base64 byte found");
  grow(budget, data.length);
  return decodeUtf8(Buffer.from(data, "base64"), budget);
}

/** Up to the first `=`. */
function dataOf(text: string): string {
  const end = text.indexOf("=");
  return end < 0 ? text : text.slice(0, end);
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const NOT_BASE32 = /[^A-Z2-7]/;

function toBase32(source: string, budget: Budget): string {
  spend(budget, source.length / 2);
  grow(budget, source.length * 2);
  const bytes = Buffer.from(source, "utf8");
  const digits = Buffer.alloc(Math.ceil(bytes.length / 5) * 8, "=");
  spend(budget, (bytes.length - source.length) / 2);
  grow(budget, Math.max(0, digits.length - source.length * 2));
  let end = 0;
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) digits[end++] = BASE32.charCodeAt((held >>> (bits - 5)) & 31);
    held &= (1 << bits) - 1;
  }
  if (bits > 0) digits[end++] = BASE32.charCodeAt((held << (5 - bits)) & 31);
  return textOfBytes(digits);
}

function fromBase32(value: Json, budget: Budget): string {
  const text = textOf(value, budget);
  spend(budget, 3 + text.length / 8);
  const data = dataOf(text);
  if (NOT_BASE32.test(data)) throw typeError(text, "is not valid base32 data");
  spend(budget, data.length);
  grow(budget, data.length);
  const bytes = new Uint8Array(Math.floor((data.length * 5) / 8));
  let end = 0;
  let bits = 0;
  let held = 0;
  for (const digit of data) {
    held = (held << 5) | BASE32.indexOf(digit);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[end++] = held >>> bits;
    held &= (1 << bits) - 1;
  }
  return decodeUtf8(bytes, budget);
}
