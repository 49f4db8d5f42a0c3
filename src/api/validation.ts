import type { FastifySchemaCompiler } from "fastify";
import { z } from "zod";
import { didYouMean } from "../dsl/did-you-mean.ts";
import type { InputIssue } from "../errors.ts";
import { pointerOf } from "../values/task-reference.ts";
import { issueWords } from "./issue-words.ts";
import { RequestRefusedError } from "./request-errors.ts";

/** Where a part of a request is found in the pointers of its issues; the body is the root. */
const ROOTS: Readonly<Record<string, string>> = { querystring: "/query", headers: "/headers", params: "/path" };

/** Checks one part of a request; what is wrong is told all at once. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const root = ROOTS[httpPart ?? ""] ?? "";
  return (data: unknown) => {
    const parsed = schema.safeParse(data, { error: issueWords });
    if (parsed.success) return { value: parsed.data };
    const missing = root === "" && (data === undefined || data === null);
    const issues = missing
      ? [{ pointer: "", message: "a body is required" }]
      : parsed.error.issues.flatMap((issue) => ofZod(issue, root, schema));
    const first = issues[0];
    const where = first?.pointer ? `${first.pointer}: ` : "";
    const error = new RequestRefusedError(
      "DURABULL_INVALID_REQUEST",
      `${where}${first?.message ?? "it is not valid"}`,
      {
        issues,
      },
    );
    return { error };
  };
};

function ofZod(issue: z.core.$ZodIssue, root: string, schema: z.ZodType): readonly InputIssue[] {
  const pointer = pointerOf(
    root,
    ...issue.path.map((segment) => (typeof segment === "number" ? segment : String(segment))),
  );
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => ({ pointer: pointerOf(pointer, key), message: unknownKey(key, root, known) }));
  }
  if (issue.code === "invalid_key") return [{ pointer, message: issue.issues[0]?.message ?? issue.message }];
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const closest = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a))[0] ?? [];
    if (depthOf(closest) > 0) {
      return closest.flatMap((inner) => ofZod({ ...inner, path: [...issue.path, ...inner.path] }, root, schema));
    }
  }
  return [{ pointer, message: issue.message }];
}

function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

function unknownKey(key: string, root: string, known: readonly string[]): string {
  const what = root === "/query" ? "query parameter" : "key";
  const all = known.length === 0 ? "none is known here" : `known: ${known.join(", ")}`;
  return `unknown ${what} "${key}"${didYouMean(key, known)} (${all})`;
}

/** The keys that a place of the data may have; none when that depends on the data. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  if (schema instanceof z.ZodObject) {
    const [segment, ...rest] = path;
    if (segment === undefined) return Object.keys(schema.shape);
    return knownKeys(Object.hasOwn(schema.shape, segment) ? schema.shape[String(segment)] : undefined, rest);
  }
  if (schema instanceof z.ZodArray) return knownKeys(schema.element, path.slice(1));
  if (schema instanceof z.ZodPipe) return knownKeys(schema.in, path);
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  ) {
    return knownKeys(schema.unwrap(), path);
  }
  return [];
}
