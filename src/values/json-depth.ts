import type { Json } from "./json.ts";

/** Deeper values cannot be relied on to be written as JSON, compared or evaluated without exhausting the stack. */
export const MAX_JSON_DEPTH = 512;

/** True when objects and arrays are nested more than `MAX_JSON_DEPTH` deep. Does not recurse. */
export function isTooDeep(value: Json): boolean {
  let level: readonly Json[] = [value];
  for (let depth = 0; depth <= MAX_JSON_DEPTH; depth++) {
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : []));
    if (level.length === 0) return false;
  }
  return true;
}
