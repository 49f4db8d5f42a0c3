import { isJsonObject, type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Report } from "./report.ts";

/** What an object may hold. */
export interface Shape {
  /** For messages: "a retry policy". */
  readonly what: string;
  readonly allowed: readonly string[];
  readonly required?: readonly string[];
}

/** The object, after reporting members that are unknown or missing; an empty one, reported, when it is something else. */
export function objectOf(value: Json | undefined, pointer: string, shape: Shape, report: Report): JsonObject {
  const object = anyObjectOf(value, pointer, shape.what, report);
  if (object === undefined) return {};
  for (const key of Object.keys(object)) {
    if (shape.allowed.includes(key)) continue;
    const hint = didYouMean(key, shape.allowed);
    report.issue(
      pointerOf(pointer, key),
      `${shape.what} has no "${key}"${hint || `; it may have ${listOf(shape.allowed)}`}`,
    );
  }
  for (const key of shape.required ?? []) {
    if (!Object.hasOwn(object, key)) report.issue(pointer, `${shape.what} needs "${key}"`);
  }
  return object;
}

/** An object with whatever members; undefined, reported, when it is something else. */
export function anyObjectOf(
  value: Json | undefined,
  pointer: string,
  what: string,
  report: Report,
): JsonObject | undefined {
  if (isJsonObject(value)) return value;
  report.issue(pointer, `${what} must be an object, not ${kindOf(value)}`);
  return undefined;
}

/** The list; an empty one, reported, when it is something else. */
export function listAt(value: Json | undefined, pointer: string, what: string, report: Report): readonly Json[] {
  if (Array.isArray(value)) return value;
  report.issue(pointer, `${what} must be a list, not ${kindOf(value)}`);
  return [];
}

/** The text; "" (reported) when it is something else. */
export function textOf(value: Json | undefined, pointer: string, what: string, report: Report): string {
  if (typeof value === "string") return value;
  report.issue(pointer, `${what} must be text, not ${kindOf(value)}`);
  return "";
}

/** One of `choices`; the first one when absent, or (reported) when it is something else. */
export function choiceOf<Choice extends string>(
  value: Json | undefined,
  pointer: string,
  what: string,
  choices: readonly [Choice, ...Choice[]],
  report: Report,
): Choice {
  if (value === undefined) return choices[0];
  const choice = choices.find((each) => each === value);
  if (choice === undefined) report.issue(pointer, `${what} must be ${orOf(choices)}, not ${kindOf(value)}`);
  return choice ?? choices[0];
}

/** The boolean; false when absent, or (reported) when it is something else. */
export function booleanOf(value: Json | undefined, pointer: string, what: string, report: Report): boolean {
  if (value !== undefined && typeof value !== "boolean") {
    report.issue(pointer, `${what} must be true or false, not ${kindOf(value)}`);
  }
  return value === true;
}

/** An entry of `use`, by name; undefined, reported, when there is none. */
export function namedEntry(
  use: JsonObject,
  section: string,
  name: string,
  pointer: string,
  report: Report,
): Json | undefined {
  const entries = ownProperty(use, section);
  const entry = ownProperty(entries, name);
  if (entry !== undefined) return entry;
  const names = isJsonObject(entries) ? Object.keys(entries) : [];
  const known = names.length === 0 ? `use.${section} is empty` : `use.${section} has ${listOf(names)}`;
  report.issue(pointer, `"${name}" is not defined${didYouMean(name, names) || `; ${known}`}`);
  return undefined;
}

/** A value in words: `the text "abc"`, `nothing`, `a list`. */
export function kindOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string")
    return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 37)}...` : value)}`;
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  return `the ${typeof value} ${value}`;
}

export function listOf(names: readonly string[]): string {
  return names.join(", ");
}

export function orOf(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length < 2 ? quoted.join() : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}
