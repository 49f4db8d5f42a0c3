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

/** jq takes the longest token that fits: `?//` is one, and `//=` is one. */
const TOKEN =
  /(?<field>\.[A-Za-z_]\w*)|(?<binding>\$(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*)|(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<word>(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*)|@(?<format>\w+)|(?<mark>\?\/\/|\/\/=|[!=<>|+\-*/%]=|\/\/|\.\.|[.?=;,:|+\-*/%$<>()[\]{}"])/y;
/** A comment goes on after an odd number of backslashes at the end of its line. */
const SPACE = /(?:[ \t\r\n]+|#(?:\\(?:\\|\r?\n)|[^\n])*)+/y;
const TEXT = /[^\\"]+/y;
const ESCAPES = /(?:\\[^u(]|\\u[A-Za-z0-9]{0,4})+/y;

/** Cuts a jq text into tokens, one at a time. Strings are read in pieces, since programs stand inside them. */
export class Lexer {
  private position = 0;

  constructor(readonly source: string) {}

  /** The next token. @throws {JqSyntaxError} for a character that begins none. */
  next(): Token {
    SPACE.lastIndex = this.position;
    if (SPACE.test(this.source)) this.position = SPACE.lastIndex;
    const at = this.position;
    if (at >= this.source.length) return { kind: "end of the expression", text: "", at };
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(this.source)?.groups;
    if (groups === undefined) throw this.error(`unexpected character ${JSON.stringify(this.characterAt(at))}`, at);
    this.position = TOKEN.lastIndex;
    const { field, binding, number, word, format, mark } = groups;
    if (mark !== undefined) return { kind: mark === '"' ? "quote" : mark, text: mark, at };
    if (field !== undefined) return { kind: "field", text: field.slice(1), at };
    if (word !== undefined) return { kind: KEYWORDS.has(word) ? word : "identifier", text: word, at };
    if (binding !== undefined) return { kind: "binding", text: binding.slice(1), at };
    if (number !== undefined) return { kind: "number", text: number, at };
    return { kind: "format", text: format ?? "", at };
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
    return text;
  }

  private characterAt(at: number): string {
    return String.fromCodePoint(this.source.codePointAt(at) ?? 0);
  }
}
