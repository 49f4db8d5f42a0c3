import type { Json } from "../../../values/json.ts";
import { productOf } from "./basic.ts";
import { Code, heightOf, type Many, type One, type Paths, weightOf } from "./code.ts";
import {
  allocate,
  burn,
  Closure,
  descend,
  Env,
  type Flow,
  GO_ON,
  hopSteps,
  outer,
  type Run,
  TAIL,
  type TailTarget,
} from "./run.ts";

/** What a function gives whose last act is a call that its caller is to make: see `Run.tailTarget`. */
const TAIL_CALL: Json = Object.freeze({});

/** A parameter of a function, and all that calls pass for it. */
export class ParameterCode {
  readonly passed: Code[] = [];
  plural = false;

  constructor(
    readonly name: string,
    /** `$name`: bound as a variable too. */
    readonly isValue: boolean,
  ) {}
}

/** A function that the program defines. */
export class FunctionCode implements TailTarget {
  /** Set when it is compiled; calls inside of it come before that. */
  body!: Code;
  plural = false;
  /** While its own body is compiled: a call then is a recursion. */
  open = true;

  /** @param depth how many variables there are around its definition. */
  constructor(
    readonly name: string,
    readonly parameters: readonly ParameterCode[],
    readonly depth: number,
  ) {}

  get weight(): number {
    return this.body.weight;
  }

  get height(): number {
    return this.body.height + 1;
  }
}

/** Finds out which functions and parameters give exactly one output: what nothing speaks against. */
export function settle(functions: readonly FunctionCode[]): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (const fn of functions) {
      if (!fn.plural && !fn.body.single()) changed = fn.plural = true;
      for (const parameter of fn.parameters) {
        if (parameter.plural || parameter.passed.every((code) => code.single())) continue;
        changed = parameter.plural = true;
      }
    }
  }
}

/** What a call passes. */
export interface Argument {
  readonly code: Code;
  /** It is a parameter of the caller and passed on: where it is, in variables further out. */
  readonly passedOn: number | undefined;
}

/** A call of a function of the program, whose definition is `hops` variables further out. */
export function callCode(fn: FunctionCode, args: readonly Argument[], hops: number): Code {
  const recursive = fn.open;
  const values = args.filter((_arg, index) => fn.parameters[index]?.isValue).map(({ code }) => code);
  const single = (): boolean => values.every((code) => code.single());
  args.forEach(({ code }, index) => {
    fn.parameters[index]?.passed.push(code);
  });
  return new Code({
    weight: weightOf(values) + 1 + hopSteps(hops),
    height: heightOf(values) + 1,
    single: () => !fn.plural && single(),
    one: () => callOne(fn, frameOne(fn, args, hops)),
    oneTail: () => (recursive ? tailOne : callOne)(fn, frameOne(fn, args, hops)),
    many: () => (single() ? callMany(fn, frameOne(fn, args, hops)) : callEach(fn, framesOf(fn, args, hops))),
    manyTail: () =>
      single()
        ? (recursive ? tailMany : callMany)(fn, frameOne(fn, args, hops))
        : callEach(fn, framesOf(fn, args, hops)),
    paths: () => callPaths(fn, framesOf(fn, args, hops)),
  });
}

/** Steps that a call costs for each of its arguments, and bytes that those take while somebody holds them. */
const ARGUMENT_STEPS = 12;
const ARGUMENT_BYTES = 16;

/** The variables of one call. */
type Frame = (input: Json, env: Env) => Env;
/** The variables of all calls that the values of the arguments make. */
type Frames = (input: Json, env: Env, call: (frame: Env) => Flow) => Flow;

function closureOf({ code, passedOn }: Argument, env: Env): Closure {
  const given = passedOn === undefined ? null : outer(env, passedOn).closure;
  return given ?? new Closure(code, env);
}

function frameOne(fn: FunctionCode, args: readonly Argument[], hops: number): Frame {
  if (args.length === 0) return (_input, env) => outer(env, hops);
  const makers = args.map((arg, index) => ({
    arg,
    value: fn.parameters[index]?.isValue ? arg.code.one() : undefined,
  }));
  return (input, env) => {
    let frame = outer(env, hops);
    burn(env.run, makers.length * ARGUMENT_STEPS);
    allocate(env.run, makers.length * ARGUMENT_BYTES);
    for (const { arg, value } of makers) {
      frame = new Env(env.run, frame, value === undefined ? null : value(input, env), closureOf(arg, env));
    }
    return frame;
  };
}

/** The first parameter varies slowest. */
function framesOf(fn: FunctionCode, args: readonly Argument[], hops: number): Frames {
  const values = args.filter((_arg, index) => fn.parameters[index]?.isValue).map(({ code }) => code);
  const product = productOf([...values].reverse());
  return (input, env, call) =>
    product(input, env, (reversed) => {
      let next = reversed.length;
      burn(env.run, args.length * ARGUMENT_STEPS);
      allocate(env.run, args.length * ARGUMENT_BYTES);
      let frame = outer(env, hops);
      args.forEach((arg, index) => {
        const value = fn.parameters[index]?.isValue ? (reversed[--next] ?? null) : null;
        frame = new Env(env.run, frame, value, closureOf(arg, env));
      });
      return call(frame);
    });
}

function callOne(fn: FunctionCode, frame: Frame): One {
  return (input, env) => {
    const { run } = env;
    const { height } = fn;
    const inside = frame(input, env);
    burn(run, fn.weight);
    descend(run, height);
    let result = fn.body.oneTail()(input, inside);
    while (result === TAIL_CALL) {
      const target = run.tailTarget as TailTarget;
      burn(run, target.weight);
      result = target.body.oneTail()(run.tailInput, run.tailEnv as Env);
    }
    run.depth -= height;
    return result;
  };
}

function tailOne(fn: FunctionCode, frame: Frame): One {
  return (input, env) => {
    leaveCall(env.run, fn, input, frame(input, env));
    return TAIL_CALL;
  };
}

function leaveCall(run: Run, fn: FunctionCode, input: Json, frame: Env): void {
  run.tailTarget = fn;
  run.tailInput = input;
  run.tailEnv = frame;
}

function callMany(fn: FunctionCode, frame: Frame): Many {
  return (input, env, emit) => enter(fn, input, frame(input, env), emit);
}

function enter(fn: FunctionCode, input: Json, frame: Env, emit: (value: Json) => Flow): Flow {
  const { run } = frame;
  const { height } = fn;
  burn(run, fn.weight);
  descend(run, height);
  let flow = fn.body.manyTail()(input, frame, emit);
  while (flow === TAIL) {
    const target = run.tailTarget as TailTarget;
    burn(run, target.weight);
    flow = target.body.manyTail()(run.tailInput, run.tailEnv as Env, emit);
  }
  run.depth -= height;
  return flow;
}

function tailMany(fn: FunctionCode, frame: Frame): Many {
  return (input, env) => {
    leaveCall(env.run, fn, input, frame(input, env));
    return TAIL;
  };
}

function callEach(fn: FunctionCode, frames: Frames): Many {
  return (input, env, emit) => frames(input, env, (frame) => enter(fn, input, frame, emit));
}

function callPaths(fn: FunctionCode, frames: Frames): Paths {
  return (input, path, env, emit) =>
    frames(input, env, (frame) => {
      const { run } = env;
      // Keeping track of places takes about twice the stack.
      const height = fn.height * 2;
      burn(run, fn.weight);
      descend(run, height);
      const flow = fn.body.paths()(input, path, frame, emit);
      run.depth -= height;
      return flow;
    });
}

/** A call of a parameter, which is `hops` variables further out. */
export function parameterCode(parameter: ParameterCode, hops: number): Code {
  return new Code({
    weight: 2 + hopSteps(hops),
    height: 2,
    single: () => !parameter.plural,
    one: () => (input, env) => {
      const { code, env: there } = outer(env, hops).closure as Closure;
      burn(env.run, code.weight);
      descend(env.run, code.height);
      const result = code.one()(input, there);
      env.run.depth -= code.height;
      return result;
    },
    many: () => (input, env, emit) => {
      const { code, env: there } = outer(env, hops).closure as Closure;
      burn(env.run, code.weight);
      descend(env.run, code.height);
      const flow = code.many()(input, there, emit);
      env.run.depth -= code.height;
      return flow;
    },
    paths: () => (input, path, env, emit) => {
      const { code, env: there } = outer(env, hops).closure as Closure;
      burn(env.run, code.weight);
      descend(env.run, code.height);
      const flow = code.paths()(input, path, there, emit);
      env.run.depth -= code.height;
      return flow;
    },
  });
}

/** `empty` */
export const EMPTY = new Code({
  weight: 1,
  height: 1,
  single: () => false,
  many: () => () => GO_ON,
  paths: () => () => GO_ON,
  usesInput: false,
});
