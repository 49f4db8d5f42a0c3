import { type Ast, nodeOf, type ObjectEntry } from "./ast.ts";
import { literal, PatternParser } from "./pattern-parser.ts";
import { placeOf } from "./place.ts";

const AN_EXPRESSION = "an expression";
const IDENTITY: Ast = { kind: "identity", height: 1 };
const CONSTANTS: ReadonlyMap<string, null | boolean> = new Map([
  ["null", null],
  ["true", true],
  ["false", false],
]);
const MODULE_WORDS: ReadonlySet<string> = new Set(["import", "include", "module"]);

/** Terms: everything that binds tighter than an operator. */
export abstract class TermParser extends PatternParser {
  /** Operators and their operands, without `|`, `,` and `as`. */
  protected abstract expression(): Ast;

  /** A term and what follows it: `.a`, `[…]`, `?`. */
  protected term(): Ast {
    let term = this.primary();
    for (;;) {
      const suffixed = this.suffix(term);
      if (suffixed === undefined) return term;
      term = this.bounded(suffixed);
    }
  }

  private suffix(target: Ast): Ast | undefined {
    switch (this.token.kind) {
      case "field":
        return this.index(target, literal(this.take().text));
      case "[":
        return this.bracket(target);
      case "?":
        this.take();
        return nodeOf({ kind: "try", body: target, handler: undefined }, target);
      case ".":
        this.take();
        return this.afterDot(target);
      default:
        return undefined;
    }
  }

  private afterDot(target: Ast): Ast {
    if (this.is("quote") || this.is("format")) return this.index(target, this.string());
    if (this.is("[")) return this.bracket(target, false);
    throw this.unexpected('a field: .name, ."name" or .["name"]');
  }

  private index(target: Ast, key: Ast): Ast {
    return nodeOf({ kind: "index", target, key, optional: this.accept("?") }, target, key);
  }

  /** @param slices false after a dot: jq has no `.a.[1:2]`. */
  private bracket(target: Ast, slices = true): Ast {
    this.take();
    if (this.accept("]")) return nodeOf({ kind: "each", target, optional: this.accept("?") }, target);
    const from = this.is(":") ? undefined : this.nested(() => this.query());
    if (from !== undefined && this.accept("]")) return this.index(target, from);
    if (!slices) throw this.unexpected('"]" (a slice has no dot before its bracket)');
    this.expect(":", '"]" or ":"');
    const to = this.is("]") ? undefined : this.nested(() => this.query());
    if (from === undefined && to === undefined) throw this.unexpected("an end of the slice");
    this.expect("]");
    return nodeOf({ kind: "slice", target, from, to, optional: this.accept("?") }, target, from, to);
  }

  private primary(): Ast {
    const { kind, at } = this.token;
    switch (kind) {
      case ".":
        this.take();
        return this.afterFirstDot();
      case "..":
        this.take();
        return { kind: "call", name: "recurse", args: [], at, height: 1 };
      case "field":
        return this.index(IDENTITY, literal(this.take().text));
      case "number":
        return literal(Number(this.take().text));
      case "quote":
        return this.stringOf("text");
      case "format":
        return this.format();
      case "binding":
        return this.variable();
      case "identifier":
        return this.call();
      case "(":
        return this.parenthesised();
      case "[":
        return this.array();
      case "{":
        return this.object();
      case "-":
        this.take();
        return this.negated();
      default:
        return this.keywordTerm(kind);
    }
  }

  private keywordTerm(kind: string): Ast {
    switch (kind) {
      case "if":
        this.take();
        return this.nested(() => this.condition());
      case "try":
        this.take();
        return this.nested(() => this.attempt());
      case "reduce":
        this.take();
        return this.nested(() => this.reduction());
      case "foreach":
        this.take();
        return this.nested(() => this.iteration());
      case "break": {
        const { at } = this.take();
        return { kind: "break", name: this.expect("binding", "the label to break to").text, at, height: 1 };
      }
      default:
        if (!MODULE_WORDS.has(kind)) throw this.unexpected(AN_EXPRESSION);
        throw this.error(`"${kind}" cannot be used: an expression has no modules`, this.token.at);
    }
  }

  private afterFirstDot(): Ast {
    if (this.is("quote") || this.is("format")) return this.index(IDENTITY, this.string());
    if (this.is("identifier"))
      throw this.unexpected('a field without a blank after the dot: .name, ."name" or .["name"]');
    return IDENTITY;
  }

  private negated(): Ast {
    const operand = this.nested(() => this.term());
    return nodeOf({ kind: "negate", operand }, operand);
  }

  private format(): Ast {
    const { text, at } = this.take();
    return this.is("quote") ? this.stringOf(text) : { kind: "format", name: text, at, height: 1 };
  }

  private variable(): Ast {
    const { text, at } = this.take();
    if (text === "__loc__") return { kind: "location", line: placeOf(this.source, at).line, height: 1 };
    return { kind: "variable", name: text, at, height: 1 };
  }

  private call(): Ast {
    const { text, at } = this.take();
    const args: Ast[] = [];
    if (this.accept("(")) {
      do args.push(this.nested(() => this.query()));
      while (this.accept(";"));
      this.expect(")", '";" or ")"');
    }
    const constant = CONSTANTS.get(text);
    if (constant !== undefined && args.length === 0) return literal(constant);
    return nodeOf({ kind: "call", name: text, args, at }, ...args);
  }

  private parenthesised(): Ast {
    this.take();
    const inside = this.nested(() => this.query());
    this.expect(")");
    return inside;
  }

  private array(): Ast {
    this.take();
    if (this.accept("]")) return { kind: "array", body: undefined, height: 1 };
    const body = this.nested(() => this.query());
    this.expect("]");
    return nodeOf({ kind: "array", body }, body);
  }

  private object(): Ast {
    this.take();
    const entries: ObjectEntry[] = [];
    while (!this.is("}")) {
      entries.push(this.objectEntry());
      if (!this.accept(",")) break;
    }
    this.expect("}", '"," or "}"');
    return nodeOf({ kind: "object", entries }, ...entries.flatMap(({ key, value }) => [key, value]));
  }

  private objectEntry(): ObjectEntry {
    if (this.is("binding")) {
      const variable = this.variable();
      const name = variable.kind === "variable" ? variable.name : "__loc__";
      const isKey = variable.kind === "variable" && this.accept(":");
      return isKey ? { key: variable, value: this.objectValue() } : { key: literal(name), value: variable };
    }
    const computed = this.is("(");
    const key = this.key('a key, a string, a variable, "(" or "}"');
    if (computed && !this.is(":")) throw this.unexpected('":" after the key');
    if (this.accept(":")) return { key, value: this.objectValue() };
    if (this.is(",") || this.is("}")) return { key, value: undefined };
    throw this.unexpected('":", "," or "}" (a computed key stands in parentheses)');
  }

  /** Pipes without commas. */
  private objectValue(): Ast {
    return this.nested(() => {
      const value = this.expression();
      if (!this.accept("|")) return value;
      const right = this.objectValue();
      return nodeOf({ kind: "pipe", left: value, right }, value, right);
    });
  }

  private condition(): Ast {
    const condition = this.query();
    this.expect("then");
    const then = this.query();
    const otherwise = this.otherwise();
    return nodeOf({ kind: "if", condition, then, otherwise }, condition, then, otherwise);
  }

  private otherwise(): Ast | undefined {
    if (this.accept("elif")) return this.nested(() => this.condition());
    const otherwise = this.accept("else") ? this.query() : undefined;
    this.expect("end", otherwise === undefined ? '"elif", "else" or "end"' : '"end"');
    return otherwise;
  }

  private attempt(): Ast {
    const body = this.term();
    const handler = this.accept("catch") ? this.term() : undefined;
    return nodeOf({ kind: "try", body, handler }, body, handler);
  }

  private reduction(): Ast {
    const source = this.expression();
    this.expect("as");
    const patterns = this.patterns();
    this.expect("(");
    const init = this.query();
    this.expect(";");
    const update = this.query();
    this.expect(")");
    return nodeOf({ kind: "reduce", source, patterns, init, update }, source, init, update);
  }

  private iteration(): Ast {
    const source = this.expression();
    this.expect("as");
    const patterns = this.patterns();
    this.expect("(");
    const init = this.query();
    this.expect(";");
    const update = this.query();
    const extract = this.accept(";") ? this.query() : undefined;
    this.expect(")", extract === undefined ? '";" or ")"' : '")"');
    return nodeOf({ kind: "foreach", source, patterns, init, update, extract }, source, init, update, extract);
  }
}
