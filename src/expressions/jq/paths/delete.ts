import type { Json } from "../../../values/json.ts";
import { type Budget, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import { equalValues, isArray, sortValues, typeOf } from "../library/order.ts";
import type { Draft } from "../objects.ts";
import { boundsOf, getIn, MAX_PATH_LENGTH } from "./get.ts";
import { copyOfObject, setIn } from "./set.ts";

type Path = readonly Json[];

/** `delpaths/1`: a copy without what is at the paths. @throws {JqError} in jq's words. */
export function deletePaths(value: Json, paths: Json, budget: Budget): Json {
  if (!isArray(paths)) throw new JqError("Paths must be specified as an array");
  const sorted = sortValues(paths, budget).map(checked);
  if (sorted.length === 0) return value;
  if (sorted[0]?.length === 0) return null;
  return new Deletion(budget).from(value, sorted);
}

function checked(path: Json): Path {
  if (!isArray(path)) throw new JqError(`Path must be specified as array, not ${typeOf(path)}`);
  if (path.length > MAX_PATH_LENGTH) throw new JqError("Path too deep");
  return path;
}

/** A container on the way down: the paths that go through it, and what is to be deleted from it. */
interface Level {
  container: Json;
  readonly paths: readonly Path[];
  /** The first path not looked at yet. */
  next: number;
  readonly keys: Json[];
  /** The key under which the level below is to be put back. */
  below: Json;
}

/** Walks down with a stack of its own: paths may have ten thousand steps. */
class Deletion {
  constructor(private readonly budget: Budget) {}

  from(value: Json, sorted: readonly Path[]): Json {
    const levels: Level[] = [levelOf(value, sorted)];
    for (;;) {
      const level = levels.at(-1) as Level;
      const deeper = this.step(level, levels.length - 1);
      if (deeper !== undefined) {
        levels.push(deeper);
        continue;
      }
      if (level.next < level.paths.length) continue;
      const result = deleteKeys(level.container, level.keys, this.budget);
      levels.pop();
      const above = levels.at(-1);
      if (above === undefined) return result;
      above.container = setIn(above.container, above.below, result, this.budget);
    }
  }

  /** Looks at the paths with the same next key; gives the level below if only parts of it are to be deleted. */
  private step(level: Level, depth: number): Level | undefined {
    const first = level.paths[level.next];
    if (first === undefined) return undefined;
    const key = first[depth] ?? null;
    const from = level.next;
    do level.next++;
    while (level.next < level.paths.length && equalValues(key, level.paths[level.next]?.[depth] ?? null, this.budget));
    spend(this.budget, level.next - from);
    if (first.length === depth + 1) {
      level.keys.push(key);
      return undefined;
    }
    const below = getIn(level.container, key, this.budget);
    if (below === null) return undefined;
    level.below = key;
    return levelOf(below, level.paths.slice(from, level.next));
  }
}

function levelOf(container: Json, paths: readonly Path[]): Level {
  return { container, paths, next: 0, keys: [], below: null };
}

function deleteKeys(container: Json, keys: readonly Json[], budget: Budget): Json {
  if (container === null || keys.length === 0) return container;
  if (isArray(container)) return deleteElements(container, keys, budget);
  if (typeof container !== "object") throw new JqError(`Cannot delete fields from ${typeOf(container)}`);
  const copy: Draft = copyOfObject(container, budget);
  for (const key of keys) {
    if (typeof key !== "string") throw new JqError(`Cannot delete ${typeOf(key)} field of object`);
    delete copy[key];
  }
  return copy;
}

function deleteElements(items: readonly Json[], keys: readonly Json[], budget: Budget): Json {
  const gone = new Uint8Array(items.length);
  for (const key of keys) markGone(gone, key, budget);
  spend(budget, items.length);
  return items.filter((_item, index) => gone[index] === 0);
}

function markGone(gone: Uint8Array, key: Json, budget: Budget): void {
  if (typeof key === "number") {
    const at = Math.trunc(key);
    // Outside the array nothing is there to delete; NaN is nowhere.
    gone[key < 0 ? at + gone.length : at] = 1;
  } else if (typeof key === "object" && key !== null && !isArray(key)) {
    const [start, end] = boundsOf(gone.length, key);
    spend(budget, (end - start) >> 3);
    gone.fill(1, start, end);
  } else {
    throw new JqError(`Cannot delete ${typeOf(key)} element of array`);
  }
}
