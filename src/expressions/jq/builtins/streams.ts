import type { Json } from "../../../values/json.ts";
import { always, Code, type Many, type One, type Paths } from "../compile/code.ts";
import { BREAK, burn, descend, type Env, type Flow, GO_ON, isTruthy, type Path, STOP } from "../compile/run.ts";
import { JqError } from "../errors.ts";
import { add, subtract } from "../library/arithmetic.ts";
import { compareValues } from "../library/order.ts";

/** `first(source)` */
export function firstCode(source: Code): Code {
  return new Code({
    weight: source.weight + 1,
    height: source.height + 1,
    single: () => source.single(),
    one: () => source.one(),
    many: () => firstMany(source.many()),
    paths: () => {
      const paths = source.paths();
      return (input, path, env, emit) => {
        let found: { readonly value: Json; readonly at: Path } | undefined;
        const flow = paths(input, path, env, (value, at) => {
          found = { value, at };
          return STOP;
        });
        return found === undefined ? flow : emit(found.value, found.at);
      };
    },
    usesInput: source.usesInput,
  });
}

function firstMany(source: Many): Many {
  return (input, env, emit) => {
    let first: Json | undefined;
    const flow = source(input, env, (value) => {
      first = value;
      return STOP;
    });
    return first === undefined ? flow : emit(first);
  };
}

/** `last(source)` */
export function lastCode(source: Code): Code {
  return new Code({
    weight: source.weight + 1,
    height: source.height + 1,
    single: () => source.single(),
    one: () => source.one(),
    many: () => {
      const many = source.many();
      return (input, env, emit) => {
        let last: Json | undefined;
        const flow = many(input, env, (value) => {
          last = value;
          return GO_ON;
        });
        return flow === STOP || last === undefined ? flow : emit(last);
      };
    },
    paths: () => {
      const paths = source.paths();
      return (input, path, env, emit) => {
        let last: Json | undefined;
        const flow = paths(input, path, env, (value) => {
          last = value;
          return GO_ON;
        });
        // By then jq is back at the path it began with.
        return flow === STOP || last === undefined ? flow : emit(last, path.under ?? path);
      };
    },
    usesInput: source.usesInput,
  });
}

/** `isempty(source)` */
export function isEmptyCode(source: Code): Code {
  return new Code({
    weight: source.weight + 1,
    height: source.height + 1,
    single: always,
    one: () => {
      const many = source.many();
      return (input, env) => {
        let empty = true;
        const flow = many(input, env, () => {
          empty = false;
          return STOP;
        });
        if (flow === STOP && empty) throw BREAK;
        return empty;
      };
    },
    usesInput: source.usesInput,
  });
}

/** What `limit`, `skip` and `nth` do with each output, by how many are left to count: `left` is the count minus those before. */
type Gate = (left: number) => "pass" | "last" | "drop";

/** `limit(count; source)` */
export function limitCode(count: Code, source: Code): Code {
  const gate: Gate = (left) => (left > 1 ? "pass" : "last");
  return countedCode(count, source, gate, "limit doesn't support negative count", () => GO_ON);
}

/** `skip(count; source)` */
export function skipCode(count: Code, source: Code): Code {
  const gate: Gate = (left) => (left < 1 ? "pass" : "drop");
  return countedCode(count, source, gate, "skip doesn't support negative count", undefined);
}

/** `nth(count; source)` */
export function nthCode(count: Code, source: Code): Code {
  const gate: Gate = (left) => (left < 1 ? "last" : "drop");
  return countedCode(count, source, gate, "nth doesn't support negative indices", undefined);
}

/** @param none what a count of 0 gives; undefined when it is like any other. */
function countedCode(count: Code, source: Code, gate: Gate, refusal: string, none: (() => Flow) | undefined): Code {
  const counting = <Rest extends readonly unknown[]>(
    n: Json,
    env: Env,
    run: (take: (emit: (...output: Rest) => Flow) => (...output: Rest) => Flow) => Flow,
  ): Flow => {
    const order = compareValues(n, 0, env.run);
    if (order < 0 || Number.isNaN(n)) throw new JqError(refusal);
    if (order === 0 && none !== undefined) return none();
    let left = n;
    let ended: Flow | undefined;
    const flow = run((emit) => (...output) => {
      // What is no number cannot be counted down.
      const now = typeof left === "number" ? left : (subtract(left, 1, env.run) as number);
      left = now - 1;
      const step = gate(now);
      if (step === "drop") return GO_ON;
      const downstream = emit(...output);
      if (step === "pass") return downstream;
      ended = downstream;
      return STOP;
    });
    return ended ?? flow;
  };
  return new Code({
    weight: count.weight + source.weight + 1,
    height: Math.max(count.height, source.height) + 1,
    single: () => false,
    many: () => {
      const counts = count.many();
      const many = source.many();
      return (input, env, emit) =>
        counts(input, env, (n) => counting<[Json]>(n, env, (take) => many(input, env, take(emit))));
    },
    paths: () => {
      const counts = count.many();
      const paths = source.paths();
      return (input, path, env, emit) =>
        counts(input, env, (n) => counting<[Json, Path]>(n, env, (take) => paths(input, path, env, take(emit))));
    },
  });
}

/** `range(from; to)` and `range(from; to; by)`; the first varies slowest. */
export function rangeCode(from: Code, to: Code, by: Code | undefined): Code {
  return new Code({
    weight: from.weight + to.weight + (by?.weight ?? 0) + 1,
    height: Math.max(from.height, to.height, by?.height ?? 0) + 1,
    single: () => false,
    many: () => {
      const starts = from.many();
      const ends = to.many();
      const steps = by?.many();
      return (input, env, emit) =>
        starts(input, env, (start) =>
          ends(input, env, (end) =>
            steps === undefined
              ? count(start, end, env, emit)
              : steps(input, env, (step) => countBy(start, end, step, env, emit)),
          ),
        );
    },
    usesInput: from.usesInput || to.usesInput || (by?.usesInput ?? false),
  });
}

function count(start: Json, end: Json, env: Env, emit: (value: Json) => Flow): Flow {
  if (typeof start !== "number" || typeof end !== "number") throw new JqError("Range bounds must be numeric");
  for (let i = start; !(i >= end); i++) {
    burn(env.run, 1);
    if (emit(i) === STOP) return STOP;
  }
  return GO_ON;
}

/** jq compares and adds whatever it is given; nan comes before 0. */
function countBy(start: Json, end: Json, step: Json, env: Env, emit: (value: Json) => Flow): Flow {
  const { run } = env;
  const direction = compareValues(step, 0, run);
  if (direction === 0) return GO_ON;
  const goesOn =
    direction > 0
      ? (value: Json) => compareValues(value, end, run) < 0
      : (value: Json) => compareValues(value, end, run) > 0;
  for (let value = start; goesOn(value); value = add(value, step, run)) {
    burn(run, 2);
    if (emit(value) === STOP) return STOP;
  }
  return GO_ON;
}

/** `until(condition; next)` */
export function untilCode(condition: Code, next: Code): Code {
  const weight = condition.weight + next.weight;
  const height = Math.max(condition.height, next.height) + 2;
  return new Code({
    weight,
    height,
    single: () => condition.single() && next.single(),
    one: () => untilOne(condition.one(), next.one(), weight),
    many: () => {
      const test = condition.many();
      const step = next.many();
      const from = (value: Json, env: Env, emit: (value: Json) => Flow): Flow => {
        burn(env.run, weight);
        descend(env.run, height);
        const flow = test(value, env, (done) =>
          isTruthy(done) ? emit(value) : step(value, env, (following) => from(following, env, emit)),
        );
        env.run.depth -= height;
        return flow;
      };
      return from;
    },
    paths: () => {
      const test = condition.many();
      const step = next.paths();
      const from: Paths = (value, at, env, emit) => {
        burn(env.run, weight);
        descend(env.run, height);
        const flow = test(value, env, (done) =>
          isTruthy(done) ? emit(value, at) : step(value, at, env, (next, there) => from(next, there, env, emit)),
        );
        env.run.depth -= height;
        return flow;
      };
      return from;
    },
  });
}

function untilOne(test: One, step: One, weight: number): One {
  return (input, env) => {
    let value = input;
    while (!isTruthy(test(value, env))) {
      burn(env.run, weight);
      value = step(value, env);
    }
    return value;
  };
}

/** `repeat(source)`: its outputs for the same input, again and again. */
export function repeatCode(source: Code): Code {
  return new Code({
    weight: source.weight + 1,
    height: source.height + 1,
    single: () => false,
    many: () => {
      const many = source.many();
      return (input, env, emit) => {
        for (;;) {
          burn(env.run, source.weight);
          if (many(input, env, emit) === STOP) return STOP;
        }
      };
    },
    paths: () => {
      const paths = source.paths();
      return (input, path, env, emit) => {
        for (;;) {
          burn(env.run, source.weight);
          if (paths(input, path, env, emit) === STOP) return STOP;
        }
      };
    },
  });
}
