import type { Json } from "../../../values/json.ts";

/** Where something begins in the text: an offset in UTF-16 units. */
export type Offset = number;

/** Operators with two operands that are evaluated for their cartesian product. */
export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=";

/** Operators that change a copy of their input at the paths of their left side. */
export type UpdateOperator = "=" | "|=" | "+=" | "-=" | "*=" | "/=" | "%=" | "//=";

export interface FunctionDefinition {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: Ast;
}

/** `f` of `def g(f): …`, or `$f`, which is bound as a variable as well. */
export interface Parameter {
  readonly name: string;
  readonly isValue: boolean;
}

export type Pattern =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "array"; readonly items: readonly Pattern[] }
  | { readonly kind: "object"; readonly entries: readonly PatternEntry[] };

/** `$name`, `$name: pattern` or `key: pattern` inside `{ }` of a pattern. */
export interface PatternEntry {
  readonly key: Ast;
  /** Bound to the member itself: the `$name` form. */
  readonly variable: string | undefined;
  readonly pattern: Pattern | undefined;
}

export interface ObjectEntry {
  readonly key: Ast;
  /** Undefined: the member of the input under that key. */
  readonly value: Ast | undefined;
}

/** A piece of a string: its text, or what stands in `\( )`. */
export type StringPart = string | Ast;

export type AstShape =
  | { readonly kind: "identity" }
  | { readonly kind: "literal"; readonly value: Json }
  | { readonly kind: "string"; readonly format: string; readonly parts: readonly StringPart[]; readonly at: Offset }
  | { readonly kind: "format"; readonly name: string; readonly at: Offset }
  | { readonly kind: "index"; readonly target: Ast; readonly key: Ast; readonly optional: boolean }
  | {
      readonly kind: "slice";
      readonly target: Ast;
      readonly from: Ast | undefined;
      readonly to: Ast | undefined;
      readonly optional: boolean;
    }
  | { readonly kind: "each"; readonly target: Ast; readonly optional: boolean }
  | { readonly kind: "try"; readonly body: Ast; readonly handler: Ast | undefined }
  | { readonly kind: "negate"; readonly operand: Ast }
  | { readonly kind: "array"; readonly body: Ast | undefined }
  | { readonly kind: "object"; readonly entries: readonly ObjectEntry[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Ast[]; readonly at: Offset }
  | { readonly kind: "variable"; readonly name: string; readonly at: Offset }
  | { readonly kind: "location"; readonly line: number }
  | {
      readonly kind: "reduce";
      readonly source: Ast;
      readonly patterns: readonly Pattern[];
      readonly init: Ast;
      readonly update: Ast;
    }
  | {
      readonly kind: "foreach";
      readonly source: Ast;
      readonly patterns: readonly Pattern[];
      readonly init: Ast;
      readonly update: Ast;
      readonly extract: Ast | undefined;
    }
  | { readonly kind: "if"; readonly condition: Ast; readonly then: Ast; readonly otherwise: Ast | undefined }
  | { readonly kind: "bind"; readonly source: Ast; readonly patterns: readonly Pattern[]; readonly body: Ast }
  | { readonly kind: "label"; readonly name: string; readonly body: Ast }
  | { readonly kind: "break"; readonly name: string; readonly at: Offset }
  | { readonly kind: "def"; readonly definition: FunctionDefinition; readonly body: Ast }
  | { readonly kind: "pipe"; readonly left: Ast; readonly right: Ast }
  | { readonly kind: "comma"; readonly items: readonly Ast[] }
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly left: Ast; readonly right: Ast }
  | { readonly kind: "and" | "or" | "alternative"; readonly left: Ast; readonly right: Ast }
  | { readonly kind: "update"; readonly operator: UpdateOperator; readonly left: Ast; readonly right: Ast };

/** A node of the syntax tree. `height` is the number of nodes on the longest way down, itself included. */
export type Ast = AstShape & { readonly height: number };

/** Makes a node over others, of the object it is handed. */
export function nodeOf<Shape extends AstShape>(
  shape: Shape,
  ...children: readonly (Ast | undefined)[]
): Shape & { readonly height: number } {
  let height = 0;
  for (const child of children) if (child !== undefined && child.height > height) height = child.height;
  return Object.assign(shape, { height: height + 1 });
}
