import type { Json } from "../../../values/json.ts";
import { payForKeys } from "../budget.ts";
import { appliedCode } from "../compile/basic.ts";
import { always, Code } from "../compile/code.ts";
import { allocate, BREAK, burn, GO_ON, isIntact, Path, STOP } from "../compile/run.ts";
import { eachPath } from "../compile/updates.ts";
import { isArray } from "../library/order.ts";
import { deletePaths } from "../paths/delete.ts";
import { getPath, pathOf } from "../paths/get.ts";
import { setAt, setPath } from "../paths/set.ts";

/** `path(target)` */
export function pathCode(target: Code): Code {
  return new Code({
    weight: target.weight + 1,
    height: target.height + 8,
    single: () => false,
    many: () => {
      const paths = target.paths();
      return (input, env, emit) => eachPath(paths, input, env, (steps) => emit(steps));
    },
  });
}

/** `getpath(path)` */
export function getPathCode(path: Code): Code {
  const values = appliedCode([path], (input, [steps], env) => getPath(input, steps ?? null, env.run));
  return new Code({
    weight: values.weight,
    height: values.height,
    single: () => values.single(),
    one: () => values.one(),
    many: () => values.many(),
    paths: () => {
      const many = path.many();
      return (input, at, env, emit) =>
        many(input, env, (steps) => {
          const value = getPath(input, steps, env.run);
          return emit(value, isIntact(input, at) ? further(at, input, pathOf(steps), value) : at);
        });
    },
  });
}

/** What is in between is passed by at once: only where it ends matters. */
function further(at: Path, from: Json, steps: readonly Json[], value: Json): Path {
  const last = steps.length - 1;
  return steps.reduce<Path>((path, step, index) => new Path(path, step, index === last ? value : from), at);
}

/** `setpath(path; value)` */
export function setPathCode(path: Code, value: Code): Code {
  return appliedCode([path, value], (input, [steps, member], env) =>
    setAt(input, steps ?? null, member ?? null, env.run),
  );
}

/** `delpaths(paths)` */
export function deletePathsCode(paths: Code): Code {
  return appliedCode([paths], (input, [list], env) => deletePaths(input, list ?? null, env.run));
}

/** `del(target)` */
export function deleteCode(target: Code): Code {
  return new Code({
    weight: target.weight + 2,
    height: target.height + 8,
    single: always,
    one: () => {
      const paths = target.paths();
      return (input, env) => {
        const gone: Json[] = [];
        const flow = eachPath(paths, input, env, (steps) => {
          gone.push(steps);
          return GO_ON;
        });
        if (flow === STOP) throw BREAK;
        return deletePaths(input, gone, env.run);
      };
    },
  });
}

/** `pick(target)` */
export function pickCode(target: Code): Code {
  return new Code({
    weight: target.weight + 2,
    height: target.height + 8,
    single: always,
    one: () => {
      const paths = target.paths();
      return (input, env) => {
        const owned = new Set<object>();
        let picked: Json = null;
        const flow = eachPath(paths, input, env, (steps) => {
          picked = setPath(picked, steps, getPath(input, steps, env.run), env.run, owned);
          return GO_ON;
        });
        if (flow === STOP) throw BREAK;
        return picked;
      };
    },
  });
}

/** What an event of `tostream` takes in memory, beside its path: two arrays of their own. */
const EVENT_BYTES = 88;

/** `tostream`: leaves with their paths, and the end of each container; a stack of its own, since data may be deep. */
export const TO_STREAM = new Code({
  weight: 2,
  height: 2,
  single: () => false,
  many: () => (input, env, emit) => {
    type Level = { readonly keys: readonly (string | number)[]; readonly value: Json; next: number };
    const levels: Level[] = [];
    const path: Json[] = [];
    const enter = (value: Json): boolean => {
      if (typeof value !== "object" || value === null) return false;
      const keys = isArray(value) ? [...value.keys()] : Object.keys(value);
      if (isArray(value)) burn(env.run, keys.length);
      else payForKeys(env.run, keys.length);
      if (keys.length === 0) return false;
      levels.push({ keys, value, next: 0 });
      return true;
    };
    if (!enter(input)) return emit([[], input]);
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      burn(env.run, 1 + path.length);
      allocate(env.run, EVENT_BYTES + 8 * path.length);
      const key = level.keys[level.next++];
      if (key === undefined) {
        levels.pop();
        // The path of a container ends with its last key.
        if (emit([[...path, level.keys.at(-1) ?? null]]) === STOP) return STOP;
        path.pop();
        continue;
      }
      const member = getPath(level.value, [key], env.run);
      if (enter(member)) path.push(key);
      else if (emit([[...path, key], member]) === STOP) return STOP;
    }
    return GO_ON;
  },
});
