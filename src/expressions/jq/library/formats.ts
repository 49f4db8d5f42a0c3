import type { Json } from "../../../values/json.ts";
import { type Budget, grow, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import { typeError } from "./failures.ts";
import { toJson } from "./json-text.ts";
import { isArray, typeOf } from "./order.ts";
import { decodeUtf8, strictUtf8 } from "./utf8.ts";

type Format = (value: Json, budget: Budget) => string;

const FORMATS: Readonly<Record<string, Format>> = {
  text: textOf,
  json: toJson,
  csv: (value, budget) => row(value, budget, "csv", ",", (text) => `"${visibleNul(text.replaceAll('"', '""'))}"`),
  tsv: (value, budget) => row(value, budget, "tsv", "\t", (text) => text.replace(/[\t\r\n\\\0]/g, escapedInTsv)),
  html: (value, budget) => payFor(textOf(value, budget).replace(/[&<>'"\0]/g, escapedInHtml), budget),
  uri: (value, budget) => payFor(toUri(textOf(value, budget), budget), budget),
  urid: fromUri,
  sh: toShell,
  base64: (value, budget) => payFor(Buffer.from(textOf(value, budget), "utf8").toString("base64"), budget),
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
  if (typeof cell === "string") return quote(cell);
  if (cell === null || Number.isNaN(cell)) return "";
  if (typeof cell === "object") throw typeError(cell, "is not valid in a csv row");
  return toJson(cell, budget);
}

const TSV_ESCAPES: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\r": "\\r",
  "\n": "\\n",
  "\\": "\\\\",
  "\0": "\\0",
};
const HTML_ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&apos;",
  '"': "&quot;",
  "\0": "\\0",
};

/** In the formats that escape anything jq writes U+0000 as `\0`. */
function visibleNul(text: string): string {
  return text.replaceAll("\0", "\\0");
}

function escapedInTsv(character: string): string {
  return TSV_ESCAPES[character] ?? character;
}

function escapedInHtml(character: string): string {
  return HTML_ESCAPES[character] ?? character;
}

function toShell(value: Json, budget: Budget): string {
  const words = isArray(value) ? value : [value];
  return words.map((word) => payFor(shellWord(word, budget), budget)).join(" ");
}

function shellWord(word: Json, budget: Budget): string {
  if (typeof word === "string") return `'${visibleNul(word.replaceAll("'", "'\\''"))}'`;
  const type = typeOf(word);
  if (type === "array" || type === "object") throw typeError(word, "can not be escaped for shell");
  return toJson(word, budget);
}

/** Steps for each character that `@uri` escapes. */
const ESCAPE_STEPS = 10;
const RESERVED_IN_URI = /[^A-Za-z0-9\-_.~]+/g;

function toUri(text: string, budget: Budget): string {
  spend(budget, text.length / 8);
  return text.replace(RESERVED_IN_URI, (part) => {
    spend(budget, ESCAPE_STEPS * (2 + part.length));
    let escaped = "";
    for (const byte of Buffer.from(part, "utf8")) escaped += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    return escaped;
  });
}

const BROKEN_ESCAPE = /%(?![0-9a-fA-F]{2})/;

function fromUri(value: Json, budget: Budget): string {
  const text = textOf(value, budget);
  if (BROKEN_ESCAPE.test(text)) throw typeError(text, "is not a valid uri encoding");
  const decoded = strictUtf8(unescapedBytes(text));
  if (decoded === undefined) throw typeError(text, "is not a valid uri encoding");
  return payFor(decoded, budget);
}

function unescapedBytes(text: string): Uint8Array {
  const parts = text.split(/((?:%..)+)/);
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 1 ? Buffer.from(part.replaceAll("%", ""), "hex") : Buffer.from(part))),
  );
}

const NOT_BASE64 = /[^A-Za-z0-9+/]/;

/** Up to the first `=`; what it decodes to need not be UTF-8. */
function fromBase64(value: Json, budget: Budget): string {
  const text = textOf(value, budget);
  const data = text.split("=", 1)[0] ?? "";
  if (NOT_BASE64.test(data)) throw typeError(text, "is not valid base64 data");
  if (data.length % 4 === 1) throw typeError(text, "trailing base64 byte found");
  return payFor(decodeUtf8(Buffer.from(data, "base64")), budget);
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const NOT_BASE32 = /[^A-Z2-7]/;

function toBase32(source: string, budget: Budget): string {
  spend(budget, source.length);
  grow(budget, source.length * 2);
  const bytes = Buffer.from(source, "utf8");
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  if (bits > 0) text += BASE32[(held << (5 - bits)) & 31];
  return text.padEnd(Math.ceil(text.length / 8) * 8, "=");
}

function fromBase32(value: Json, budget: Budget): string {
  const text = textOf(value, budget);
  const data = text.split("=", 1)[0] ?? "";
  if (NOT_BASE32.test(data)) throw typeError(text, "is not valid base32 data");
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const digit of data) {
    held = (held << 5) | BASE32.indexOf(digit);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(held >>> bits);
    held &= (1 << bits) - 1;
  }
  spend(budget, data.length);
  return payFor(decodeUtf8(Uint8Array.from(bytes)), budget);
}
