import { z } from "zod";
import type { Json, JsonObject } from "../../values/json.ts";
import { isJsonObject } from "../../values/json.ts";
import { MAX_WAIT_MS, waitDurationMs } from "../wait-duration.ts";

export const jsonValue = z.custom<Json>((value) => value !== undefined).meta({ description: "Any JSON value" });
export const jsonObject = z.custom<JsonObject>(isJsonObject, "expected an object").meta({ type: "object" });

/** Text that names something, of 1 to `longest` characters: no store takes U+0000, and nobody means a control character. */
export const nameText = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^\P{Cc}*$/u, "it has a control character");

export const timestamp = z.string().meta({ format: "date-time", description: "ISO 8601, UTC" });

export const problemDetails = z
  .object({
    type: z.string(),
    title: z.string().exactOptional(),
    status: z.number().int(),
    detail: z.string().exactOptional(),
    instance: z.string().exactOptional(),
  })
  .meta({ id: "WorkflowError", description: "An error as the workflow saw it (RFC 7807)" });

export const inputIssue = z
  .object({
    pointer: z.string().meta({ description: "JSON pointer into the body; /query/…, /headers/… and /path/… elsewhere" }),
    line: z.number().int().exactOptional().meta({ description: "Line in the text that was sent, from 1" }),
    message: z.string(),
  })
  .meta({ id: "InputIssue" });

export const problemBody = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string().meta({ description: "Stable: DURABULL_…" }),
    requestId: z.string(),
    errors: z.array(inputIssue).readonly().exactOptional(),
  })
  .meta({ id: "Problem", description: "application/problem+json (RFC 9457)" });
export type ProblemBody = z.output<typeof problemBody>;

export const MAX_LIMIT = 500;
export const limit = z.coerce
  .number("expected a whole number")
  .int("expected a whole number")
  .min(1, "expected at least 1")
  .max(MAX_LIMIT, `expected at most ${MAX_LIMIT}`)
  .default(50)
  .meta({ description: "Items in one answer" });
export const cursor = z.string().max(4_096).exactOptional().meta({ description: "`nextCursor` of the page before" });
export const pageQuery = z.strictObject({ limit, cursor });

export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item).readonly(), nextCursor: z.string().exactOptional() });
}

/** `?flag=true`; absent is false. */
export const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");

export const wait = z
  .string()
  .transform((text, context) => {
    const ms = waitDurationMs(text);
    if (ms === undefined)
      context.addIssue({ code: "custom", message: "expected a duration such as 30s, 500ms or PT30S" });
    else if (ms > MAX_WAIT_MS) context.addIssue({ code: "custom", message: "expected at most 60s" });
    return ms ?? 0;
  })
  .exactOptional()
  .meta({ description: "Answer when the execution ends, or after this long (≤ 60s): 30s, 500ms, PT30S" });

/** A query parameter that may be repeated. */
export const oneOrMore = z.union([z.array(z.string()), z.string()]).transform((given) => [given].flat());

/** A moment in a query, as epoch milliseconds. */
export const moment = z
  .string()
  .transform((text, context) => {
    const ms = /^\d{4}-\d{2}-\d{2}(?:T|$)/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(ms))
      context.addIssue({ code: "custom", message: "expected a moment such as 2030-12-31T23:59:59Z" });
    return ms;
  })
  .exactOptional();

/** Problems a route may answer with, for its description. */
export function problems<const Statuses extends readonly number[]>(...statuses: Statuses) {
  return Object.fromEntries(statuses.map((status) => [status, problemBody])) as Record<
    Statuses[number],
    typeof problemBody
  >;
}

export const idempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, "an idempotency key is 1 to 255 printable ASCII characters");
