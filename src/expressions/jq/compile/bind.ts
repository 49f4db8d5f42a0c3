import type { Json } from "../../../values/json.ts";
import { JqBudgetError, JqError } from "../errors.ts";
import { getIn } from "../paths/get.ts";
import { Code, heightOf, type Many, type One, type Paths } from "./code.ts";
import { burn, Env, type Flow, payForError } from "./run.ts";

/** A pattern; `slot` is the place of a variable among those of all patterns of one `as`. */
export type PatternCode =
  | { readonly kind: "variable"; readonly slot: number }
  | { readonly kind: "array"; readonly items: readonly PatternCode[] }
  | { readonly kind: "object"; readonly entries: readonly PatternEntryCode[] };

export interface PatternEntryCode {
  readonly key: Code;
  readonly slot: number | undefined;
  readonly pattern: PatternCode | undefined;
}

/** Calls `body` with the variables of a value bound, once for each way it matches. */
export type Binder = (value: Json, input: Json, env: Env, body: (bound: Env) => Flow) => Flow;

/** Patterns, and how many variables they bind together. */
export interface Binding {
  readonly patterns: readonly PatternCode[];
  readonly variables: number;
}

/** One variable: the common case, which needs no matching. */
export function isPlain({ patterns }: Binding): boolean {
  return patterns.length === 1 && patterns[0]?.kind === "variable";
}

/** A binder; alternatives (`?//`) are tried in turn while what is done with the variables fails. */
export function binderOf(binding: Binding): Binder {
  if (isPlain(binding)) return (value, _input, env, body) => body(new Env(env.run, env, value, null));
  const matchers = binding.patterns.map(matcherOf);
  return (value, input, env, body) => {
    const { run } = env;
    const { depth } = run;
    const last = matchers.length - 1;
    const attempt = (matcher: Matcher | undefined): Flow => {
      burn(run, binding.variables);
      const slots: Json[] = new Array(binding.variables).fill(null);
      return (matcher as Matcher)(value, input, env, slots, () => {
        burn(run, 1 + binding.variables);
        return body(slots.reduce((inner, slot) => new Env(run, inner, slot, null), env));
      });
    };
    for (let i = 0; i < last; i++) {
      try {
        return attempt(matchers[i]);
      } catch (error) {
        if (!(error instanceof JqError) || error instanceof JqBudgetError) throw error;
        run.depth = depth;
        payForError(run);
      }
    }
    return attempt(matchers[last]);
  };
}

/** Fills the slots of a pattern, then goes on; again for each further output of the keys in it. */
type Matcher = (value: Json, input: Json, env: Env, slots: Json[], next: () => Flow) => Flow;

function matcherOf(pattern: PatternCode): Matcher {
  switch (pattern.kind) {
    case "variable":
      return (value, _input, _env, slots, next) => {
        slots[pattern.slot] = value;
        return next();
      };
    case "array":
      return arrayMatcher(pattern.items.map(matcherOf));
    case "object":
      return objectMatcher(pattern.entries);
  }
}

/** jq begins with the last element. */
function arrayMatcher(items: readonly Matcher[]): Matcher {
  const from = (place: number): Matcher => {
    const item = items[place];
    if (item === undefined) return (_value, _input, _env, _slots, next) => next();
    const rest = from(place - 1);
    return (value, input, env, slots, next) =>
      item(getIn(value, place, env.run), input, env, slots, () => rest(value, input, env, slots, next));
  };
  return from(items.length - 1);
}

function objectMatcher(entries: readonly PatternEntryCode[]): Matcher {
  const done: Matcher = (_value, _input, _env, _slots, next) => next();
  return entries.reduceRight<Matcher>((rest, { key, slot, pattern }) => {
    const keys = key.many();
    const inner = pattern === undefined ? undefined : matcherOf(pattern);
    return (value, input, env, slots, next) =>
      keys(value, env, (name) => {
        const member = getIn(value, name, env.run);
        if (slot !== undefined) slots[slot] = member;
        const goOn = (): Flow => rest(value, input, env, slots, next);
        return inner === undefined ? goOn() : inner(member, input, env, slots, goOn);
      });
  }, done);
}

/** `source as patterns | body` */
export function bindCode(source: Code, binding: Binding, body: Code): Code {
  const plain = isPlain(binding);
  return new Code({
    weight: source.weight + body.weight + 1,
    height: heightOf([source, body]),
    single: () => plain && source.single() && body.single(),
    one: () => bindOne(source.one(), body.one()),
    oneTail: () => bindOne(source.one(), body.oneTail()),
    many: () => (plain && source.single() ? bindPlain(source.one(), body.many()) : bindMany(source, binding, body)),
    manyTail: () =>
      plain && source.single() ? bindPlain(source.one(), body.manyTail()) : bindMany(source, binding, body),
    paths: () => bindPaths(source, binding, body),
    usesInput: source.usesInput || body.usesInput,
  });
}

function bindOne(source: One, body: One): One {
  return (input, env) => body(input, new Env(env.run, env, source(input, env), null));
}

function bindPlain(source: One, body: Many): Many {
  return (input, env, emit) => body(input, new Env(env.run, env, source(input, env), null), emit);
}

function bindMany(source: Code, binding: Binding, body: Code): Many {
  const values = source.many();
  const bind = binderOf(binding);
  const many = body.many();
  const { weight } = body;
  return (input, env, emit) =>
    values(input, env, (value) => {
      burn(env.run, weight);
      return bind(value, input, env, (bound) => many(input, bound, emit));
    });
}

function bindPaths(source: Code, binding: Binding, body: Code): Paths {
  const values = source.many();
  const bind = binderOf(binding);
  const paths = body.paths();
  const { weight } = body;
  return (input, path, env, emit) =>
    values(input, env, (value) => {
      burn(env.run, weight);
      return bind(value, input, env, (bound) => paths(input, path, bound, emit));
    });
}
