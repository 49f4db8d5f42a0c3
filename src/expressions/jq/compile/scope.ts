import type { FunctionCode, ParameterCode } from "./functions.ts";

/** A name that the program gave a meaning; `depth` counts the variables around it, itself included. */
type Entry =
  | { readonly kind: "variable"; readonly depth: number }
  | { readonly kind: "label"; readonly depth: number }
  | { readonly kind: "parameter"; readonly depth: number; readonly parameter: ParameterCode }
  | { readonly kind: "function"; readonly depth: number; readonly fn: FunctionCode };

type Callee = Extract<Entry, { readonly kind: "function" | "parameter" }>;

/**
 * The names that mean something at a place of a program: one list for each construct that gives names, the innermost first. Within a list
 * a name is looked up and not searched, so that a pattern of many variables costs no more than its length.
 */
export class Scope {
  static readonly EMPTY = new Scope(new Map(), undefined, 0);

  private constructor(
    /** By what is written: `$name` for variables, `*name` for labels, `name/arity` for functions and parameters. */
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly around: Scope | undefined,
    /** How many variables there are at this place. */
    readonly depth: number,
  ) {}

  /** Of two variables of one name, the later counts. */
  withVariables(names: readonly string[]): Scope {
    const entries = new Map<string, Entry>();
    names.forEach((name, index) => {
      entries.set(`$${name}`, { kind: "variable", depth: this.depth + index + 1 });
    });
    return new Scope(entries, this, this.depth + names.length);
  }

  withLabel(name: string): Scope {
    const depth = this.depth + 1;
    return new Scope(new Map([[`*${name}`, { kind: "label", depth }]]), this, depth);
  }

  withFunction(fn: FunctionCode): Scope {
    const { depth } = this;
    return new Scope(new Map([[`${fn.name}/${fn.parameters.length}`, { kind: "function", depth, fn }]]), this, depth);
  }

  /** `$name` parameters are a variable as well, in the same place. */
  withParameters(parameters: readonly ParameterCode[]): Scope {
    const entries = new Map<string, Entry>();
    parameters.forEach((parameter, index) => {
      const depth = this.depth + index + 1;
      entries.set(`${parameter.name}/0`, { kind: "parameter", depth, parameter });
      if (parameter.isValue) entries.set(`$${parameter.name}`, { kind: "variable", depth });
    });
    return new Scope(entries, this, this.depth + parameters.length);
  }

  /** How many variables further out a variable or label is, or undefined. */
  hopsTo(kind: "variable" | "label", name: string): number | undefined {
    const entry = this.find(`${kind === "variable" ? "$" : "*"}${name}`);
    return entry === undefined ? undefined : this.depth - entry.depth;
  }

  /** The function or parameter that a call names, or undefined. */
  callee(name: string, arity: number): Callee | undefined {
    return this.find(`${name}/${arity}`) as Callee | undefined;
  }

  private find(key: string): Entry | undefined {
    for (let at: Scope | undefined = this; at !== undefined; at = at.around) {
      const entry = at.entries.get(key);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  /** The variables bound here, without `$`, the outermost first. */
  variables(): readonly string[] {
    const names = new Set<string>();
    for (let at: Scope | undefined = this; at !== undefined; at = at.around) {
      for (const key of [...at.entries.keys()].reverse())
        if (key.length > 1 && key.startsWith("$")) names.add(key.slice(1));
    }
    return [...names].reverse();
  }
}
