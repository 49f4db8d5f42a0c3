import type { Json } from "../../../values/json.ts";
import { share } from "../output.ts";
import { allSingle, always, Code, type Emit, heightOf, type Many, type One, type Paths, weightOf } from "./code.ts";
import { burn, GO_ON, hopSteps, outer, Path, STOP } from "./run.ts";

/** `.` */
export const IDENTITY = new Code({
  weight: 1,
  height: 1,
  single: always,
  one: () => (input) => input,
  paths: () => (input, path, _env, emit) => emit(input, path),
  accumulate: () => (input) => input,
  chain: { base: undefined, keys: [] },
});

/** A value that is known. All evaluations share it. */
export function constantCode(value: Json): Code {
  share(value);
  return new Code({
    weight: 1,
    height: 1,
    single: always,
    one: () => () => value,
    paths: () =>
      typeof value === "number" || typeof value === "string"
        ? (_input, path, _env, emit) => emit(value, new Path(null, null, null, path.under ?? path))
        : (_input, path, _env, emit) => emit(value, path),
    constant: value,
    usesInput: false,
  });
}

/** `$name`, bound by the program itself, `hops` variables further out. */
export function variableCode(hops: number): Code {
  const one: One =
    hops === 0
      ? (_input, env) => env.value
      : hops === 1
        ? (_input, env) => (env.next ?? env).value
        : (_input, env) => outer(env, hops).value;
  return new Code({ weight: 1 + hopSteps(hops), height: 1, single: always, one: () => one, usesInput: false });
}

/** A variable handed in: the one with this place among those that the program reads. */
export function globalCode(place: number): Code {
  const one: One = (_input, env) => env.run.globals[place] ?? null;
  return new Code({ weight: 1, height: 1, single: always, one: () => one, usesInput: false });
}

/** `left | right` */
export function pipeCode(left: Code, right: Code): Code {
  return new Code({
    weight: left.weight + right.weight,
    height: left.height + right.height,
    single: () => left.single() && right.single(),
    one: () => chained(left.one(), right.one()),
    oneTail: () => chained(left.one(), right.oneTail()),
    many: () => pipeMany(left, right, right.many()),
    manyTail: () => pipeMany(left, right, left.single() ? right.manyTail() : right.many()),
    paths: () => pipePaths(left, right),
    ...(left.accumulates && right.accumulates ? { accumulate: () => accumulateBoth(left, right) } : {}),
    usesInput: left.usesInput,
  });
}

function chained(left: One, right: One): One {
  return (input, env) => right(left(input, env), env);
}

function accumulateBoth(left: Code, right: Code): ReturnType<Code["accumulate"]> {
  const first = left.accumulate();
  const second = right.accumulate();
  return (input, env, owned) => second(first(input, env, owned), env, owned);
}

function pipeMany(left: Code, right: Code, many: Many): Many {
  if (left.single()) {
    const first = left.one();
    return (input, env, emit) => many(first(input, env), env, emit);
  }
  const source = left.many();
  const { weight } = right;
  if (right.single()) {
    const one = right.one();
    return (input, env, emit) =>
      source(input, env, (value) => {
        burn(env.run, weight);
        return emit(one(value, env));
      });
  }
  return (input, env, emit) =>
    source(input, env, (value) => {
      burn(env.run, weight);
      return many(value, env, emit);
    });
}

function pipePaths(left: Code, right: Code): Paths {
  const first = left.paths();
  const second = right.paths();
  const { weight } = right;
  return (input, path, env, emit) =>
    first(input, path, env, (value, at) => {
      burn(env.run, weight);
      return second(value, at, env, emit);
    });
}

/** `a, b, c` */
export function commaCode(items: readonly Code[]): Code {
  return new Code({
    weight: weightOf(items),
    height: heightOf(items),
    single: () => false,
    many: () => commaMany(items.map((item) => item.many())),
    manyTail: () => commaMany(items.map((item, index) => (index < items.length - 1 ? item.many() : item.manyTail()))),
    paths: () => commaPaths(items.map((item) => item.paths())),
    usesInput: items.some((item) => item.usesInput),
  });
}

function commaMany(items: readonly Many[]): Many {
  const last = items.length - 1;
  const end = items[last] as Many;
  return (input, env, emit) => {
    for (let i = 0; i < last; i++) if ((items[i] as Many)(input, env, emit) === STOP) return STOP;
    return end(input, env, emit);
  };
}

function commaPaths(items: readonly Paths[]): Paths {
  return (input, path, env, emit) => {
    for (const item of items) if (item(input, path, env, emit) === STOP) return STOP;
    return GO_ON;
  };
}

/** Something that is a function of the outputs of others, once for each combination; the last varies slowest. */
export function appliedCode(
  args: readonly Code[],
  apply: (input: Json, values: readonly Json[], env: Parameters<One>[1]) => Json,
  usesInput = true,
): Code {
  return new Code({
    weight: weightOf(args) + 1,
    height: heightOf(args),
    single: allSingle(args),
    one: () => appliedOne(args, apply),
    many: () => {
      const product = productOf(args);
      return (input, env, emit) => product(input, env, (values) => emit(apply(input, values, env)));
    },
    usesInput: usesInput || args.some((arg) => arg.usesInput),
  });
}

function appliedOne(args: readonly Code[], apply: Parameters<typeof appliedCode>[1]): One {
  const [first, second] = args;
  if (first === undefined) return (input, env) => apply(input, [], env);
  if (second === undefined) {
    const only = first.one();
    return (input, env) => apply(input, [only(input, env)], env);
  }
  const ones = args.map((arg) => arg.one());
  return (input, env) => {
    const values: Json[] = new Array(ones.length);
    for (let i = ones.length - 1; i >= 0; i--) values[i] = (ones[i] as One)(input, env);
    return apply(input, values, env);
  };
}

/** All combinations of the outputs of some programs; the last varies slowest. Each combination is an array of its own. */
export type Product = (
  input: Json,
  env: Parameters<One>[1],
  emit: (values: readonly Json[]) => ReturnType<Emit>,
) => ReturnType<Emit>;

export function productOf(args: readonly Code[]): Product {
  let product: Product = (_input, _env, emit) => emit([]);
  for (const arg of [...args].reverse()) {
    const slower = product;
    const many = arg.many();
    product = (input, env, emit) =>
      slower(input, env, (rest) =>
        many(input, env, (value) => {
          burn(env.run, 1);
          return emit([value, ...rest]);
        }),
      );
  }
  return product;
}
