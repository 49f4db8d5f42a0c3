import type { Json } from "../../../values/json.ts";
import { JqBudgetError, JqError } from "../errors.ts";
import { constantCode } from "./basic.ts";
import { Code, heightOf, type Many, type One, type Paths } from "./code.ts";
import { BREAK, burn, Env, type Flow, GO_ON, isTruthy, outer, payForError, type Run, STOP } from "./run.ts";

/** `if condition then … else … end` */
export function ifCode(condition: Code, then: Code, otherwise: Code): Code {
  const weight = condition.weight + Math.max(then.weight, otherwise.weight);
  const accumulates = then.accumulates && otherwise.accumulates;
  return new Code({
    weight,
    height: heightOf([condition, then, otherwise]),
    single: () => condition.single() && then.single() && otherwise.single(),
    one: () => ifOne(condition, then.one(), otherwise.one()),
    oneTail: () => ifOne(condition, then.oneTail(), otherwise.oneTail()),
    many: () => ifMany(condition, then.many(), otherwise.many(), weight),
    manyTail: () =>
      condition.single()
        ? ifMany(condition, then.manyTail(), otherwise.manyTail(), weight)
        : ifMany(condition, then.many(), otherwise.many(), weight),
    paths: () => ifPaths(condition, then.paths(), otherwise.paths()),
    ...(accumulates ? { accumulate: () => ifAccumulate(condition, then, otherwise) } : {}),
  });
}

function ifOne(condition: Code, then: One, otherwise: One): One {
  const test = condition.one();
  return (input, env) => (isTruthy(test(input, env)) ? then(input, env) : otherwise(input, env));
}

function ifMany(condition: Code, then: Many, otherwise: Many, weight: number): Many {
  if (condition.single()) {
    const test = condition.one();
    return (input, env, emit) => (isTruthy(test(input, env)) ? then(input, env, emit) : otherwise(input, env, emit));
  }
  const tests = condition.many();
  return (input, env, emit) =>
    tests(input, env, (value) => {
      burn(env.run, weight);
      return isTruthy(value) ? then(input, env, emit) : otherwise(input, env, emit);
    });
}

function ifPaths(condition: Code, then: Paths, otherwise: Paths): Paths {
  const tests = condition.many();
  return (input, path, env, emit) =>
    tests(input, env, (value) => (isTruthy(value) ? then(input, path, env, emit) : otherwise(input, path, env, emit)));
}

function ifAccumulate(condition: Code, then: Code, otherwise: Code): ReturnType<Code["accumulate"]> {
  const test = condition.one();
  const a = then.accumulate();
  const b = otherwise.accumulate();
  return (input, env, owned) => (isTruthy(test(input, env)) ? a(input, env, owned) : b(input, env, owned));
}

/** `left // right`: what is true of the left, or else the right. */
export function alternativeCode(left: Code, right: Code): Code {
  const many = (end: Many): Many => alternativeMany(left, end);
  return new Code({
    weight: left.weight + right.weight,
    height: heightOf([left, right]),
    single: () => left.single() && right.single(),
    one: () => alternativeOne(left, right.one()),
    oneTail: () => alternativeOne(left, right.oneTail()),
    many: () => many(right.many()),
    manyTail: () => many(right.manyTail()),
    paths: () => {
      const first = left.paths();
      const second = right.paths();
      return (input, path, env, emit) => {
        let found = false;
        const flow = first(input, path, env, (value, at) => {
          if (!isTruthy(value)) return GO_ON;
          found = true;
          return emit(value, at);
        });
        return flow === STOP || found ? flow : second(input, path, env, emit);
      };
    },
    usesInput: left.usesInput || right.usesInput,
  });
}

function alternativeOne(left: Code, right: One): One {
  const first = left.one();
  return (input, env) => {
    const value = first(input, env);
    return isTruthy(value) ? value : right(input, env);
  };
}

function alternativeMany(left: Code, right: Many): Many {
  const first = left.many();
  return (input, env, emit) => {
    let found = false;
    const flow = first(input, env, (value) => {
      if (!isTruthy(value)) return GO_ON;
      found = true;
      return emit(value);
    });
    return flow === STOP || found ? flow : right(input, env, emit);
  };
}

/** An error on its way through a `try` that must not catch it: it comes from what was done with an output. */
class Passing {
  constructor(readonly error: unknown) {}
}

/** What `catch` receives. @throws what cannot be caught. */
function caught(error: unknown, run: Run, depth: number): Json {
  if (error instanceof JqBudgetError) throw error;
  if (error instanceof Passing) throw error.error;
  if (error === BREAK) {
    run.depth = depth;
    return caughtBreak(run);
  }
  if (!(error instanceof JqError)) throw error;
  run.depth = depth;
  payForError(run);
  return error.value;
}

/** jq's `break` is an error that carries the number of its label. */
function caughtBreak(run: Run): Json {
  const label = run.breaking?.value ?? null;
  run.breaking = null;
  return { __jq: label };
}

/** `try body catch handler`; without a handler an error gives nothing. */
export function tryCode(body: Code, handler: Code | undefined): Code {
  return new Code({
    weight: body.weight + (handler?.weight ?? 0),
    height: heightOf(handler === undefined ? [body] : [body, handler]),
    single: () => handler !== undefined && body.single() && handler.single(),
    one: () => tryOne(body.one(), (handler ?? constantCode(null)).one()),
    many: () => {
      const handle = handler?.many() ?? (() => GO_ON);
      return body.single() ? trySingle(body.one(), handle) : tryMany(body.many(), handle);
    },
    paths: () => tryPaths(body.paths(), handler?.paths() ?? (() => GO_ON)),
    usesInput: body.usesInput,
  });
}

function tryOne(body: One, handler: One): One {
  return (input, env) => {
    const { depth } = env.run;
    try {
      return body(input, env);
    } catch (error) {
      return handler(caught(error, env.run, depth), env);
    }
  };
}

function trySingle(body: One, handler: Many): Many {
  return (input, env, emit) => {
    const { depth } = env.run;
    let value: Json;
    try {
      value = body(input, env);
    } catch (error) {
      return handler(caught(error, env.run, depth), env, emit);
    }
    return emit(value);
  };
}

function tryMany(body: Many, handler: Many): Many {
  return (input, env, emit) => {
    const { run } = env;
    const { depth } = run;
    let stopped = false;
    const pass = (value: Json): Flow => {
      let flow: Flow;
      try {
        flow = emit(value);
      } catch (error) {
        throw new Passing(error);
      }
      if (flow === STOP) stopped = true;
      return flow;
    };
    let failure: Json;
    try {
      const flow = body(input, env, pass);
      if (flow !== STOP || stopped) return flow;
      failure = caughtBreak(run);
    } catch (error) {
      failure = caught(error, run, depth);
    }
    return handler(failure, env, emit);
  };
}

function tryPaths(body: Paths, handler: Paths): Paths {
  return (input, path, env, emit) => {
    const { run } = env;
    const { depth } = run;
    let stopped = false;
    let failure: Json;
    try {
      const flow = body(input, path, env, (value, at) => {
        let inner: Flow;
        try {
          inner = emit(value, at);
        } catch (error) {
          throw new Passing(error);
        }
        if (inner === STOP) stopped = true;
        return inner;
      });
      if (flow !== STOP || stopped) return flow;
      failure = caughtBreak(run);
    } catch (error) {
      failure = caught(error, run, depth);
    }
    return handler(failure, path.under ?? path, env, emit);
  };
}

/** `label $name | body`. The label is an entry among the variables, so that every time it is entered it is another one. */
export function labelCode(body: Code): Code {
  const guarded = (input: Json, env: Env, evaluate: (input: Json, inside: Env) => Flow): Flow => {
    const { run } = env;
    const { depth } = run;
    const inside = new Env(run, env, run.labels++, null);
    let flow: Flow;
    try {
      flow = evaluate(input, inside);
    } catch (error) {
      if (error !== BREAK || run.breaking !== inside) throw error;
      flow = STOP;
    }
    if (flow !== STOP || run.breaking !== inside) return flow;
    run.breaking = null;
    run.depth = depth;
    return GO_ON;
  };
  return new Code({
    weight: body.weight + 1,
    height: body.height + 1,
    single: () => false,
    many: () => {
      const many = body.many();
      return (input, env, emit) => guarded(input, env, (value, inside) => many(value, inside, emit));
    },
    paths: () => {
      const paths = body.paths();
      return (input, path, env, emit) => guarded(input, env, (value, inside) => paths(value, path, inside, emit));
    },
    usesInput: body.usesInput,
  });
}

/** `break $name`, the label `hops` variables further out. */
export function breakCode(hops: number): Code {
  return new Code({
    weight: 1,
    height: 1,
    single: () => false,
    many: () => (_input, env) => {
      env.run.breaking = outer(env, hops);
      return STOP;
    },
    paths: () => (_input, _path, env) => {
      env.run.breaking = outer(env, hops);
      return STOP;
    },
    usesInput: false,
  });
}
