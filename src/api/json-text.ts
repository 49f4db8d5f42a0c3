/** Deeper data would overflow the stack of whoever walks it recursively. */
export const MAX_JSON_DEPTH = 200;

/** Where and why a text is not JSON we take. Line and column from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

type Expected = "value" | "value or ]" | "key" | "key or }" | "colon" | "comma or end" | "nothing";

/**
 * Finds the first fault of a JSON text (RFC 8259): V8 names no position for long ones. Nesting beyond `MAX_JSON_DEPTH` is a fault
 * too; a key named `__proto__` is one like any other.
 */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = 0;

  for (;;) {
    at = skipSpace(text, at);
    const char = text[at];
    if (char === undefined)
      return expected === "nothing" ? undefined : fault(text, at, `it ends where a ${expected} is expected`);
    switch (expected) {
      case "nothing":
        return fault(text, at, `unexpected ${show(char)} after the end of the document`);
      case "colon":
        if (char !== ":") return fault(text, at, `":" is expected after a key, not ${show(char)}`);
        at++;
        expected = "value";
        continue;
      case "comma or end": {
        const close = open.at(-1) === "{" ? "}" : "]";
        if (char !== "," && char !== close) return fault(text, at, `"," or "${close}" is expected, not ${show(char)}`);
        at++;
        if (char === ",") expected = open.at(-1) === "{" ? "key" : "value";
        else expected = afterClose(open);
        continue;
      }
      case "key":
      case "key or }": {
        if (char === "}" && expected === "key or }") {
          at++;
          expected = afterClose(open);
          continue;
        }
        if (char !== '"') return fault(text, at, `a key in double quotes is expected, not ${show(char)}`);
        const end = stringEnd(text, at);
        if (typeof end !== "number") return end;
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
          if (open.length >= MAX_JSON_DEPTH)
            return fault(text, at, `it is nested deeper than ${MAX_JSON_DEPTH} levels`);
          open.push(char);
          at++;
          expected = char === "{" ? "key or }" : "value or ]";
          continue;
        }
        const end = char === '"' ? stringEnd(text, at) : scalarEnd(text, at);
        if (typeof end !== "number") return end;
        at = end;
        expected = open.length === 0 ? "nothing" : "comma or end";
      }
    }
  }
}

function afterClose(open: ("{" | "[")[]): Expected {
  open.pop();
  return open.length === 0 ? "nothing" : "comma or end";
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return at;
}

/** The offset after the string that begins at `from`. */
function stringEnd(text: string, from: number): number | JsonFault {
  for (let at = from + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (Number.isNaN(code)) return fault(text, at, "a string is not closed");
    if (code === 0x22) return at + 1;
    if (code < 0x20) return fault(text, at, "a string holds a control character that is not escaped");
    if (code !== 0x5c) continue;
    const escaped = /^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at + 1, at + 6));
    if (!escaped) return fault(text, at, "a string holds an unknown escape");
    at += escaped[0].length;
  }
}

const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;

function scalarEnd(text: string, from: number): number | JsonFault {
  SCALAR.lastIndex = from;
  return SCALAR.test(text) ? SCALAR.lastIndex : fault(text, from, `a value is expected, not ${show(text[from] ?? "")}`);
}

function fault(text: string, offset: number, message: string): JsonFault {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1, message };
}

function show(char: string): string {
  return char === '"' ? "a string" : JSON.stringify(char);
}
