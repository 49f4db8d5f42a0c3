import { numberFault, SHORT_NUMBER } from "./json-number.ts";
import { pointerOf } from "./task-reference.ts";

/** Deeper data would overflow the stack of whoever walks it recursively. */
export const MAX_JSON_DEPTH = 200;
/** More of one kind say nothing new. */
const MOST_FAULTS = 20;

/** Where and why a text is not JSON we take. Line and column from 1. */
export interface JsonFault {
  /** Of the value, or of what holds the place where the text breaks off. */
  readonly pointer: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

type Expected = "value" | "value or ]" | "key" | "key or }" | "colon" | "comma or end" | "nothing";

/** An object or a list that is open. */
interface Level {
  /** Keys so far; null for a list. */
  readonly keys: Set<string> | null;
  /** Of the member that is read, in a list its index. */
  at: string | number;
}

/**
 * The faults of a JSON text (RFC 8259), for V8 names no position for long ones and takes what would be changed without a word: a key
 * that stands twice in an object, and numbers that a double does not hold. Those are told all at once (at most 20), up to the first place
 * where the text is no JSON. Nesting beyond `MAX_JSON_DEPTH` is a fault too; a key named `__proto__` is one like any other.
 */
export function jsonFaults(text: string): readonly JsonFault[] {
  const faults: JsonFault[] = [];
  const open: Level[] = [];
  let expected: Expected = "value";
  let at = 0;

  const fault = (offset: number, message: string) => faults.push(faultAt(text, offset, pointerTo(open), message));
  const endsWith = (offset: number, message: string) => {
    const isInside = expected === "colon" || expected.startsWith("value");
    faults.push(faultAt(text, offset, pointerTo(isInside ? open : open.slice(0, -1)), message));
    return faults;
  };

  while (faults.length < MOST_FAULTS) {
    at = skipSpace(text, at);
    const char = text[at];
    if (char === undefined)
      return expected === "nothing" ? faults : endsWith(at, `it ends where a ${expected} is expected`);
    switch (expected) {
      case "nothing":
        return endsWith(at, `unexpected ${show(char)} after the end of the document`);
      case "colon":
        if (char !== ":") return endsWith(at, `":" is expected after a key, not ${show(char)}`);
        at++;
        expected = "value";
        continue;
      case "comma or end": {
        const level = open[open.length - 1];
        const close = level?.keys == null ? "]" : "}";
        if (char !== "," && char !== close) return endsWith(at, `"," or "${close}" is expected, not ${show(char)}`);
        at++;
        if (char !== ",") expected = afterClose(open);
        else if (close === "}") expected = "key";
        else {
          if (typeof level?.at === "number") level.at++;
          expected = "value";
        }
        continue;
      }
      case "key":
      case "key or }": {
        if (char === "}" && expected === "key or }") {
          at++;
          expected = afterClose(open);
          continue;
        }
        if (char !== '"') return endsWith(at, `a key in double quotes is expected, not ${show(char)}`);
        const end = stringEnd(text, at);
        if (typeof end !== "number") return endsWith(end.offset, end.message);
        const level = open[open.length - 1];
        if (level?.keys != null) {
          level.at = textOf(text, at, end);
          if (level.keys.has(level.at)) fault(at, `the key ${JSON.stringify(level.at)} stands twice`);
          level.keys.add(level.at);
        }
        at = end;
        expected = "colon";
        continue;
      }
      case "value":
      case "value or ]": {
        if (char === "]" && expected === "value or ]") {
          at++;
          expected = afterClose(open);
          continue;
        }
        if (char === "{" || char === "[") {
          if (open.length >= MAX_JSON_DEPTH) return endsWith(at, `it is nested deeper than ${MAX_JSON_DEPTH} levels`);
          open.push(char === "{" ? { keys: new Set(), at: "" } : { keys: null, at: 0 });
          at++;
          expected = char === "{" ? "key or }" : "value or ]";
          continue;
        }
        const end = char === '"' ? stringEnd(text, at) : scalarEnd(text, at);
        if (typeof end !== "number") return endsWith(end.offset, end.message);
        if (char === "-" || (char >= "0" && char <= "9")) {
          const lost = isPlain(text, at, end) ? undefined : numberFault(text.slice(at, end));
          if (lost !== undefined) fault(at, `the number ${shortened(text.slice(at, end))} ${lost}`);
        }
        at = end;
        expected = open.length === 0 ? "nothing" : "comma or end";
      }
    }
  }
  return faults;
}

function afterClose(open: Level[]): Expected {
  open.pop();
  return open.length === 0 ? "nothing" : "comma or end";
}

/** Where a text breaks off. */
interface Break {
  readonly offset: number;
  readonly message: string;
}

function skipSpace(text: string, from: number): number {
  for (let at = from; ; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x20 || (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)) return at;
  }
}

/** The offset after the string that begins at `from`. */
function stringEnd(text: string, from: number): number | Break {
  for (let at = from + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (Number.isNaN(code)) return { offset: at, message: "a string is not closed" };
    if (code === 0x22) return at + 1;
    if (code < 0x20) return { offset: at, message: "a string holds a control character that is not escaped" };
    if (code !== 0x5c) continue;
    const escaped = /^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at + 1, at + 6));
    if (!escaped) return { offset: at, message: "a string holds an unknown escape" };
    at += escaped[0].length;
  }
}

/** What the string from `from` to `end` says. */
function textOf(text: string, from: number, end: number): string {
  const inner = text.slice(from + 1, end - 1);
  return inner.includes("\\") ? String(JSON.parse(text.slice(from, end))) : inner;
}

const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;

function scalarEnd(text: string, from: number): number | Break {
  SCALAR.lastIndex = from;
  return SCALAR.test(text)
    ? SCALAR.lastIndex
    : { offset: from, message: `a value is expected, not ${show(text[from] ?? "")}` };
}

/** Short and without an exponent: nearly every number, and nothing can be wrong with one. */
function isPlain(text: string, from: number, end: number): boolean {
  if (end - from > SHORT_NUMBER) return false;
  for (let at = from; at < end; at++) if ((text.charCodeAt(at) | 0x20) === 0x65) return false;
  return true;
}

function pointerTo(open: readonly Level[]): string {
  return pointerOf("", ...open.map(({ at }) => at));
}

function faultAt(text: string, offset: number, pointer: string, message: string): JsonFault {
  const before = text.slice(0, offset).split("\n");
  return { pointer, line: before.length, column: (before.at(-1) ?? "").length + 1, message };
}

function show(char: string): string {
  return char === '"' ? "a string" : JSON.stringify(char);
}

function shortened(literal: string): string {
  return literal.length <= 40 ? literal : `${literal.slice(0, 37)}...`;
}
