import { findBuiltin, findPrelude, refusalOf } from "../builtins/index.ts";
import { JqSyntaxError } from "../errors.ts";
import type { Ast, FunctionDefinition, Pattern, StringPart } from "../syntax/ast.ts";
import { placeOf } from "../syntax/place.ts";
import { commaCode, constantCode, globalCode, IDENTITY, pipeCode, variableCode } from "./basic.ts";
import { bindCode } from "./bind.ts";
import type { Code } from "./code.ts";
import { arrayCode, formatCode, objectCode, stringCode } from "./construct.ts";
import { alternativeCode, breakCode, ifCode, labelCode, tryCode } from "./control.ts";
import { eachCode, indexCode, sliceKeyCode } from "./fields.ts";
import { type Argument, callCode, FunctionCode, ParameterCode, parameterCode, settle } from "./functions.ts";
import { foreachCode, reduceCode } from "./loops.ts";
import { binaryCode, logicalCode, negateCode } from "./operators.ts";
import { type BoundPatterns, bindPatterns } from "./patterns.ts";
import { Scope } from "./scope.ts";
import { assignCode, modifyCode } from "./updates.ts";

export interface Compiled {
  readonly code: Code;
  /** The variables handed in that are read, in the order of `Run.globals`. */
  readonly reads: readonly string[];
}

/** Compiles a tree. @param variables those that are handed in, without `$`. @throws {JqSyntaxError} */
export function compileTree(tree: Ast, source: string, variables: readonly string[]): Compiled {
  const compiler = new Compiler(source, variables);
  const code = compiler.compile(tree, Scope.EMPTY);
  settle(compiler.functions);
  return { code, reads: compiler.reads };
}

type NodeOf<Kind extends Ast["kind"]> = Extract<Ast, { readonly kind: Kind }>;
const NULL = constantCode(null);
/** How many names a message lists. */
const SHOWN_VARIABLES = 50;

class Compiler {
  readonly functions: FunctionCode[] = [];
  readonly reads: string[] = [];
  /** Functions of the prelude that are used, by name and arity. */
  private readonly prelude = new Map<string, FunctionCode>();

  constructor(
    private readonly source: string,
    private readonly variables: readonly string[],
  ) {}

  compile(ast: Ast, scope: Scope): Code {
    switch (ast.kind) {
      case "identity":
        return IDENTITY;
      case "literal":
        return constantCode(ast.value);
      case "location":
        return constantCode({ file: "<top-level>", line: ast.line });
      case "variable":
        return this.variable(ast, scope);
      case "pipe":
        return pipeCode(this.compile(ast.left, scope), this.compile(ast.right, scope));
      case "comma":
        return commaCode(ast.items.map((item) => this.compile(item, scope)));
      case "index":
        return indexCode(this.compile(ast.target, scope), this.compile(ast.key, scope), ast.optional);
      case "slice":
        return this.slice(ast, scope);
      case "each":
        return eachCode(this.compile(ast.target, scope), ast.optional);
      case "call":
        return this.call(ast, scope);
      case "def":
        return this.compile(ast.body, scope.withFunction(this.define(ast.definition, scope)));
      default:
        return this.construct(ast, scope);
    }
  }

  private construct(
    ast: Exclude<Ast, NodeOf<"identity" | "literal" | "location" | "variable" | "pipe" | "comma">> &
      Exclude<Ast, NodeOf<"index" | "slice" | "each" | "call" | "def">>,
    scope: Scope,
  ): Code {
    switch (ast.kind) {
      case "array":
        return this.array(ast, scope);
      case "object":
        return objectCode(
          ast.entries.map(({ key, value }) => ({
            key: this.compile(key, scope),
            value: value === undefined ? undefined : this.compile(value, scope),
          })),
        );
      case "string":
        return stringCode(
          ast.format,
          ast.parts.map((part) => this.part(part, scope)),
        );
      case "format":
        return formatCode(ast.name, IDENTITY);
      case "negate":
        return negateCode(this.compile(ast.operand, scope));
      case "binary":
        return binaryCode(ast.operator, this.compile(ast.left, scope), this.compile(ast.right, scope));
      case "update":
        return this.update(ast, scope);
      case "and":
      case "or":
        return logicalCode(this.compile(ast.left, scope), this.compile(ast.right, scope), ast.kind === "or");
      case "alternative":
        return alternativeCode(this.compile(ast.left, scope), this.compile(ast.right, scope));
      default:
        return this.control(ast, scope);
    }
  }

  private control(ast: NodeOf<"if" | "try" | "label" | "break" | "bind" | "reduce" | "foreach">, scope: Scope): Code {
    switch (ast.kind) {
      case "if":
        return ifCode(
          this.compile(ast.condition, scope),
          this.compile(ast.then, scope),
          ast.otherwise === undefined ? IDENTITY : this.compile(ast.otherwise, scope),
        );
      case "try":
        return tryCode(
          this.compile(ast.body, scope),
          ast.handler === undefined ? undefined : this.compile(ast.handler, scope),
        );
      case "label":
        return labelCode(this.compile(ast.body, scope.withLabel(ast.name)));
      case "break":
        return this.breakTo(ast, scope);
      case "bind": {
        const { binding, scope: inside } = this.patterns(ast.patterns, scope);
        return bindCode(this.compile(ast.source, scope), binding, this.compile(ast.body, inside));
      }
      default:
        return this.loop(ast, scope);
    }
  }

  private loop(ast: NodeOf<"reduce" | "foreach">, scope: Scope): Code {
    const { binding, scope: inside } = this.patterns(ast.patterns, scope);
    const loop = {
      source: this.compile(ast.source, scope),
      binding,
      init: this.compile(ast.init, scope),
      update: this.compile(ast.update, inside),
    };
    if (ast.kind === "reduce") return reduceCode(loop);
    return foreachCode(loop, ast.extract === undefined ? undefined : this.compile(ast.extract, inside));
  }

  private patterns(patterns: readonly Pattern[], scope: Scope): BoundPatterns {
    return bindPatterns(patterns, scope, (key) => this.compile(key, scope));
  }

  private array({ body }: NodeOf<"array">, scope: Scope): Code {
    if (body === undefined) return arrayCode(undefined, []);
    if (body.kind !== "comma") return arrayCode(this.compile(body, scope), []);
    const items = body.items.map((item) => this.compile(item, scope));
    return arrayCode(commaCode(items), items);
  }

  private part(part: StringPart, scope: Scope): string | Code {
    return typeof part === "string" ? part : this.compile(part, scope);
  }

  private slice({ target, from, to, optional }: NodeOf<"slice">, scope: Scope): Code {
    const key = sliceKeyCode(
      from === undefined ? NULL : this.compile(from, scope),
      to === undefined ? NULL : this.compile(to, scope),
    );
    return indexCode(this.compile(target, scope), key, optional);
  }

  private update({ operator, left, right }: NodeOf<"update">, scope: Scope): Code {
    const target = this.compile(left, scope);
    const value = this.compile(right, scope);
    return operator === "|=" ? modifyCode(target, value) : assignCode(operator, target, value);
  }

  private variable({ name, at }: NodeOf<"variable">, scope: Scope): Code {
    const hops = scope.hopsTo("variable", name);
    if (hops !== undefined) return variableCode(hops);
    if (this.variables.includes(name)) return this.global(name);
    if (name === "ENV") return constantCode({});
    const known = [...new Set([...scope.variables(), ...this.variables])].map((known) => `$${known}`);
    const shown = known.length > SHOWN_VARIABLES ? [...known.slice(0, SHOWN_VARIABLES), "…"] : known;
    const hint = known.length === 0 ? "no variable" : shown.join(", ");
    throw this.error(`$${name} is not defined; known here: ${hint}`, at);
  }

  private global(name: string): Code {
    let place = this.reads.indexOf(name);
    if (place < 0) place = this.reads.push(name) - 1;
    return globalCode(place);
  }

  private breakTo({ name, at }: NodeOf<"break">, scope: Scope): Code {
    const hops = scope.hopsTo("label", name);
    if (hops === undefined) throw this.error(`there is no label $${name} to break to`, at);
    return breakCode(hops);
  }

  private define({ name, parameters, body }: FunctionDefinition, scope: Scope): FunctionCode {
    const codes = parameters.map((parameter) => new ParameterCode(parameter.name, parameter.isValue));
    const fn = new FunctionCode(name, codes, scope.depth);
    const inside = scope.withFunction(fn).withParameters(codes);
    fn.body = this.compile(body, inside);
    fn.open = false;
    this.functions.push(fn);
    return fn;
  }

  private call({ name, args, at }: NodeOf<"call">, scope: Scope): Code {
    const callee = scope.callee(name, args.length);
    if (callee?.kind === "parameter") return parameterCode(callee.parameter, scope.depth - callee.depth);
    if (callee?.kind === "function") return this.callOf(callee.fn, args, scope);
    const key = `${name}/${args.length}`;
    const builtin = findBuiltin(key);
    if (builtin !== undefined) return builtin(args.map((arg) => this.compile(arg, scope)));
    const prelude = this.preludeFunction(key);
    if (prelude !== undefined) return this.callOf(prelude, args, scope);
    throw this.error(refusalOf(key) ?? `${key} is not defined`, at);
  }

  private callOf(fn: FunctionCode, args: readonly Ast[], scope: Scope): Code {
    const given = args.map((arg): Argument => ({ code: this.compile(arg, scope), passedOn: passedOn(arg, scope) }));
    return callCode(fn, given, scope.depth - fn.depth);
  }

  /** Compiled when it is first used; it sees none of the program's own names. */
  private preludeFunction(key: string): FunctionCode | undefined {
    const known = this.prelude.get(key);
    if (known !== undefined) return known;
    const definition = findPrelude(key);
    if (definition === undefined) return undefined;
    const fn = this.define(definition, Scope.EMPTY);
    this.prelude.set(key, fn);
    return fn;
  }

  private error(message: string, at: number): JqSyntaxError {
    const { line, column } = placeOf(this.source, at);
    return new JqSyntaxError(message, line, column);
  }
}

/** Where a parameter of the enclosing function is that is passed on as it is. */
function passedOn(arg: Ast, scope: Scope): number | undefined {
  if (arg.kind !== "call" || arg.args.length > 0) return undefined;
  const callee = scope.callee(arg.name, 0);
  return callee?.kind === "parameter" ? scope.depth - callee.depth : undefined;
}
