import type { Json } from "../../../values/json.ts";
import type { Env, Flow, Path } from "./run.ts";

/** Evaluates what gives exactly one output. @throws {JqError} */
export type One = (input: Json, env: Env) => Json;
/** Receives an output; what it returns goes back to the source. */
export type Emit = (value: Json) => Flow;
/** Evaluates what may give any number of outputs. */
export type Many = (input: Json, env: Env, emit: Emit) => Flow;
export type EmitPath = (value: Json, path: Path) => Flow;
/** Evaluates with the place of each value kept track of: the inside of `path(…)` and the left side of updates. */
export type Paths = (input: Json, path: Path, env: Env, emit: EmitPath) => Flow;
/** Evaluates what may change, in place, the containers of its input that are in `owned`: nobody else holds those. */
export type Accumulate = (input: Json, env: Env, owned: Set<object>) => Json;

/** How something is evaluated, in the ways that exist for it. All are made when first asked for. */
export interface Forms {
  /** Steps of evaluating it once, loops inside not counted. */
  readonly weight: number;
  /** Nodes on the longest way down. */
  readonly height: number;
  /** Whether it gives exactly one output (or an error), whatever the input. */
  readonly single: () => boolean;
  /** Called only if it is single. */
  readonly one?: () => One;
  /** `one`, but a call at its very end may be left to the caller: see `TAIL_CALL`. */
  readonly oneTail?: () => One;
  /** Left out when it is always single. */
  readonly many?: () => Many;
  readonly manyTail?: () => Many;
  /** Left out when its outputs are new values: they keep the path, which they no longer match. */
  readonly paths?: () => Paths;
  readonly accumulate?: () => Accumulate;
  /** Its only output, when it is known already. */
  readonly constant?: Json;
  /** The fields of the input (`.a.b`) or of what is left of them that it stands for. */
  readonly chain?: Chain;
  /** False when its outputs do not depend on the input. */
  readonly usesInput?: boolean;
}

/** Fields of fields. */
export interface Chain {
  /** Undefined: the input itself. */
  readonly base: Code | undefined;
  readonly keys: readonly string[];
}

/** What an expression is compiled to. Each form is made once, when first needed: most are never. */
export class Code {
  readonly weight: number;
  readonly height: number;
  readonly constant: Json | undefined;
  readonly chain: Chain | undefined;
  readonly usesInput: boolean;
  private readonly forms: Forms;
  private knownPlural = false;
  private madeOne: One | undefined;
  private madeOneTail: One | undefined;
  private madeMany: Many | undefined;
  private madeManyTail: Many | undefined;
  private madePaths: Paths | undefined;
  private madeAccumulate: Accumulate | undefined;

  constructor(forms: Forms) {
    this.forms = forms;
    this.weight = forms.weight;
    this.height = forms.height;
    this.constant = forms.constant;
    this.chain = forms.chain;
    this.usesInput = forms.usesInput ?? true;
  }

  /** What is not single once never will be; what is single may turn out not to be while functions are still compiled. */
  single(): boolean {
    if (this.knownPlural) return false;
    this.knownPlural = !this.forms.single();
    return !this.knownPlural;
  }

  one(): One {
    this.madeOne ??= made(this.forms.one);
    return this.madeOne;
  }

  oneTail(): One {
    this.madeOneTail ??= this.forms.oneTail?.() ?? this.one();
    return this.madeOneTail;
  }

  many(): Many {
    this.madeMany ??= this.makeMany();
    return this.madeMany;
  }

  manyTail(): Many {
    this.madeManyTail ??= this.makeManyTail();
    return this.madeManyTail;
  }

  paths(): Paths {
    this.madePaths ??= this.forms.paths?.() ?? this.samePath();
    return this.madePaths;
  }

  accumulate(): Accumulate {
    this.madeAccumulate ??= this.forms.accumulate?.() ?? forgetful(this.one());
    return this.madeAccumulate;
  }

  get accumulates(): boolean {
    return this.forms.accumulate !== undefined;
  }

  private makeMany(): Many {
    if (this.forms.many !== undefined && !this.single()) return this.forms.many();
    const one = this.one();
    return (input, env, emit) => emit(one(input, env));
  }

  private makeManyTail(): Many {
    return this.single() || this.forms.manyTail === undefined ? this.many() : this.forms.manyTail();
  }

  private samePath(): Paths {
    const many = this.many();
    return (input, path, env, emit) => many(input, env, (value) => emit(value, path.under ?? path));
  }
}

function made(make: (() => One) | undefined): One {
  if (make === undefined) throw new Error("what is single has a form for one output");
  return make();
}

/** What may have kept its input: nothing is owned any more. */
function forgetful(one: One): Accumulate {
  return (input, env, owned) => {
    owned.clear();
    return one(input, env);
  };
}

export const always = (): boolean => true;
export const never = (): boolean => false;

/** Whether all are single, asked when it is needed: functions know it of themselves only after all are compiled. */
export function allSingle(codes: readonly Code[]): () => boolean {
  return () => codes.every((code) => code.single());
}

export function weightOf(codes: readonly Code[]): number {
  return codes.reduce((sum, { weight }) => sum + weight, 1);
}

export function heightOf(codes: readonly Code[]): number {
  return codes.reduce((most, { height }) => Math.max(most, height), 0) + 1;
}
