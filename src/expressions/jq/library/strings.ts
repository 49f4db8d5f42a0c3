import type { Json } from "../../../values/json.ts";
import { type Budget, grow, payForCharacters, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import type { Native } from "../native.ts";
import { getIn } from "../paths/get.ts";
import { add } from "./arithmetic.ts";
import { elementsOf } from "./elements.ts";
import { UnitWriter } from "./escaping.ts";
import { typeError } from "./failures.ts";
import { formatValue, textOf } from "./formats.ts";
import { fromJson } from "./json-parser.ts";
import { toJson, utf8Length } from "./json-text.ts";
import { parseNumber } from "./numbers.ts";
import { isArray } from "./order.ts";
import { characterCount, isAscii, isUnitwise, splitText, unitsAt } from "./text.ts";
import { TextSearch } from "./text-search.ts";

const REPLACEMENT = 0xfffd;
const NUMBER_BYTES = 8;
/** What tells an ASCII letter from itself in the other case. */
const CASE_BIT = 0x20;

/** White space as Unicode's property has it, which is a little more than `\s` and without U+FEFF. */
const LEADING_SPACE = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Builtins about strings, by name and number of arguments. */
export const STRING_FUNCTIONS: Readonly<Record<string, Native>> = {
  "tostring/0": (input, _, { budget }) => textOf(input, budget),
  "tojson/0": (input, _, { budget }) => toJson(input, budget),
  "fromjson/0": (input, _, { budget }) => {
    if (typeof input !== "string") throw typeError(input, "only strings can be parsed");
    return fromJson(input, budget);
  },
  "tonumber/0": (input, _, { budget }) => toNumber(input, budget),
  "toboolean/0": toBoolean,
  "format/1": (input, [name = null], { budget }) => {
    if (typeof name !== "string") throw typeError(name, "is not a valid format");
    return formatValue(name, input, budget);
  },
  "utf8bytelength/0": (input, _, { budget }) => {
    if (typeof input !== "string") throw typeError(input, "only strings have UTF-8 byte length");
    spend(budget, input.length / 8);
    return utf8Length(input);
  },
  "explode/0": (input, _, { budget }) => explode(input, budget),
  "implode/0": (input, _, { budget }) => implode(input, budget),
  "ascii/0": (input, _, { budget }) => implode([input], budget),
  "ascii_downcase/0": (input, _, { budget }) => mapAscii(input, 0x41, (text) => text.toLowerCase(), budget),
  "ascii_upcase/0": (input, _, { budget }) => mapAscii(input, 0x61, (text) => text.toUpperCase(), budget),
  "startswith/1": (input, [start = null], { budget }) => startsWith(input, start, budget),
  "endswith/1": (input, [end = null], { budget }) => endsWith(input, end, budget),
  "ltrimstr/1": (input, [start = null], { budget }) => withoutStart(input, start, budget),
  "rtrimstr/1": (input, [end = null], { budget }) => withoutEnd(input, end, budget),
  "trimstr/1": (input, [around = null], { budget }) => withoutEnd(withoutStart(input, around, budget), around, budget),
  "trim/0": (input, _, { budget }) => trimEnd(trimStart(input, budget), budget),
  "ltrim/0": (input, _, { budget }) => trimStart(input, budget),
  "rtrim/0": (input, _, { budget }) => trimEnd(input, budget),
  "split/1": (input, [separator = null], { budget }) => {
    if (typeof input !== "string" || typeof separator !== "string") {
      throw new JqError("split input and separator must be strings");
    }
    return splitText(input, separator, budget);
  },
  "join/1": (input, [separator = null], { budget }) => join(elementsOf(input, budget), separator, budget),
  "_strindices/1": (input, [part = null], { budget }) => {
    if (typeof input !== "string") throw typeError(input, "cannot be searched, as it is not a string");
    if (typeof part !== "string") throw typeError(part, "is not a string");
    return placesOf(input, part, budget);
  },
  "indices/1": (input, [part = null], { budget }) => indices(input, part, budget),
  "index/1": (input, [part = null], { budget }) => getIn(indices(input, part, budget), 0, budget),
  "rindex/1": (input, [part = null], { budget }) =>
    getIn(getIn(indices(input, part, budget), { start: -1, end: null }, budget), 0, budget),
};

function toNumber(input: Json, budget: Budget): Json {
  if (typeof input === "string") spend(budget, input.length / 4);
  if (typeof input === "number") return input;
  const number = typeof input === "string" ? parseNumber(input) : undefined;
  if (number === undefined) throw typeError(input, "cannot be parsed as a number");
  return number;
}

function toBoolean(input: Json): Json {
  if (typeof input === "boolean") return input;
  if (input !== "true" && input !== "false") throw typeError(input, "cannot be parsed as a boolean");
  return input === "true";
}

function explode(input: Json, budget: Budget): Json {
  if (typeof input !== "string") throw new JqError("explode input must be a string");
  spend(budget, input.length);
  grow(budget, input.length * NUMBER_BYTES);
  const codePoints: number[] = [];
  for (let i = 0; i < input.length; ) {
    const codePoint = input.codePointAt(i) ?? REPLACEMENT;
    codePoints.push(codePoint);
    i += codePoint > 0xffff ? 2 : 1;
  }
  return codePoints;
}

function implode(input: Json, budget: Budget): string {
  if (!isArray(input)) throw new JqError("implode input must be an array");
  spend(budget, input.length);
  grow(budget, input.length * 4);
  const text = new UnitWriter(input.length * 2);
  for (const value of input) text.writeCodePoint(codePointOf(value));
  return text.text();
}

/** What is no code point becomes U+FFFD. */
function codePointOf(value: Json): number {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw typeError(value, "can't be imploded, unicode codepoint needs to be numeric");
  }
  const whole = Math.trunc(value);
  return whole < 0 || whole > 0x10ffff || (whole >= 0xd800 && whole <= 0xdfff) ? REPLACEMENT : Math.abs(whole);
}

/** @param first the first of the 26 letters to be mapped to the other case. */
function mapAscii(input: Json, first: number, map: (text: string) => string, budget: Budget): string {
  if (typeof input !== "string") throw new JqError("explode input must be a string");
  spend(budget, input.length / 8);
  grow(budget, input.length);
  if (isAscii(input)) return map(input);
  spend(budget, input.length / 2);
  const mapped = new UnitWriter(input.length);
  for (let i = 0; i < input.length; i++) {
    const unit = input.charCodeAt(i);
    mapped.writeUnit(unit >= first && unit < first + 26 ? unit ^ CASE_BIT : unit);
  }
  return mapped.text();
}

function startsWith(input: Json, start: Json, budget: Budget): boolean {
  if (typeof input !== "string" || typeof start !== "string") {
    throw new JqError("startswith() requires string inputs");
  }
  payForCharacters(budget, 4 * start.length);
  return input.startsWith(start);
}

function endsWith(input: Json, end: Json, budget: Budget): boolean {
  if (typeof input !== "string" || typeof end !== "string") throw new JqError("endswith() requires string inputs");
  payForCharacters(budget, 4 * end.length);
  return input.endsWith(end);
}

function withoutStart(input: Json, start: Json, budget: Budget): Json {
  return startsWith(input, start, budget) ? (input as string).slice((start as string).length) : input;
}

function withoutEnd(input: Json, end: Json, budget: Budget): Json {
  if (!endsWith(input, end, budget)) return input;
  const text = input as string;
  return text.slice(0, text.length - (end as string).length);
}

function trimStart(input: Json, budget: Budget): string {
  if (typeof input !== "string") throw new JqError("trim input must be a string");
  spend(budget, input.length / 16);
  return input.replace(LEADING_SPACE, "");
}

/** By hand: `\s+$` looks at every run of spaces inside again and again. */
function trimEnd(input: Json, budget: Budget): string {
  if (typeof input !== "string") throw new JqError("trim input must be a string");
  spend(budget, input.length / 16);
  let end = input.length;
  while (end > 0 && SPACE.test(input[end - 1] as string)) end--;
  spend(budget, input.length - end);
  return input.slice(0, end);
}

/** Numbers and booleans as text, null as nothing; anything else only if it can be added to a string. */
function join(items: readonly Json[], separator: Json, budget: Budget): Json {
  spend(budget, items.length);
  let joined: Json = null;
  for (const item of items) {
    const left: Json = joined === null ? "" : add(joined, separator, budget);
    const isText = typeof item === "boolean" || typeof item === "number";
    joined = add(left, isText ? toJson(item, budget) : (item ?? ""), budget);
  }
  return joined ?? "";
}

function indices(input: Json, part: Json, budget: Budget): Json {
  if (typeof input === "string" && typeof part === "string") return placesOf(input, part, budget);
  return getIn(input, isArray(input) && !isArray(part) ? [part] : part, budget);
}

/** Where a part begins, overlaps included, counted in characters. */
function placesOf(text: string, part: string, budget: Budget): number[] {
  const places: number[] = [];
  if (part === "") return places;
  const unitwise = isUnitwise(text);
  spend(budget, unitwise ? text.length >>> 5 : text.length / 4);
  let characters = 0;
  let counted = 0;
  new TextSearch(part, budget).each(text, (at) => {
    spend(budget, 1);
    grow(budget, NUMBER_BYTES);
    while (!unitwise && counted < at) {
      counted += unitsAt(text, counted);
      characters++;
    }
    places.push(unitwise ? at : characters);
  });
  return places;
}

/** jq's `length` of a string. */
export function lengthOfText(text: string, budget: Budget): number {
  spend(budget, text.length >>> 5);
  if (isUnitwise(text)) return text.length;
  spend(budget, text.length >>> 2);
  return characterCount(text);
}
