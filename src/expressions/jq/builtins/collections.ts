import type { Json } from "../../../values/json.ts";
import { payForKeys, payForReading } from "../budget.ts";
import { appliedCode, constantCode, IDENTITY, pipeCode, variableCode } from "../compile/basic.ts";
import { always, Code, type One } from "../compile/code.ts";
import { ELEMENT_BYTES, push } from "../compile/construct.ts";
import { cannotIterate, eachCode, iterate } from "../compile/fields.ts";
import { reduceCode } from "../compile/loops.ts";
import { binaryCode } from "../compile/operators.ts";
import { allocate, BREAK, burn, type Env, type Flow, GO_ON, isTruthy, STOP } from "../compile/run.ts";
import { isArray } from "../library/order.ts";
import type { Native } from "../native.ts";

export const ELEMENTS = eachCode(IDENTITY, false);

/** `map(f)` */
export function mapCode(f: Code): Code {
  return new Code({
    weight: f.weight + 1,
    height: f.height + 2,
    single: always,
    one: () => (f.single() ? mapSingle(f) : mapMany(f)),
    paths: () => {
      const paths = pipeCode(ELEMENTS, f).paths();
      return (input, path, env, emit) => {
        const mapped: Json[] = [];
        if (paths(input, path, env, (value) => push(mapped, value, env)) === STOP) return STOP;
        return emit(mapped, path.under ?? path);
      };
    },
  });
}

function mapSingle(f: Code): One {
  const one = f.one();
  const weight = f.weight + 1;
  return (input, env) => {
    const values = membersOf(input, env);
    const { length } = values;
    burn(env.run, length * weight);
    allocate(env.run, length * ELEMENT_BYTES);
    const mapped: Json[] = [];
    for (let i = 0; i < length; i++) mapped.push(one(values[i] as Json, env));
    return mapped;
  };
}

function mapMany(f: Code): One {
  const many = f.many();
  const weight = f.weight + 1;
  return (input, env) => {
    const mapped: Json[] = [];
    const collect = (value: Json): Flow => push(mapped, value, env);
    for (const value of membersOf(input, env)) {
      burn(env.run, weight);
      if (many(value, env, collect) === STOP) throw BREAK;
    }
    return mapped;
  };
}

function membersOf(value: Json, env: Env): readonly Json[] {
  if (isArray(value)) return value;
  if (typeof value === "object" && value !== null) {
    const members = Object.values(value);
    payForKeys(env.run, members.length);
    return members;
  }
  throw cannotIterate(value);
}

/** `select(f)` */
export function selectCode(f: Code): Code {
  return new Code({
    weight: f.weight + 1,
    height: f.height + 1,
    single: () => false,
    many: () => {
      if (f.single()) {
        const test = f.one();
        return (input, env, emit) => (isTruthy(test(input, env)) ? emit(input) : GO_ON);
      }
      const tests = f.many();
      return (input, env, emit) => tests(input, env, (value) => (isTruthy(value) ? emit(input) : GO_ON));
    },
    paths: () => {
      const tests = f.many();
      return (input, path, env, emit) => tests(input, env, (value) => (isTruthy(value) ? emit(input, path) : GO_ON));
    },
  });
}

/** `any(source; condition)` (`wanted` true) and `all(source; condition)` (`wanted` false): stops at the first that decides. */
export function anyCode(source: Code, condition: Code, wanted: boolean): Code {
  return new Code({
    weight: source.weight + condition.weight + 1,
    height: source.height + condition.height + 1,
    single: always,
    one: () => {
      const many = source.many();
      const tests = condition.many();
      return (input, env) => {
        let found = false;
        const check = (value: Json): Flow => {
          if (isTruthy(value) !== wanted) return GO_ON;
          found = true;
          return STOP;
        };
        const flow = many(input, env, (value) => {
          burn(env.run, condition.weight);
          return tests(value, env, check);
        });
        if (flow === STOP && !found) throw BREAK;
        return found === wanted;
      };
    },
  });
}

/** `add(source)` */
export function addCode(source: Code): Code {
  return reduceCode({
    source,
    binding: { patterns: [{ kind: "variable", slot: 0 }], variables: 1 },
    init: constantCode(null),
    update: binaryCode("+", IDENTITY, variableCode(0)),
  });
}

/** `in` the style of `sort_by`: a native that takes the keys of all members, which `f` gives, as an array. */
export function keyedCode(f: Code, native: Native): Code {
  return new Code({
    weight: f.weight + 2,
    height: f.height + 2,
    single: always,
    one: () => {
      const keyOf = f.single() ? keyOfOne(f.one()) : keyOfMany(f);
      return (input, env) => {
        const keys: Json[] = [];
        const flow = iterate(input, false, env, (value) => {
          burn(env.run, f.weight);
          return push(keys, keyOf(value, env), env);
        });
        if (flow === STOP) throw BREAK;
        return native(input, [keys], env.run);
      };
    },
  });
}

function keyOfOne(one: One): One {
  return (value, env) => [one(value, env)];
}

function keyOfMany(f: Code): One {
  const many = f.many();
  return (value, env: Env) => {
    const key: Json[] = [];
    if (many(value, env, (part) => push(key, part, env)) === STOP) throw BREAK;
    return key;
  };
}

/** A native without arguments. @param reads whether it looks at the characters of a text. */
export function plainCode(native: Native, reads = true): Code {
  const none: readonly Json[] = [];
  return new Code({
    weight: 2,
    height: 1,
    single: always,
    one: () => (input, env) => {
      if (reads && typeof input === "string") payForReading(env.run, input);
      return native(input, none, env.run);
    },
  });
}

/** A native whose arguments are evaluated for all their combinations; the last varies slowest. */
export function nativeCode(native: Native, args: readonly Code[], reads = true): Code {
  if (args.length === 0) return plainCode(native, reads);
  return appliedCode(args, (input, values, env) => {
    if (typeof input === "string") payForReading(env.run, input);
    for (const value of values) if (typeof value === "string") payForReading(env.run, value);
    return native(input, values, env.run);
  });
}
