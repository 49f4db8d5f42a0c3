import { JqSyntaxError } from "../errors.ts";
import { unescapeRun } from "./escapes.ts";
import { placeOf } from "./place.ts";

/** What kind of token: its own text for keywords and punctuation. */
export type TokenKind =
  | "identifier"
  | "field"
  | "binding"
  | "number"
  | "format"
  | "quote"
  | "end of the expression"
  | (string & {});

export interface Token {
  readonly kind: TokenKind;
  /** The name without `.`, `$` or `@`; the digits of a number; the text itself of everything else. */
  readonly text: string;
  /** Offset of its first character. */
  readonly at: number;
}

/** A string up to its end, or up to an interpolation, which then follows. */
export interface StringPiece {
  readonly text: string;
  readonly interpolates: boolean;
}

export const KEYWORDS: ReadonlySet<string> = new Set([
  "as",
  "import",
  "include",
  "module",
  "def",
  "if",
  "then",
  "else",
  "elif",
  "and",
  "or",
  "end",
  "reduce",
  "foreach",
  "try",
  "catch",
  "label",
  "break",
]);

/** Marks of more than one character: jq takes the longest that fits, so that `?//` is one. */
const LONG_MARKS: readonly string[] = [
  "?//",
  "//=",
  "//",
  "..",
  "==",
  "!=",
  "<=",
  ">=",
  "|=",
  "+=",
  "-=",
  "*=",
  "/=",
  "%=",
];
const SHORT_MARKS: ReadonlySet<string> = new Set(".?=;,:|+-*/%$<>()[]{}");
const LONG_STARTS: ReadonlySet<string> = new Set(LONG_MARKS.map((mark) => mark.charAt(0)));
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
/** A name with the modules it is in. */
const QUALIFIED = /(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*/y;
/** A comment goes on after an odd number of backslashes at the end of its line. */
const COMMENT = /#(?:\\(?:\\|\r?\n)|[^\n])*/y;
const TEXT = /[^\\"]+/y;
const ESCAPES = /(?:\\[^u(]|\\u[A-Za-z0-9]{0,4})+/y;

const FIRST_HALF_ALONE = /[\ud800-\udbff](?![\udc00-\udfff])/;

const DOT = 0x2e;
const DOLLAR = 0x24;
const AT = 0x40;
const HASH = 0x23;

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function startsWord(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

function isWord(code: number): boolean {
  return startsWord(code) || isDigit(code);
}

/** Cuts a jq text into tokens, one at a time. Strings are read in pieces, since programs stand inside them. */
export class Lexer {
  private position = 0;

  constructor(readonly source: string) {}

  /** The next token. @throws {JqSyntaxError} for a character that begins none. */
  next(): Token {
    const at = this.skipSpace();
    if (at >= this.source.length) return { kind: "end of the expression", text: "", at };
    const code = this.source.charCodeAt(at);
    if (startsWord(code)) return this.word(at);
    if (code === DOT && startsWord(this.source.charCodeAt(at + 1))) return this.named("field", at, at + 1);
    if (isDigit(code) || (code === DOT && isDigit(this.source.charCodeAt(at + 1)))) return this.number(at);
    if (code === DOLLAR && startsWord(this.source.charCodeAt(at + 1))) {
      const text = this.match(QUALIFIED, at + 1);
      this.position = at + 1 + text.length;
      return { kind: "binding", text, at };
    }
    if (code === AT && isWord(this.source.charCodeAt(at + 1))) return this.named("format", at, at + 1);
    return this.mark(at);
  }

  private skipSpace(): number {
    let at = this.position;
    for (;;) {
      const code = this.source.charCodeAt(at);
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) at++;
      else if (code === HASH) at += this.match(COMMENT, at).length;
      else break;
    }
    this.position = at;
    return at;
  }

  private word(at: number): Token {
    let end = this.endOfWord(at);
    if (this.source.startsWith("::", end)) end = at + this.match(QUALIFIED, at).length;
    this.position = end;
    const text = this.source.slice(at, end);
    return { kind: KEYWORDS.has(text) ? text : "identifier", text, at };
  }

  private named(kind: TokenKind, at: number, start: number): Token {
    this.position = this.endOfWord(start);
    return { kind, text: this.source.slice(start, this.position), at };
  }

  private number(at: number): Token {
    const text = this.match(NUMBER, at);
    this.position = at + text.length;
    return { kind: "number", text, at };
  }

  private mark(at: number): Token {
    const first = this.source.charAt(at);
    const long = LONG_STARTS.has(first) ? LONG_MARKS.find((mark) => this.source.startsWith(mark, at)) : undefined;
    const text = long ?? first;
    if (long === undefined && first !== '"' && !SHORT_MARKS.has(first)) {
      throw this.error(`unexpected character ${JSON.stringify(this.characterAt(at))}`, at);
    }
    this.position = at + text.length;
    return { kind: text === '"' ? "quote" : text, text, at };
  }

  private endOfWord(start: number): number {
    let end = start;
    while (isWord(this.source.charCodeAt(end))) end++;
    return end;
  }

  private match(pattern: RegExp, at: number): string {
    pattern.lastIndex = at;
    return pattern.exec(this.source)?.[0] ?? "";
  }

  /** Reads on inside a string: after its first quote, or after the `)` of an interpolation. */
  stringPiece(startedAt: number): StringPiece {
    let text = "";
    for (;;) {
      const at = this.position;
      const next = this.source[at];
      if (next === undefined) throw this.error("the string that begins here is not closed", startedAt);
      if (next === '"' || (next === "\\" && this.source[at + 1] === "(")) {
        this.position = at + (next === '"' ? 1 : 2);
        return { text, interpolates: next !== '"' };
      }
      text += next === "\\" ? this.escapes(at) : this.plainText(at);
    }
  }

  error(message: string, at: number): JqSyntaxError {
    const { line, column } = placeOf(this.source, at);
    return new JqSyntaxError(message, line, column);
  }

  private plainText(at: number): string {
    TEXT.lastIndex = at;
    const text = TEXT.exec(this.source)?.[0] ?? "";
    this.position = at + text.length;
    return text;
  }

  /** Escapes that follow each other are read together: two of them may make one character. */
  private escapes(at: number): string {
    ESCAPES.lastIndex = at;
    const run = ESCAPES.exec(this.source)?.[0];
    if (run === undefined) throw this.error('a string cannot end in "\\"', at);
    this.position = at + run.length;
    const text = unescapeRun(run);
    if (text === undefined) {
      throw this.error(`invalid escape ${run}; expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX or \\( )`, at);
    }
    if (FIRST_HALF_ALONE.test(text)) {
      throw this.error("after \\uD800 to \\uDBFF comes the second half of a surrogate pair, \\uDC00 to \\uDFFF", at);
    }
    return text;
  }

  private characterAt(at: number): string {
    return String.fromCodePoint(this.source.codePointAt(at) ?? 0);
  }
}
