import { types } from "node:util";
import type { Json } from "../values/json.ts";
import { MAX_JSON_DEPTH } from "../values/json-depth.ts";
import { pointerOf } from "../values/task-reference.ts";

/** A value cannot be written down as JSON and read back the same. */
export class NotJsonError extends Error {}

/**
 * A deep copy as plain JSON. Undefined is null at the top and left out of objects, as optional members are; nothing else is
 * converted: what JSON cannot say is refused, rather than recorded as something that the next task does not expect.
 * @throws {NotJsonError} naming the place.
 */
export function toJson(value: unknown): Json {
  return value === undefined ? null : copied(value, "", []);
}

function copied(value: unknown, at: string, above: readonly object[]): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw refused(at, `the number ${value}`);
    // JSON reads -0 back as 0.
    return value === 0 ? 0 : value;
  }
  if (typeof value !== "object") throw refused(at, value === undefined ? "undefined" : `a ${typeof value}`);
  if (above.includes(value)) throw refused(at, "a cycle");
  if (above.length >= MAX_JSON_DEPTH) throw refused("", `nested deeper than ${MAX_JSON_DEPTH} levels`);
  const path = [...above, value];
  if (Array.isArray(value))
    return Array.from(value, (item: unknown, index) => copied(item, pointerOf(at, index), path));
  if (!isPlain(value)) throw refused(at, kindOf(value));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  // fromEntries defines members, so that one called __proto__ stays a member.
  return Object.fromEntries(members.map(([key, member]) => [key, copied(member, pointerOf(at, key), path)]));
}

/** By what its prototype is called, so that objects of another realm count. */
function isPlain(value: object): boolean {
  if (types.isProxy(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(value: object): string {
  if (types.isDate(value)) return "a Date: use toISOString()";
  if (types.isMap(value) || types.isSet(value))
    return `a ${types.isMap(value) ? "Map: use Object.fromEntries" : "Set: use Array.from"}`;
  if (types.isPromise(value)) return "a promise that nobody awaited";
  if (ArrayBuffer.isView(value)) return "binary data: use a base64 string";
  return `an instance of ${value.constructor?.name || "a class"}: use a plain object`;
}

function refused(at: string, what: string): NotJsonError {
  return new NotJsonError(`${at === "" ? "the value" : at} is ${what}`);
}
