import type { z } from "zod";
import { kindOf } from "../dsl/fields.ts";
import type { Json } from "../values/json.ts";

/** Of the kinds that zod names. */
const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** What is wrong with a value, and what is expected; undefined leaves it to the schema. A schema's own message comes before it. */
export function issueWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "is required" : `expected ${kindOfType(issue.expected)}, not ${given(issue)}`;
    case "invalid_value":
      return `expected ${oneOf(issue.values.map(String))}${issue.input === undefined ? "" : `, not ${given(issue)}`}`;
    case "too_small":
      return issue.minimum === 1 && issue.origin !== "number" && issue.origin !== "int"
        ? "must not be empty"
        : `expected at least ${measure(issue.minimum, issue.origin)}`;
    case "too_big":
      return `expected at most ${measure(issue.maximum, issue.origin)}`;
    case "invalid_format":
      return "is not written as it must be";
    case "invalid_union":
    case "custom":
      return "is not of a kind that is taken here";
    default:
      return undefined;
  }
}

function kindOfType(expected: string): string {
  return KINDS[expected] ?? expected;
}

function given({ input }: z.core.$ZodRawIssue): string {
  return typeof input === "object" || ["string", "number", "boolean"].includes(typeof input)
    ? kindOf(input as Json)
    : "this";
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`;
}

function measure(amount: number | bigint, origin: string): string {
  if (origin === "string") return `${amount} characters`;
  return origin === "array" || origin === "set" ? `${amount} items` : String(amount);
}
