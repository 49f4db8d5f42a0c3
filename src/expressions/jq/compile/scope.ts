import type { FunctionCode, ParameterCode } from "./functions.ts";

/** A name that the program gave a meaning; `depth` counts the variables around it, itself included. */
type Entry =
  | { readonly kind: "variable"; readonly name: string; readonly depth: number }
  | { readonly kind: "label"; readonly name: string; readonly depth: number }
  | { readonly kind: "parameter"; readonly name: string; readonly depth: number; readonly parameter: ParameterCode }
  | { readonly kind: "function"; readonly name: string; readonly depth: number; readonly fn: FunctionCode };

/** The names that mean something at a place of a program, the innermost first. */
export class Scope {
  static readonly EMPTY = new Scope(undefined, undefined, 0);

  private constructor(
    private readonly entry: Entry | undefined,
    private readonly around: Scope | undefined,
    /** How many variables there are at this place. */
    readonly depth: number,
  ) {}

  withVariable(name: string): Scope {
    const depth = this.depth + 1;
    return new Scope({ kind: "variable", name, depth }, this, depth);
  }

  withLabel(name: string): Scope {
    const depth = this.depth + 1;
    return new Scope({ kind: "label", name, depth }, this, depth);
  }

  withFunction(fn: FunctionCode): Scope {
    return new Scope({ kind: "function", name: fn.name, depth: this.depth, fn }, this, this.depth);
  }

  /** `$name` parameters are a variable as well, in the same place. */
  withParameter(parameter: ParameterCode): Scope {
    const depth = this.depth + 1;
    const { name } = parameter;
    const scope = new Scope({ kind: "parameter", name, depth, parameter }, this, depth);
    return parameter.isValue ? new Scope({ kind: "variable", name, depth }, scope, depth) : scope;
  }

  /** How many variables further out a variable or label is, or undefined. */
  hopsTo(kind: "variable" | "label", name: string): number | undefined {
    for (let at: Scope | undefined = this; at !== undefined; at = at.around) {
      if (at.entry?.kind === kind && at.entry.name === name) return this.depth - at.entry.depth;
    }
    return undefined;
  }

  /** The function or parameter that a call names, or undefined. */
  callee(name: string, arity: number): (Entry & { readonly kind: "function" | "parameter" }) | undefined {
    for (let at: Scope | undefined = this; at !== undefined; at = at.around) {
      const { entry } = at;
      if (entry === undefined || entry.name !== name) continue;
      if (entry.kind === "function" && entry.fn.parameters.length === arity) return entry;
      if (entry.kind === "parameter" && arity === 0) return entry;
    }
    return undefined;
  }

  /** The variables bound here, without `$`. */
  variables(): readonly string[] {
    const names = new Set<string>();
    for (let at: Scope | undefined = this; at !== undefined; at = at.around) {
      if (at.entry?.kind === "variable") names.add(at.entry.name);
    }
    return [...names].reverse();
  }
}
