import type { Json } from "../../../values/json.ts";
import { type Budget, grow, payForKeys, payForReading, spend } from "../budget.ts";
import { numberText } from "./numbers.ts";
import { isArray, MAX_DEPTH } from "./order.ts";

/** Where jq cuts a value in an error message, in bytes of UTF-8. */
const SHORT_BYTES = 29;
const TOO_DEEP = "<skipped: too deep>";
/** Steps for each bracket and each scalar written. */
const PART_STEPS = 3;
const DELETE = "\u007f";
const DELETE_EVERYWHERE = /\x7f/g;

/**
 * A value as compact JSON text, keys in the order they were inserted.
 *
 * What is nested deeper than 10,000 levels is left out, with jq's words in its place; the text is no JSON then.
 *
 * @throws {JqBudgetError} when the text is too large.
 */
export function toJson(value: Json, budget: Budget): string {
  if (typeof value === "string") {
    payForReading(budget, value);
    // Before it is made: six characters may come of one.
    spend(budget, value.length >>> 2);
    grow(budget, value.length);
    const text = quoted(value);
    grow(budget, text.length - value.length);
    return text;
  }
  const scalar = scalarText(value);
  if (scalar !== undefined) return paid(scalar, budget);
  const parts: string[] = [];
  write(
    value,
    parts,
    (text) => paid(text, budget),
    (keys) => payForKeys(budget, keys),
  );
  return parts.join("");
}

function paid(text: string, budget: Budget): string {
  spend(budget, PART_STEPS + (text.length >>> 3));
  grow(budget, text.length);
  return text;
}

/** A string as JSON: DEL is escaped too. */
export function quoted(text: string): string {
  const plain = JSON.stringify(text);
  return plain.includes(DELETE) ? plain.replace(DELETE_EVERYWHERE, "\\u007f") : plain;
}

function scalarText(value: Json): string | undefined {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "number":
      return numberText(value);
    case "boolean":
      return value ? "true" : "false";
    default:
      return value === null ? "null" : undefined;
  }
}

/** An array or object that is open: its members, and the keys of those of an object. */
interface Open {
  readonly members: readonly Json[];
  readonly keys: readonly string[] | null;
  next: number;
}

/** Without native recursion: data may nest deeper than the stack stands. `pay` may throw to end it. */
function write(
  root: Json,
  parts: string[],
  pay: (text: string) => string,
  payForListing: (keys: number) => void,
): void {
  const stack: Open[] = [opened(root, payForListing)];
  parts.push(pay(stack[0]?.keys === null ? "[" : "{"));
  for (let open = stack.at(-1); open !== undefined; open = stack.at(-1)) {
    const nested = writeMembers(open, parts, pay);
    if (nested === undefined) {
      parts.push(pay(open.keys === null ? "]" : "}"));
      stack.pop();
      continue;
    }
    if (stack.length >= MAX_DEPTH) {
      parts.push(pay(TOO_DEEP));
      continue;
    }
    stack.push(opened(nested, payForListing));
    parts.push(pay(isArray(nested) ? "[" : "{"));
  }
}

function opened(value: Json, payForListing: (keys: number) => void): Open {
  if (isArray(value)) return { members: value, keys: null, next: 0 };
  const object = value as { readonly [key: string]: Json };
  const keys = Object.keys(object);
  payForListing(keys.length);
  return { members: keys.map((key) => object[key] as Json), keys, next: 0 };
}

/** Writes until a member that is not a scalar, which it gives back; undefined at the end. */
function writeMembers(open: Open, parts: string[], pay: (text: string) => string): Json | undefined {
  const { members, keys } = open;
  while (open.next < members.length) {
    const member = members[open.next] as Json;
    const comma = open.next === 0 ? "" : ",";
    const lead = keys === null ? comma : `${comma}${quoted(keys[open.next] as string)}:`;
    open.next++;
    const text = scalarText(member);
    if (text === undefined) {
      parts.push(pay(lead));
      return member;
    }
    parts.push(pay(lead + text));
  }
  return undefined;
}

/** Thrown to end the writing of a text whose beginning is all that is wanted. */
const ENOUGH = Symbol("enough");

/** A value as error messages show it: its JSON text, cut to 29 bytes with `...` in place of the rest. */
export function shortText(value: Json): string {
  const text = beginningOf(value);
  if (utf8Length(text) <= SHORT_BYTES) return text;
  const end = { '"': '"', "[": "]", "{": "}" }[text[0] ?? ""] ?? "";
  return `${utf8Prefix(text, SHORT_BYTES - 3 - end.length)}...${end}`;
}

/** Steps for each key of an object that is listed for the sake of an error message. */
const SHOWN_KEY_STEPS = 18;
/** Steps for what was looked at for the sake of error messages. */
let shown = 0;

/** The steps for what was looked at for error messages since it was last asked: that, too, has to be paid for. */
export function takeShown(): number {
  const taken = shown;
  shown = 0;
  return taken;
}

function beginningOf(value: Json): string {
  if (typeof value === "string") shown += value.length >>> 5;
  if (typeof value === "string") return quoted(utf8Prefix(value, 4 * SHORT_BYTES));
  const scalar = scalarText(value);
  if (scalar !== undefined) return scalar;
  const parts: string[] = [];
  let length = 0;
  try {
    write(
      value,
      parts,
      (text) => {
        if (length > SHORT_BYTES) throw ENOUGH;
        length += text.length;
        return text;
      },
      (keys) => {
        shown += keys * SHOWN_KEY_STEPS;
      },
    );
  } catch (error) {
    if (error !== ENOUGH) throw error;
  }
  return parts.join("");
}

/** Bytes of a text in UTF-8; half a surrogate pair counts as U+FFFD, three bytes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    if (unit >= 0xd800 && unit <= 0xdbff && isLowSurrogate(text.charCodeAt(i + 1))) i++; // two units, four bytes
  }
  return bytes;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** As many whole characters from the front as fit into so many bytes of UTF-8. */
function utf8Prefix(text: string, bytes: number): string {
  let end = 0;
  let left = bytes;
  for (const character of text) {
    left -= utf8Length(character);
    if (left < 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}
