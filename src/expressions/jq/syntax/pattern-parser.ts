import { type Ast, nodeOf, type Offset, type Pattern, type PatternEntry, type StringPart } from "./ast.ts";
import { KEYWORDS } from "./lexer.ts";
import { TokenStream } from "./token-stream.ts";

const A_PATTERN = 'a pattern: a variable, "[" or "{"';

/** Patterns of `as`, and the strings and keys that they share with terms. */
export abstract class PatternParser extends TokenStream {
  /** A whole program, as far as it goes. */
  protected abstract query(): Ast;

  /** One pattern, or several with `?//` between them. */
  protected patterns(): readonly Pattern[] {
    const patterns = [this.pattern()];
    while (this.accept("?//")) patterns.push(this.pattern());
    return patterns;
  }

  private pattern(): Pattern {
    if (this.is("binding")) return { kind: "variable", name: this.take().text };
    if (this.accept("[")) return { kind: "array", items: this.listOf(() => this.nestedPattern(), "]") };
    if (this.accept("{")) return { kind: "object", entries: this.listOf(() => this.patternEntry(), "}") };
    throw this.unexpected(A_PATTERN);
  }

  private nestedPattern(): Pattern {
    let pattern: Pattern | undefined;
    this.nested(() => {
      pattern = this.pattern();
      return { kind: "identity", height: 1 };
    });
    if (pattern === undefined) throw this.unexpected(A_PATTERN);
    return pattern;
  }

  private listOf<Item>(item: () => Item, closer: "]" | "}"): readonly Item[] {
    const items = [item()];
    while (this.accept(",")) items.push(item());
    this.expect(closer, `"," or "${closer}"`);
    return items;
  }

  private patternEntry(): PatternEntry {
    if (this.is("binding")) {
      const name = this.take().text;
      const pattern = this.accept(":") ? this.nestedPattern() : undefined;
      return { key: literal(name), variable: name, pattern };
    }
    const key = this.key("a key, a variable or a string");
    this.expect(":");
    return { key, variable: undefined, pattern: this.nestedPattern() };
  }

  /** A key of an object or of its pattern: a name, a string, or `( )` around a program. */
  protected key(expected: string): Ast {
    if (this.is("identifier") || KEYWORDS.has(this.token.kind)) return literal(this.take().text);
    if (this.is("quote") || this.is("format")) return this.string();
    if (!this.is("(")) throw this.unexpected(expected);
    this.take();
    const at = this.token.at;
    const key = this.nested(() => this.query());
    this.refuseConstantKey(key, at);
    this.expect(")");
    return key;
  }

  private refuseConstantKey(key: Ast, at: Offset): void {
    if (key.kind !== "literal" || typeof key.value === "string") return;
    throw this.error(`a key must be a string, not ${JSON.stringify(key.value)}`, at);
  }

  /** `"…"` or `@format "…"`. */
  protected string(): Ast {
    const format = this.is("format") ? this.take().text : "text";
    if (!this.is("quote")) throw this.unexpected("a string");
    return this.stringOf(format);
  }

  /** A string whose first quote is the current token. */
  protected stringOf(format: string): Ast {
    const { at } = this.token;
    const parts: StringPart[] = [];
    for (;;) {
      const { text, interpolates } = this.piece(at);
      if (text !== "") parts.push(text);
      this.resume();
      if (!interpolates) break;
      parts.push(this.nested(() => this.query()));
      if (!this.is(")")) throw this.unexpected('")" after the program inside the string');
    }
    const first = parts[0] ?? "";
    if (parts.length <= 1 && typeof first === "string") return literal(first);
    return nodeOf({ kind: "string", format, parts, at }, ...parts.filter((part) => typeof part !== "string"));
  }
}

export function literal(value: null | boolean | number | string): Ast {
  return { kind: "literal", value, height: 1 };
}
