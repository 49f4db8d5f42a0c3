import type { Json } from "../../values/json.ts";

/** An object while it is built, before anyone else sees it. */
export type Draft = Record<string, Json>;

/** Sets an own property, whatever its name: assigning to `__proto__` would change the prototype instead. */
export function setOwn(target: Draft, key: string, value: Json): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else target[key] = value;
}
