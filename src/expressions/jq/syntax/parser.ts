import { JqSyntaxError } from "../errors.ts";
import {
  type Ast,
  type BinaryOperator,
  type FunctionDefinition,
  nodeOf,
  type Parameter,
  type UpdateOperator,
} from "./ast.ts";
import { TermParser } from "./term-parser.ts";

/** Longer texts are refused, in UTF-16 units. */
const MAX_LENGTH = 262_144;

type Operator =
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly level: number }
  | { readonly kind: "update"; readonly operator: UpdateOperator; readonly level: number }
  | { readonly kind: "and" | "or" | "alternative"; readonly level: number };

const ALTERNATIVE = 1;
const UPDATE = 2;
const COMPARISON = 5;

/** A higher level binds tighter. */
const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["//", { kind: "alternative", level: ALTERNATIVE }],
  ...(["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="] as const).map(
    (operator) => [operator, { kind: "update", operator, level: UPDATE }] as const,
  ),
  ["or", { kind: "or", level: 3 }],
  ["and", { kind: "and", level: 4 }],
  ...(["==", "!=", "<", "<=", ">", ">="] as const).map(
    (operator) => [operator, { kind: "binary", operator, level: COMPARISON }] as const,
  ),
  ...(["+", "-"] as const).map((operator) => [operator, { kind: "binary", operator, level: 6 }] as const),
  ...(["*", "/", "%"] as const).map((operator) => [operator, { kind: "binary", operator, level: 7 }] as const),
]);

/** The syntax tree of a jq program. @throws {JqSyntaxError} with the place, and what was expected there. */
export function parse(source: string): Ast {
  if (source.length > MAX_LENGTH) {
    throw new JqSyntaxError(`an expression has at most ${MAX_LENGTH} characters, not ${source.length}`, 1, 1);
  }
  return new Parser(source).program();
}

/** The definitions of a text that holds nothing else. */
export function parseDefinitions(source: string): readonly FunctionDefinition[] {
  return new Parser(source).definitions();
}

/** Programs: operators, `|`, `,`, `as`, `def` and `label`. */
class Parser extends TermParser {
  program(): Ast {
    if (this.is("end of the expression")) throw this.error("the expression is empty", 0);
    const program = this.nested(() => this.query());
    if (!this.is("end of the expression")) throw this.unexpected("an operator or the end of the expression");
    return program;
  }

  definitions(): readonly FunctionDefinition[] {
    const definitions: FunctionDefinition[] = [];
    while (this.accept("def")) definitions.push(this.definition());
    return definitions;
  }

  /** Stages with `|` between them. The last may be a binding, which takes all that follows. */
  protected query(): Ast {
    const stages = [this.commas()];
    while (this.accept("|")) stages.push(this.commas());
    return stages.reduceRight((right, left) => this.bounded(nodeOf({ kind: "pipe", left, right }, left, right)));
  }

  private commas(): Ast {
    const first = this.operand();
    if (!this.is(",")) return first;
    const items = [first];
    while (this.accept(",")) items.push(this.operand());
    return nodeOf({ kind: "comma", items }, ...items);
  }

  private operand(): Ast {
    if (this.accept("def")) return this.nested(() => this.definitionAndRest());
    if (this.accept("label")) return this.nested(() => this.label());
    const source = this.expression();
    return this.accept("as") ? this.nested(() => this.binding(source)) : source;
  }

  private definitionAndRest(): Ast {
    const definition = this.definition();
    const body = this.query();
    return nodeOf({ kind: "def", definition, body }, definition.body, body);
  }

  private definition(): FunctionDefinition {
    const name = this.expect("identifier", "the name of a function").text;
    const parameters = this.accept("(") ? this.parameters() : [];
    this.expect(":", parameters.length === 0 ? '"(" or ":"' : '":"');
    const body = this.nested(() => this.query());
    this.expect(";", '";" after the body of the function');
    return { name, parameters, body };
  }

  private parameters(): readonly Parameter[] {
    const parameters: Parameter[] = [];
    do {
      const isValue = this.is("binding");
      if (!isValue && !this.is("identifier")) throw this.unexpected("the name of a parameter");
      parameters.push({ name: this.take().text, isValue });
    } while (this.accept(";"));
    this.expect(")", '";" or ")"');
    return parameters;
  }

  private label(): Ast {
    const name = this.expect("binding", "the name of a label, such as $out").text;
    this.expect("|");
    const body = this.query();
    return nodeOf({ kind: "label", name, body }, body);
  }

  private binding(source: Ast): Ast {
    const patterns = this.patterns();
    this.expect("|", '"|" after the pattern');
    const body = this.query();
    return nodeOf({ kind: "bind", source, patterns, body }, source, body);
  }

  protected expression(): Ast {
    return this.operators(ALTERNATIVE);
  }

  private operators(lowest: number): Ast {
    let left = this.term();
    for (;;) {
      const operator = OPERATORS.get(this.token.kind);
      if (operator === undefined || operator.level < lowest) return left;
      this.take();
      left = this.bounded(this.applied(operator, left));
      this.refuseSecond(operator);
    }
  }

  private applied(operator: Operator, left: Ast): Ast {
    // `//` groups to the right, all others to the left.
    const right =
      operator.level === ALTERNATIVE
        ? this.nested(() => this.operators(ALTERNATIVE))
        : this.operators(operator.level + 1);
    const { level: _level, ...shape } = operator;
    return nodeOf({ ...shape, left, right }, left, right);
  }

  /** `a < b < c` and `a = b = c` mean nothing. */
  private refuseSecond({ level }: Operator): void {
    if (level !== UPDATE && level !== COMPARISON) return;
    if (OPERATORS.get(this.token.kind)?.level !== level) return;
    throw this.unexpected("parentheses, since such operators cannot follow each other,");
  }
}
