import type { Json } from "../../../values/json.ts";
import { payForKey } from "../budget.ts";
import { JqError } from "../errors.ts";
import { formatValue } from "../library/formats.ts";
import { shortText } from "../library/json-text.ts";
import { typeOf } from "../library/order.ts";
import { type Draft, setOwn } from "../objects.ts";
import { fieldOf } from "../paths/get.ts";
import { appliedCode, constantCode } from "./basic.ts";
import { allSingle, always, Code, heightOf, type Many, type One, weightOf } from "./code.ts";
import { allocate, BREAK, burn, type Env, type Flow, GO_ON, STOP } from "./run.ts";

/** Bytes that an array takes for an element, and an object for a member, about. */
export const ELEMENT_BYTES = 16;
const MEMBER_BYTES = 32;

/** `[body]`; `items` when the body is a comma. */
export function arrayCode(body: Code | undefined, items: readonly Code[]): Code {
  if (body === undefined) return constantCode([]);
  const parts = items.length === 0 ? [body] : items;
  if (parts.every(({ constant }) => constant !== undefined)) {
    return constantCode(parts.map(({ constant }) => constant ?? null));
  }
  return new Code({
    weight: body.weight + 1,
    height: body.height + 1,
    single: always,
    one: () => (allSingle(parts)() ? arrayOfSingles(parts.map((part) => part.one())) : collecting(body.many())),
    paths: () => {
      const paths = body.paths();
      return (input, path, env, emit) => {
        const collected: Json[] = [];
        if (paths(input, path, env, (value) => push(collected, value, env)) === STOP) return STOP;
        return emit(collected, path.under ?? path);
      };
    },
    usesInput: body.usesInput,
  });
}

function arrayOfSingles(items: readonly One[]): One {
  const [first, second, third] = items;
  if (first !== undefined && third === undefined) {
    if (second === undefined) {
      return (input, env) => {
        allocate(env.run, ELEMENT_BYTES);
        return [first(input, env)];
      };
    }
    return (input, env) => {
      allocate(env.run, 2 * ELEMENT_BYTES);
      return [first(input, env), second(input, env)];
    };
  }
  return (input, env) => {
    allocate(env.run, items.length * ELEMENT_BYTES);
    const values: Json[] = [];
    for (const item of items) values.push(item(input, env));
    return values;
  };
}

function collecting(many: Many): One {
  return (input, env) => {
    const collected: Json[] = [];
    if (many(input, env, (value) => push(collected, value, env)) === STOP) throw BREAK;
    return collected;
  };
}

/** Adds an element, paid for. */
export function push(items: Json[], value: Json, env: Env): Flow {
  allocate(env.run, ELEMENT_BYTES);
  items.push(value);
  return GO_ON;
}

export interface EntryCode {
  readonly key: Code;
  /** Undefined: the member of the input under that key. */
  readonly value: Code | undefined;
}

/** `{key: value, …}`, once for each combination; the last varies fastest. */
export function objectCode(entries: readonly EntryCode[]): Code {
  const constant = constantObject(entries);
  if (constant !== undefined) return constantCode(constant);
  const parts = entries.flatMap(({ key, value }) => (value === undefined ? [key] : [key, value]));
  const keys = entries.map(({ key }) => key.constant).filter((key) => typeof key === "string");
  return new Code({
    weight: weightOf(parts) + entries.length,
    height: heightOf(parts),
    single: allSingle(parts),
    one: () => (keys.length === entries.length ? withKnownKeys(keys, entries) : withComputedKeys(entries)),
    many: () => objectMany(entries),
    usesInput: entries.some(({ key, value }) => value === undefined || value.usesInput || key.usesInput),
  });
}

function constantObject(entries: readonly EntryCode[]): Json | undefined {
  const object: Draft = {};
  for (const { key, value } of entries) {
    if (typeof key.constant !== "string" || value?.constant === undefined) return undefined;
    setOwn(object, key.constant, value.constant);
  }
  return object;
}

function valueOne(key: Code, value: Code | undefined): One {
  if (value !== undefined) return value.one();
  const name = key.one();
  return (input, env) => fieldOf(input, keyText(name(input, env)));
}

/** `__proto__` is set with care; all other keys are plain assignments. */
function withKnownKeys(keys: readonly string[], entries: readonly EntryCode[]): One {
  const values = entries.map(({ key, value }) => valueOne(key, value));
  const bytes = keys.length * MEMBER_BYTES;
  const set = keys.includes("__proto__") ? setOwn : setPlain;
  return (input, env) => {
    allocate(env.run, bytes);
    const object: Draft = {};
    for (let i = 0; i < keys.length; i++) set(object, keys[i] as string, (values[i] as One)(input, env));
    return object;
  };
}

function setPlain(target: Draft, key: string, value: Json): void {
  target[key] = value;
}

function withComputedKeys(entries: readonly EntryCode[]): One {
  const makers = entries.map(({ key, value }) => ({ key: key.one(), value: valueOne(key, value) }));
  return (input, env) => {
    allocate(env.run, makers.length * MEMBER_BYTES);
    const object: Draft = {};
    for (const { key, value } of makers) {
      const name = key(input, env);
      const member = value(input, env);
      const text = keyText(name);
      payForKey(env.run, text);
      setOwn(object, text, member);
    }
    return object;
  };
}

function keyText(key: Json): string {
  if (typeof key === "string") return key;
  throw new JqError(`Cannot use ${typeOf(key)} (${shortText(key)}) as object key`);
}

type Member = readonly [key: string, value: Json];

function objectMany(entries: readonly EntryCode[]): Many {
  const makers = entries.map(({ key, value }) => ({ key: key.many(), value: value?.many() }));
  const from = (
    place: number,
    members: readonly Member[],
    input: Json,
    env: Env,
    emit: (value: Json) => Flow,
  ): Flow => {
    const maker = makers[place];
    if (maker === undefined) return emit(objectOf(members, env));
    return maker.key(input, env, (key) => {
      const next = (value: Json): Flow => {
        burn(env.run, 1);
        return from(place + 1, [...members, [keyText(key), value]], input, env, emit);
      };
      return maker.value === undefined ? next(fieldOf(input, keyText(key))) : maker.value(input, env, next);
    });
  };
  return (input, env, emit) => from(0, [], input, env, emit);
}

function objectOf(members: readonly Member[], env: Env): Json {
  allocate(env.run, members.length * MEMBER_BYTES);
  const object: Draft = {};
  for (const [key, value] of members) {
    payForKey(env.run, key);
    setOwn(object, key, value);
  }
  return object;
}

/** `@format` applied to the output of a program; the text of `"\( )"` is `@text`. */
export function formatCode(name: string, operand: Code): Code {
  return appliedCode([operand], (_input, [value], env) => formatValue(name, value ?? null, env.run), false);
}

/** A string with interpolations; the last of them varies slowest. */
export function stringCode(format: string, parts: readonly (string | Code)[]): Code {
  const codes = parts.filter((part) => typeof part !== "string");
  const texts = (values: readonly Json[], env: Env): string => {
    let text = "";
    let next = 0;
    for (const part of parts) {
      if (typeof part === "string") text += part;
      else {
        const value = values[next++] ?? null;
        text += typeof value === "string" && format === "text" ? value : formatValue(format, value, env.run);
      }
    }
    allocate(env.run, text.length * 2);
    return text;
  };
  return appliedCode(codes, (_input, values, env) => texts(values, env), false);
}
