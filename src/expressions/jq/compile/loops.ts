import type { Json } from "../../../values/json.ts";
import { type Binder, type Binding, binderOf, isPlain } from "./bind.ts";
import { Code, heightOf, type Many, type One, type Paths } from "./code.ts";
import { BREAK, burn, Env, GO_ON, Path, STOP } from "./run.ts";

interface Loop {
  readonly source: Code;
  readonly binding: Binding;
  readonly init: Code;
  readonly update: Code;
}

/** `reduce source as patterns (init; update)`: the last output of `update` is the next state, null when there is none. */
export function reduceCode(loop: Loop): Code {
  const { source, init, update } = loop;
  return new Code({
    weight: source.weight + init.weight + 1,
    height: heightOf([source, init, update]) + 1,
    single: () => init.single(),
    one: () => reduceOne(loop),
    many: () => {
      const states = init.many();
      const reduce = reducer(loop);
      return (input, env, emit) => states(input, env, (state) => emit(reduce(input, env, state)));
    },
    paths: () => reducePaths(loop),
  });
}

function reduceOne(loop: Loop): One {
  const init = loop.init.one();
  const reduce = reducer(loop);
  return (input, env) => reduce(input, env, init(input, env));
}

type Reduce = (input: Json, env: Env, state: Json) => Json;

function reducer(loop: Loop): Reduce {
  const source = loop.source.many();
  const weight = loop.update.weight + 1;
  const step = stepOf(loop);
  return (input, env, first) => {
    let state = first;
    const owned = new Set<object>();
    const flow = source(input, env, (value) => {
      burn(env.run, weight);
      const current = state;
      // What remains when the step fails and a `?//` in the source goes on with its next pattern.
      state = null;
      state = step(current, value, input, env, owned);
      return GO_ON;
    });
    if (flow === STOP) throw BREAK;
    return state;
  };
}

type Step = (state: Json, value: Json, input: Json, env: Env, owned: Set<object>) => Json;

/** What one value makes of the state. Updates that can, change in place what only this loop holds. */
function stepOf({ binding, update }: Loop): Step {
  if (isPlain(binding) && update.single()) {
    if (update.accumulates) {
      const accumulate = update.accumulate();
      return (state, value, _input, env, owned) => accumulate(state, new Env(env.run, env, value, null), owned);
    }
    const one = update.one();
    return (state, value, _input, env) => one(state, new Env(env.run, env, value, null));
  }
  return stepWith(binderOf(binding), update.many());
}

function stepWith(bind: Binder, update: Many): Step {
  return (before, value, input, env) => {
    let state = before;
    const flow = bind(value, input, env, (bound) => {
      const current = state;
      state = null;
      return update(current, bound, (next) => {
        state = next;
        return GO_ON;
      });
    });
    if (flow === STOP) throw BREAK;
    return state;
  };
}

function reducePaths({ source, binding, init, update }: Loop): Paths {
  const states = init.paths();
  const values = source.paths();
  const bind = binderOf(binding);
  const next = update.paths();
  return (input, path, env, emit) =>
    states(input, path, env, (first, start) => {
      let state = first;
      const flow = values(input, start.under ?? start, env, (value, at) => {
        burn(env.run, update.weight + 1);
        return bind(value, input, env, (bound) => {
          const current = state;
          state = null;
          return next(current, at.under ?? at, bound, (result) => {
            state = result;
            return GO_ON;
          });
        });
      });
      return flow === STOP ? STOP : emit(state, start.under ?? start);
    });
}

/** `foreach source as patterns (init; update; extract)` */
export function foreachCode(loop: Loop, extract: Code | undefined): Code {
  const { source, init, update } = loop;
  return new Code({
    weight: source.weight + init.weight + 1,
    height: heightOf([source, init, update, ...(extract === undefined ? [] : [extract])]) + 1,
    single: () => false,
    many: () => foreachMany(loop, extract),
    paths: () => foreachPaths(loop, extract),
  });
}

function foreachMany({ source, binding, init, update }: Loop, extract: Code | undefined): Many {
  const states = init.many();
  const values = source.many();
  const bind = binderOf(binding);
  const next = update.many();
  const result = extract?.many();
  const weight = update.weight + (extract?.weight ?? 0) + 1;
  return (input, env, emit) =>
    states(input, env, (first) => {
      let state = first;
      return values(input, env, (value) => {
        burn(env.run, weight);
        return bind(value, input, env, (bound) => {
          const current = state;
          state = null;
          return next(current, bound, (output) => {
            state = output;
            return result === undefined ? emit(output) : result(output, bound, emit);
          });
        });
      });
    });
}

function foreachPaths({ source, binding, init, update }: Loop, extract: Code | undefined): Paths {
  const states = init.paths();
  const values = source.paths();
  const bind = binderOf(binding);
  const next = update.paths();
  const result = extract?.paths();
  return (input, path, env, emit) =>
    states(input, path, env, (first, start) => {
      let state = first;
      return values(input, start.under ?? start, env, (value, from) => {
        burn(env.run, update.weight + 1);
        return bind(value, input, env, (bound) => {
          const current = state;
          state = null;
          return next(current, from.under ?? from, bound, (output, at) => {
            state = output;
            return result === undefined ? emit(output, at) : result(output, at, bound, emit);
          });
        });
      });
    });
}

/** Where every `path(…)` and update begins. */
export function rootPath(value: Json): Path {
  return new Path(null, null, value);
}
