import type { Json } from "../../../values/json.ts";
import { payForKeys } from "../budget.ts";
import { Code, type Emit, type EmitPath, type Many, type Paths } from "../compile/code.ts";
import { push } from "../compile/construct.ts";
import { checkIntact } from "../compile/fields.ts";
import { BREAK, beforeBreak, burn, descend, type Env, type Flow, GO_ON, Path, STOP } from "../compile/run.ts";
import { firstOf } from "../compile/updates.ts";
import { JqBudgetError } from "../errors.ts";
import { isArray } from "../library/order.ts";
import { type Draft, setOwn } from "../objects.ts";
import { fieldOf } from "../paths/get.ts";

/** `recurse` and `..`: the input and all that is inside, outer values first. With stacks of their own: data may be deep. */
export const RECURSE = new Code({
  weight: 2,
  height: 2,
  single: () => false,
  many: () => (input, env, emit) => emitAll(input, env, emit),
  paths: () => (input, path, env, emit) => emitAllPaths(input, path, env, emit),
});

function emitAll(input: Json, env: Env, emit: Emit): Flow {
  const waiting: Json[] = [input];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    burn(env.run, 1);
    if (emit(value) === STOP) return STOP;
    if (typeof value !== "object" || value === null) continue;
    const members = isArray(value) ? value : Object.values(value);
    if (isArray(value)) burn(env.run, members.length >>> 1);
    else payForKeys(env.run, members.length);
    for (let i = members.length - 1; i >= 0; i--) waiting.push(members[i] as Json);
  }
  return GO_ON;
}

interface Place {
  readonly value: Json;
  readonly path: Path;
}

function emitAllPaths(input: Json, path: Path, env: Env, emit: EmitPath): Flow {
  const waiting: Place[] = [{ value: input, path }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { value, path: at } = place;
    burn(env.run, 1);
    if (emit(value, at) === STOP) return STOP;
    checkIntact(value, at);
    if (typeof value !== "object" || value === null) continue;
    const keys = isArray(value) ? [...value.keys()] : Object.keys(value);
    payForKeys(env.run, keys.length);
    for (const key of keys.reverse()) {
      const member = memberOf(value, key);
      waiting.push({ value: member, path: new Path(at, key, member) });
    }
  }
  return GO_ON;
}

function memberOf(value: Json, key: string | number): Json {
  return typeof key === "number" ? ((value as readonly Json[])[key] ?? null) : fieldOf(value, key);
}

/** `recurse(next)` */
export function recurseCode(next: Code): Code {
  const { weight } = next;
  const height = next.height + 3;
  return new Code({
    weight: weight + 1,
    height,
    single: () => false,
    many: () => (next.single() ? recurseSingle(next) : recurseMany(next.many(), weight, height)),
    paths: () => recursePaths(next.paths(), weight, height),
  });
}

/** Without end: an output of `next` always follows. */
function recurseSingle(next: Code): Many {
  const one = next.one();
  return (input, env, emit) => {
    for (let value = input; ; value = one(value, env)) {
      burn(env.run, next.weight + 1);
      if (emit(value) === STOP) return STOP;
    }
  };
}

/**
 * The last output of `next` is followed in a loop and not in a call, so that a chain of single outputs does not nest. For that, each
 * output waits until it is known whether another comes.
 */
function recurseMany(next: Many, weight: number, height: number): Many {
  const visit = (input: Json, env: Env, emit: Emit): Flow => {
    const { run } = env;
    let current: Json | undefined = input;
    while (current !== undefined) {
      burn(run, weight + 1);
      if (emit(current) === STOP) return STOP;
      let waiting: Json | undefined;
      let stopped = false;
      let isDeeper = false;
      const deeper = (value: Json): Flow => {
        isDeeper = true;
        descend(run, height);
        const flow = visit(value, env, emit);
        run.depth -= height;
        isDeeper = false;
        stopped = flow === STOP;
        return flow;
      };
      const depth = run.depth;
      let flow: Flow;
      try {
        flow = next(current, env, (value) => {
          const before = waiting;
          waiting = value;
          return before === undefined ? GO_ON : deeper(before);
        });
      } catch (error) {
        // Only an error of `next` itself comes after the output that waits.
        if (isDeeper || error instanceof JqBudgetError) throw error;
        run.depth = depth;
        const last = waiting;
        if (!stopped && last !== undefined && beforeBreak(run, () => deeper(last)) === STOP) return STOP;
        throw error;
      }
      if (flow === STOP) {
        if (!stopped && waiting !== undefined) beforeBreak(run, () => deeper(waiting as Json));
        return STOP;
      }
      current = waiting;
    }
    return GO_ON;
  };
  return visit;
}

function recursePaths(next: Paths, weight: number, height: number): Paths {
  const visit: Paths = (value, at, env, emit) => {
    burn(env.run, weight + 1);
    if (emit(value, at) === STOP) return STOP;
    descend(env.run, height);
    const flow = next(value, at, env, (following, there) => visit(following, there, env, emit));
    env.run.depth -= height;
    return flow;
  };
  return visit;
}

/** A container whose members are walked one after the other. */
interface Walk {
  readonly source: Json;
  /** Undefined for an array. */
  readonly keys: readonly string[] | undefined;
  readonly length: number;
  next: number;
  readonly items: Json[];
  readonly members: Draft;
}

/** `walk(f)`: from the inside out; in an array all outputs of `f` stay, in an object the first. */
export function walkCode(f: Code): Code {
  return new Code({
    weight: f.weight + 2,
    height: f.height + 2,
    single: () => f.single(),
    one: () => {
      const many = walkMany(f);
      return (input, env) => {
        let result: Json = null;
        if (
          many(input, env, (value) => {
            result = value;
            return GO_ON;
          }) === STOP
        ) {
          throw BREAK;
        }
        return result;
      };
    },
    many: () => walkMany(f),
  });
}

function walkMany(f: Code): Many {
  const many = f.many();
  const first = firstOf(many);
  const { weight } = f;
  return (input, env, emit) => {
    const walks: Walk[] = [];
    let done: Json | undefined = open(input, walks, env);
    for (;;) {
      if (done !== undefined) {
        burn(env.run, weight + 4);
        const parent = walks.at(-1);
        if (parent === undefined) return many(done, env, emit);
        if (!keep(parent, done, env)) return STOP;
      }
      done = advance(walks, env);
    }
  };

  /** False when a `break` came up. */
  function keep(parent: Walk, value: Json, env: Env): boolean {
    if (parent.keys === undefined) return many(value, env, (output) => push(parent.items, output, env)) !== STOP;
    const output = first(value, env);
    const key = parent.keys[parent.next - 1];
    if (output !== undefined && key !== undefined) setOwn(parent.members, key, output);
    return true;
  }
}

/** Goes into a container; anything else is done already. */
function open(value: Json, walks: Walk[], env: Env): Json | undefined {
  if (typeof value !== "object" || value === null) return value;
  const keys = isArray(value) ? undefined : Object.keys(value);
  const length = isArray(value) ? value.length : (keys?.length ?? 0);
  burn(env.run, 10 + length);
  if (keys !== undefined) payForKeys(env.run, length);
  walks.push({ source: value, keys, length, next: 0, items: [], members: {} });
  return undefined;
}

/** The next value that is done: a scalar member, or a container with no member left. */
function advance(walks: Walk[], env: Env): Json | undefined {
  const walk = walks.at(-1);
  if (walk === undefined) return undefined;
  if (walk.next === walk.length) {
    walks.pop();
    return walk.keys === undefined ? walk.items : walk.members;
  }
  const place = walk.next++;
  return open(memberOf(walk.source, walk.keys?.[place] ?? place), walks, env);
}
