import type { JqSyntaxError } from "../errors.ts";
import type { Ast } from "./ast.ts";
import { Lexer, type StringPiece, type Token, type TokenKind } from "./lexer.ts";

/** Programs nest brackets, prefixes and definitions at most so deep. */
const MAX_NESTING = 300;
/** The longest way down a syntax tree: a chain of so many operators or suffixes. */
const MAX_HEIGHT = 1_000;
/** What bounds the time of compiling: each token makes some nodes of the program, at about a microsecond each. */
const MAX_TOKENS = 65_536;

/** What all parts of the parser share: the current token, and how to complain about it. */
export class TokenStream {
  protected token: Token;
  private readonly lexer: Lexer;
  private nesting = 0;
  private tokens = 0;

  constructor(readonly source: string) {
    this.lexer = new Lexer(source);
    this.token = this.next();
  }

  private next(): Token {
    const token = this.lexer.next();
    if (++this.tokens > MAX_TOKENS)
      throw this.error(`an expression has at most ${MAX_TOKENS} words and signs`, token.at);
    return token;
  }

  protected is(kind: TokenKind): boolean {
    return this.token.kind === kind;
  }

  /** The current token, after moving on to the next. */
  protected take(): Token {
    const taken = this.token;
    this.token = this.next();
    return taken;
  }

  /** Moves on if the current token is of a kind. */
  protected accept(kind: TokenKind): boolean {
    if (this.token.kind !== kind) return false;
    this.token = this.next();
    return true;
  }

  /** @param expected what should stand here, in words; the kind itself, quoted, when left out. */
  protected expect(kind: TokenKind, expected = `"${kind}"`): Token {
    if (this.token.kind !== kind) throw this.unexpected(expected);
    return this.take();
  }

  protected unexpected(expected: string): JqSyntaxError {
    return this.error(`unexpected ${describe(this.token)}: expected ${expected}`, this.token.at);
  }

  protected error(message: string, at: number): JqSyntaxError {
    return this.lexer.error(message, at);
  }

  protected piece(startedAt: number): StringPiece {
    return this.lexer.stringPiece(startedAt);
  }

  /** Moves on past a token that `piece` ended at. */
  protected resume(): void {
    this.token = this.next();
  }

  /** Parses something one level deeper. */
  protected nested(parse: () => Ast): Ast {
    if (++this.nesting > MAX_NESTING) {
      throw this.error(`an expression nests at most ${MAX_NESTING} levels deep`, this.token.at);
    }
    const ast = this.bounded(parse());
    this.nesting--;
    return ast;
  }

  /** The tree itself, if it is not too high. */
  protected bounded(ast: Ast): Ast {
    if (ast.height > MAX_HEIGHT) {
      throw this.error(`an expression has at most ${MAX_HEIGHT} operations inside each other`, this.token.at);
    }
    return ast;
  }
}

function describe({ kind, text }: Token): string {
  switch (kind) {
    case "quote":
      return "string";
    case "field":
      return `".${text}"`;
    case "binding":
      return `"$${text}"`;
    case "format":
      return `"@${text}"`;
    case "end of the expression":
      return kind;
    default:
      return `"${text}"`;
  }
}
