import { compileExpression, type ExpressionArguments, ExpressionError, type Program } from "../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { compileTemplate, conditionOf, readsOf } from "./template.ts";
import type { Template } from "./workflow.ts";

/**
 * What makes an event one that is listened for: every attribute of `with` must hold and every correlation must give a value.
 * Plain data: it says all there is to know of the filter, wherever it is evaluated.
 */
export interface FilterDefinition {
  readonly with: JsonObject;
  /** Expressions by the key of the correlation. */
  readonly from: Readonly<Record<string, string>>;
  /** Keys whose expected value is known from the beginning. */
  readonly expects: readonly string[];
  /** Variables its expressions may name, without `$`. */
  readonly variables: readonly string[];
}

/** A compiled filter. */
export interface EventFilter {
  readonly definition: FilterDefinition;
  /** Variables its expressions read. */
  readonly reads: readonly string[];
  /** The values of its correlations can be told from the event alone. */
  readonly isIndexable: boolean;
  /** True when every attribute holds. An expression that fails says no: it was not written for this event. */
  matches(event: JsonObject, args: ExpressionArguments, now: number): boolean;
  /** The value of each correlation; undefined when one gives none. */
  correlate(event: JsonObject, args: ExpressionArguments, now: number): JsonObject | undefined;
}

/** Characters that make a text a regular expression. A dot alone does not: nearly every type and source has some. */
const PATTERN = /[\\^$*+?()[\]{}|]/;

export function isPattern(text: string): boolean {
  return PATTERN.test(text);
}

/** The regular expression behind a text, anchored to the whole value, by jq's own engine with its budget. @throws {ExpressionSyntaxError} */
export function patternProgram(text: string): Program {
  return compileExpression(`test(${JSON.stringify(`\\A(?:${text})\\z`)})`, []);
}

/** @throws {ExpressionSyntaxError} */
export function compileFilter(definition: FilterDefinition): EventFilter {
  const attributes = Object.entries(definition.with).map(
    ([name, wanted]) => [name, compileTemplate(wanted, definition.variables)] as const,
  );
  const correlations = Object.entries(definition.from).map(
    ([key, source]) => [key, compileExpression(conditionOf(source), definition.variables)] as const,
  );
  const fromReads = correlations.flatMap(([, program]) => program.reads);
  return {
    definition,
    reads: [...new Set([...attributes.flatMap(([, wanted]) => readsOf(wanted)), ...fromReads])],
    isIndexable: fromReads.length === 0,
    matches: (event, args, now) =>
      attributes.every(([name, wanted]) => holds(wanted, ownProperty(event, name), args, now)),
    correlate(event, args, now) {
      const values: Record<string, Json> = {};
      for (const [key, program] of correlations) {
        const value = attempt(() => program.first(event, args, { now }));
        if (value === undefined || value === null) return undefined;
        values[key] = value;
      }
      return values;
    },
  };
}

function holds(wanted: Template, value: Json | undefined, args: ExpressionArguments, now: number): boolean {
  switch (wanted.kind) {
    case "literal":
      return isAsWritten(wanted.value, value, now);
    case "expression":
      return saysYes(
        attempt(() => wanted.program.first(value ?? null, args, { now })),
        value,
      );
    case "array":
      return (
        Array.isArray(value) &&
        value.length === wanted.items.length &&
        wanted.items.every((item, index) => holds(item, value[index], args, now))
      );
    case "object":
      return (
        isJsonObject(value) &&
        Object.keys(value).length === wanted.entries.length &&
        wanted.entries.every(([key, member]) => Object.hasOwn(value, key) && holds(member, value[key], args, now))
      );
  }
}

/** True; or the very text that the attribute has, which is how an expression names a value. */
function saysYes(result: Json | undefined, value: Json | undefined): boolean {
  return result === true || (typeof result === "string" && result === value);
}

function isAsWritten(wanted: Json, value: Json | undefined, now: number): boolean {
  if (value === undefined) return false;
  if (isSame(wanted, value)) return true;
  if (typeof wanted !== "string" || typeof value !== "string" || !isPattern(wanted)) return false;
  return attempt(() => patternProgram(wanted).first(value, {}, { now })) === true;
}

/** Deep equality of JSON; the order of members does not count. */
export function isSame(one: Json, other: Json): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item: Json, index) => isSame(item, other[index]));
  }
  if (!isJsonObject(one) || !isJsonObject(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSame(one[key] ?? null, other[key] ?? null))
  );
}

function attempt(evaluate: () => Json | undefined): Json | undefined {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

/** What a value of a correlation is compared as: attributes are texts, so that 42 and "42" are one. */
export function correlationText(value: Json): string {
  if (typeof value !== "object" || value === null) return String(value);
  return JSON.stringify(sorted(value));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key] ?? null)]),
  );
}

/** The place of a filter in the index: its most telling literal attribute, or that of all filters without one. */
export function filterKey({ with: attributes }: FilterDefinition): string {
  const literals = Object.entries(attributes).filter(
    ([name, value]) => name !== "data" && typeof value === "string" && !isPattern(value),
  );
  const order = ["type", "subject", "source"];
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const [best] = literals.sort(([a], [b]) => rank(a) - rank(b));
  return best === undefined ? ANY_KEY : keyOf(best[0], String(best[1]));
}

const ANY_KEY = "*";

/** All places of the index at which filters for an event may stand. */
export function eventKeys(event: JsonObject): readonly string[] {
  const attributes = Object.entries(event).filter(([name, value]) => name !== "data" && typeof value === "string");
  return [ANY_KEY, ...attributes.map(([name, value]) => keyOf(name, String(value)))];
}

function keyOf(name: string, value: string): string {
  return `${name}=${value}`;
}
