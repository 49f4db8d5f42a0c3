import type { Json } from "../../values/json.ts";
import { JqBudgetError } from "./errors.ts";
import { isArray } from "./library/order.ts";

/** Deeper outputs are refused: what stores and sends values nests a call for each level. */
const MAX_OUTPUT_DEPTH = 1_000;
/** About what a number or a literal takes in JSON text. */
const SCALAR_BYTES = 4;
/** An array or object counts for more than its brackets: looking into millions of them takes longer than writing them down. */
const CONTAINER_BYTES = 24;

/** Arrays and objects that belong to compiled programs. */
const shared = new WeakSet<object>();

/** Lets no output be this array or object, or one inside it: outputs hold copies, since their receivers may change them. */
export function share(value: Json): void {
  if (typeof value !== "object" || value === null || shared.has(value)) return;
  shared.add(value);
  for (const member of Object.values(value)) share(member);
}

/** A text that no sensible budget is too small for. */
const SMALL_TEXT = 1_000;

/** True for what is JSON as it is and within any sensible budget. */
export function isPlain(value: Json): boolean {
  if (typeof value === "string") return value.length <= SMALL_TEXT;
  if (typeof value === "number") return value - value === 0 && value !== 0;
  return value === null || typeof value === "boolean";
}

/**
 * Judges outputs and makes them JSON. An output can be far larger than what was made for it, since its parts may stand in it many
 * times: what counts is its size as text.
 */
export class Outlet {
  /** @param bytes that all outputs may take together, as JSON text. */
  constructor(private bytes: number) {}

  /**
   * The output as JSON holds it, and as jq prints it: NaN is null, an infinity the largest number. JSON has one zero, so that a value
   * stays the same when it is stored and read again.
   *
   * @throws {JqBudgetError} when it is too large or too deep.
   */
  pass(value: Json, depth = 0): Json {
    if (typeof value === "string") {
      this.take(value.length);
      return value;
    }
    if (typeof value !== "object" || value === null) {
      this.take(SCALAR_BYTES);
      return typeof value === "number" ? canonicalNumber(value) : value;
    }
    this.take(CONTAINER_BYTES);
    if (depth >= MAX_OUTPUT_DEPTH) throw new JqBudgetError("depth");
    return isArray(value) ? this.passArray(value, depth) : this.passObject(value, depth);
  }

  private passArray(items: readonly Json[], depth: number): Json {
    let changed = shared.has(items) ? items.slice() : undefined;
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as Json;
      if (this.takeAsItIs(item)) continue;
      const passed = this.pass(item, depth + 1);
      if (!Object.is(passed, item)) {
        changed ??= items.slice();
        changed[i] = passed;
      }
    }
    return changed ?? items;
  }

  private passObject(object: Readonly<Record<string, Json>>, depth: number): Json {
    let changed: [string, Json][] | undefined = shared.has(object) ? [] : undefined;
    const keys = Object.keys(object);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      const member = object[key] as Json;
      this.bytes -= key.length;
      if (this.takeAsItIs(member)) continue;
      const passed = this.pass(member, depth + 1);
      if (!Object.is(passed, member)) {
        changed ??= [];
        changed.push([key, passed]);
      }
    }
    // fromEntries defines its keys: `__proto__` stays a key.
    if (changed === undefined) return object;
    return changed.length === 0 ? { ...object } : { ...object, ...Object.fromEntries(changed) };
  }

  /** Most members are texts and plain numbers, which need no look inside: they are only counted. */
  private takeAsItIs(value: Json): boolean {
    if (typeof value === "string") this.bytes -= value.length;
    else if (typeof value === "number" && value - value === 0 && value !== 0) this.bytes -= SCALAR_BYTES;
    else return false;
    if (this.bytes < 0) throw new JqBudgetError("output");
    return true;
  }

  private take(bytes: number): void {
    this.bytes -= bytes;
    if (this.bytes < 0) throw new JqBudgetError("output");
  }
}

function canonicalNumber(value: number): number | null {
  if (value - value === 0) return value === 0 ? 0 : value;
  return Number.isNaN(value) ? null : Math.sign(value) * Number.MAX_VALUE;
}
