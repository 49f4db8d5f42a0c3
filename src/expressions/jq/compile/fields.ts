import type { Json } from "../../../values/json.ts";
import { payForKeys } from "../budget.ts";
import { JqError } from "../errors.ts";
import { shortText } from "../library/json-text.ts";
import { isArray, typeOf } from "../library/order.ts";
import { fieldOf, getIn } from "../paths/get.ts";
import { Code, type EmitPath, type Many, type One, type Paths, weightOf } from "./code.ts";
import { burn, type Env, type Flow, GO_ON, isIntact, Path, payForError, STOP } from "./run.ts";

/** `target.key`, `target[key]`; with `?` what cannot be indexed gives nothing. */
export function indexCode(target: Code, key: Code, optional: boolean): Code {
  const chain = optional || typeof key.constant !== "string" ? undefined : chainOf(target, key.constant);
  return new Code({
    weight: target.weight + key.weight,
    height: Math.max(target.height, key.height) + 1,
    single: () => !optional && target.single() && key.single(),
    one: () => (chain === undefined ? indexOne(target, key) : chainOne(chain)),
    many: () => indexMany(target, key, optional),
    paths: () => indexPaths(target, key, optional),
    ...(chain === undefined ? {} : { chain }),
    usesInput: target.usesInput || key.usesInput,
  });
}

function chainOf(target: Code, key: string): NonNullable<Code["chain"]> {
  const inner = target.chain;
  return inner === undefined ? { base: target, keys: [key] } : { base: inner.base, keys: [...inner.keys, key] };
}

function chainOne({ base, keys }: NonNullable<Code["chain"]>): One {
  const [a = "", b = "", c = ""] = keys;
  if (base === undefined) {
    if (keys.length === 1) return (input) => fieldOf(input, a);
    if (keys.length === 2) return (input) => fieldOf(fieldOf(input, a), b);
    if (keys.length === 3) return (input) => fieldOf(fieldOf(fieldOf(input, a), b), c);
    return (input) => followed(input, keys);
  }
  const one = base.one();
  if (keys.length === 1) return (input, env) => fieldOf(one(input, env), a);
  if (keys.length === 2) return (input, env) => fieldOf(fieldOf(one(input, env), a), b);
  return (input, env) => followed(one(input, env), keys);
}

function followed(value: Json, keys: readonly string[]): Json {
  let at = value;
  for (const key of keys) at = fieldOf(at, key);
  return at;
}

function indexOne(target: Code, key: Code): One {
  const from = target.one();
  const by = key.one();
  return (input, env) => {
    const k = by(input, env);
    return getIn(from(input, env), k, env.run);
  };
}

function indexMany(target: Code, key: Code, optional: boolean): Many {
  const from = target.many();
  const by = key.many();
  return (input, env, emit) =>
    by(input, env, (k) =>
      from(input, env, (value) => {
        burn(env.run, 1);
        const found = optional ? getIfPossible(value, k, env) : getIn(value, k, env.run);
        return found === undefined ? GO_ON : emit(found);
      }),
    );
}

function indexPaths(target: Code, key: Code, optional: boolean): Paths {
  const from = target.paths();
  const by = key.many();
  return (input, path, env, emit) =>
    by(input, env, (k) => from(input, path, env, (value, at) => emitElement(value, at, k, optional, env, emit)));
}

/** One step further along a path. */
export function emitElement(value: Json, at: Path, key: Json, optional: boolean, env: Env, emit: EmitPath): Flow {
  burn(env.run, 1);
  if (!isIntact(value, at)) {
    throw new JqError(
      `Invalid path expression near attempt to access element ${shortText(key)} of ${shortText(value)}`,
    );
  }
  const found = optional ? getIfPossible(value, key, env) : getIn(value, key, env.run);
  return found === undefined ? GO_ON : emit(found, new Path(at, key, found));
}

function getIfPossible(value: Json, key: Json, env: Env): Json | undefined {
  try {
    return getIn(value, key, env.run);
  } catch (error) {
    if (error instanceof JqError && error.name === "JqError") {
      payForError(env.run);
      return undefined;
    }
    throw error;
  }
}

/** The key that `[from:to]` stands for. */
export function sliceKeyCode(from: Code, to: Code): Code {
  const key = (start: Json, end: Json): Json => ({ start, end });
  return new Code({
    weight: weightOf([from, to]),
    height: Math.max(from.height, to.height) + 1,
    single: () => from.single() && to.single(),
    one: () => {
      const start = from.one();
      const end = to.one();
      return (input, env) => key(start(input, env), end(input, env));
    },
    many: () => {
      const start = from.many();
      const end = to.many();
      return (input, env, emit) => start(input, env, (s) => end(input, env, (e) => emit(key(s, e))));
    },
    usesInput: from.usesInput || to.usesInput,
  });
}

/** `target[]` */
export function eachCode(target: Code, optional: boolean): Code {
  return new Code({
    weight: target.weight + 1,
    height: target.height + 1,
    single: () => false,
    many: () => eachMany(target, optional),
    paths: () => eachPaths(target, optional),
    usesInput: target.usesInput,
  });
}

function eachMany(target: Code, optional: boolean): Many {
  if (target.single()) {
    const one = target.one();
    return (input, env, emit) => iterate(one(input, env), optional, env, emit);
  }
  const many = target.many();
  return (input, env, emit) => many(input, env, (value) => iterate(value, optional, env, emit));
}

/** Emits the values of an array or object. */
export function iterate(value: Json, optional: boolean, env: Env, emit: (value: Json) => Flow): Flow {
  const { run } = env;
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      burn(run, 1);
      if (emit(value[i] as Json) === STOP) return STOP;
    }
    return GO_ON;
  }
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value);
    payForKeys(run, keys.length);
    for (const key of keys) {
      burn(run, 1);
      if (emit(value[key] as Json) === STOP) return STOP;
    }
    return GO_ON;
  }
  if (optional) return GO_ON;
  throw cannotIterate(value);
}

export function cannotIterate(value: Json): JqError {
  return new JqError(`Cannot iterate over ${typeOf(value)} (${shortText(value)})`);
}

function eachPaths(target: Code, optional: boolean): Paths {
  const paths = target.paths();
  return (input, path, env, emit) =>
    paths(input, path, env, (value, at) => iteratePaths(value, at, optional, env, emit));
}

/** @throws {JqError} when what is about to be iterated is not what is at its path. */
export function checkIntact(value: Json, at: Path): void {
  if (isIntact(value, at)) return;
  throw new JqError(`Invalid path expression near attempt to iterate through ${shortText(value)}`);
}

/** Emits the values of an array or object with their places. */
export function iteratePaths(value: Json, at: Path, optional: boolean, env: Env, emit: EmitPath): Flow {
  checkIntact(value, at);
  if (typeof value !== "object" || value === null) {
    if (optional) return GO_ON;
    throw cannotIterate(value);
  }
  const keys = isArray(value) ? value.keys() : Object.keys(value);
  if (Array.isArray(keys)) payForKeys(env.run, keys.length);
  for (const key of keys) {
    burn(env.run, 1);
    const member = (typeof key === "number" ? (value as readonly Json[])[key] : fieldOf(value, key)) as Json;
    if (emit(member, new Path(at, key, member)) === STOP) return STOP;
  }
  return GO_ON;
}
