import type { Json, JsonObject } from "../../../values/json.ts";
import { type Budget, grow, payForCopy, payForKey, spend } from "../budget.ts";
import { JqError } from "../errors.ts";
import { isArray, typeOf } from "../library/order.ts";
import { type Draft, setOwn } from "../objects.ts";
import { boundsOf, getIn, pathOf } from "./get.ts";

/** jq's largest index of an array. */
const MAX_INDEX = 536_870_911;

/** Containers that were made by the update under way and that nobody else has seen: they may be changed in place. */
export type Owned = Set<object>;

/** A copy of `root` with `value` at `path`. What is in `owned` is changed in place, and what is copied goes in. */
export function setPath(root: Json, path: readonly Json[], value: Json, budget: Budget, owned?: Owned): Json {
  const containers: Json[] = [];
  spend(budget, 8 * path.length);
  let at = root;
  for (const key of path) {
    containers.push(at);
    at = getIn(at, key, budget);
    checkSettable(containers.at(-1) ?? null, key);
  }
  let result = value;
  for (let i = path.length - 1; i >= 0; i--) {
    result = setIn(containers[i] ?? null, path[i] ?? null, result, budget, owned);
  }
  return result;
}

/** jq finds out that a key cannot be set before it goes on below it; with slices it does not. */
function checkSettable(container: Json, key: Json): void {
  if (isArray(key)) throw cannotUpdate(container, key);
  if (typeof key === "number") placeOf(isArray(container) ? container.length : 0, key);
}

/** `setpath/2`. */
export function setAt(root: Json, path: Json, value: Json, budget: Budget): Json {
  return setPath(root, pathOf(path), value, budget);
}

/** A copy of a container with another value under a key. @throws {JqError} in jq's words. */
export function setIn(container: Json, key: Json, value: Json, budget: Budget, owned?: Owned): Json {
  if (typeof key === "string") {
    if (container === null || (typeof container === "object" && !isArray(container))) {
      return setField(container, key, value, budget, owned);
    }
  } else if (typeof key === "number") {
    if (container === null || isArray(container)) return setElement(container ?? [], key, value, budget, owned);
  } else if (typeof key === "object" && key !== null && !isArray(key)) {
    if (typeof container === "string") throw new JqError("Cannot update string slices");
    if (container === null || isArray(container)) return setSlice(container ?? [], key, value, budget, owned);
  }
  throw cannotUpdate(container, key);
}

function cannotUpdate(container: Json, key: Json): JqError {
  return new JqError(`Cannot update field at ${typeOf(key)} index of ${typeOf(container)}`);
}

function setField(object: JsonObject | null, key: string, value: Json, budget: Budget, owned: Owned | undefined): Json {
  const draft = object !== null && owned?.has(object) ? (object as Draft) : copyOfObject(object, budget, owned);
  payForKey(budget, key);
  if (!Object.hasOwn(draft, key)) grow(budget, 32);
  setOwn(draft, key, value);
  return draft;
}

/** `{...object}` defines its keys: `__proto__` stays one. */
export function copyOfObject(object: JsonObject | null, budget: Budget, owned?: Owned): Draft {
  if (object === null) return newDraft({}, owned);
  const copy = { ...object };
  const size = Object.keys(copy).length;
  payForCopy(budget, size);
  grow(budget, size * 16);
  return newDraft(copy, owned);
}

function newDraft(draft: Draft, owned: Owned | undefined): Draft {
  owned?.add(draft);
  return draft;
}

function setElement(
  items: readonly Json[],
  index: number,
  value: Json,
  budget: Budget,
  owned: Owned | undefined,
): readonly Json[] {
  const at = placeOf(items.length, index);
  const draft = draftOf(items, budget, owned);
  if (at >= draft.length) {
    spend(budget, at + 1 - draft.length);
    grow(budget, (at + 1 - draft.length) * 8);
    while (draft.length < at) draft.push(null);
  }
  draft[at] = value;
  return draft;
}

/** Where an element is set. @throws {JqError} when there is no such place. */
function placeOf(length: number, index: number): number {
  if (Number.isNaN(index)) throw new JqError("Cannot set array element at NaN index");
  const whole = Math.trunc(index);
  const at = whole < 0 ? whole + length : whole;
  if (at < 0) throw new JqError("Out of bounds negative array index");
  if (at > MAX_INDEX) throw new JqError("Array index too large");
  return at;
}

/** The array itself if it is owned, or else a copy. */
export function draftOf(items: readonly Json[], budget: Budget, owned: Owned | undefined): Json[] {
  if (owned?.has(items)) return items as Json[];
  spend(budget, items.length >> 3);
  grow(budget, items.length * 8);
  const copy = items.slice();
  owned?.add(copy);
  return copy;
}

function setSlice(
  items: readonly Json[],
  slice: JsonObject,
  value: Json,
  budget: Budget,
  owned: Owned | undefined,
): readonly Json[] {
  const [start, end] = boundsOf(items.length, slice);
  if (!isArray(value)) throw new JqError("A slice of an array can only be assigned another array");
  const size = items.length - (end - start) + value.length;
  spend(budget, size >> 3);
  grow(budget, size * 8);
  const copy = [...items.slice(0, start), ...value, ...items.slice(end)];
  owned?.add(copy);
  return copy;
}
