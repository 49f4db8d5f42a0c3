import { createRequire } from "node:module";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { expressionOf } from "./template.ts";

type Sdk = typeof import("@serverlessworkflow/sdk");

const require = createRequire(import.meta.url);
let sdk: Sdk | undefined;

/**
 * The specification's SDK: loading it takes longer than all the rest of a process's start, so it is done when the first definition asks
 * for it. Calling this before spares that definition the wait.
 */
export function loadSpecification(): Sdk {
  sdk ??= require("@serverlessworkflow/sdk") as Sdk;
  return sdk;
}

/** The one DSL version whose schema the SDK has. */
const SCHEMA_VERSION = "1.0.3";

const PROCESSES: readonly string[] = ["script", "shell", "container"];

/**
 * The version gate: asks the specification's own schema, through its SDK, about a copy that claims the version the SDK knows.
 * Undefined when it agrees. Its answer lists every alternative it tried, so the deepest place stands for the mistake: good enough
 * for what our own readers did not see.
 */
export function schemaRefusal(
  document: JsonObject,
): { readonly pointer: string; readonly message: string } | undefined {
  try {
    loadSpecification().validate("Workflow", forSchema(document));
    return undefined;
  } catch (error) {
    return deepest(error instanceof Error ? error.message : String(error));
  }
}

function forSchema(document: JsonObject): JsonObject {
  const header = isJsonObject(document.document) ? { ...document.document, dsl: SCHEMA_VERSION } : document.document;
  const { schedule } = document;
  const known = isJsonObject(schedule) ? { ...document, schedule: without(schedule, "read") } : document;
  const copy = inKnownTerms(withoutArgumentMaps(onOneLine({ ...known, document: header ?? null })));
  return isJsonObject(copy) ? copy : {};
}

/** The schema's pattern for an expression does not know line ends. */
function onOneLine(value: Json): Json {
  if (typeof value === "string") return expressionOf(value) === undefined ? value : value.replaceAll(/[\r\n]+/g, " ");
  if (Array.isArray(value)) return value.map(onOneLine);
  if (isJsonObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, onOneLine(item)]));
  return value;
}

/**
 * Without what later drafts of the specification add, which our own readers have checked: `catch.then`, a list in `for.in`, events
 * to emit whose source is relative or left to the runtime, filters of events by a relative source; without the lists of messages that a stream of gRPC takes; and
 * with the version of a child that may be left out. The places are known by their neighbours, so that data which looks like them is hardly touched; and what is touched is only a copy.
 */
function inKnownTerms(value: Json): Json {
  if (Array.isArray(value)) return value.map(inKnownTerms);
  if (!isJsonObject(value)) return value;
  const { catch: handler, for: loop, emit, call, with: given, run } = value;
  const child = ownProperty(run, "workflow");
  const attributes = isJsonObject(emit) ? ownProperty(ownProperty(emit, "event"), "with") : undefined;
  const known = {
    ...value,
    ...(isJsonObject(handler) && Object.hasOwn(value, "try") ? { catch: without(handler, "then") } : {}),
    ...(isJsonObject(loop) && Array.isArray(loop.in) ? { for: { ...loop, in: "." } } : {}),
    ...(isJsonObject(attributes)
      ? { emit: { event: { with: { ...attributes, source: "https://example.com" } } } }
      : {}),
    ...(call === undefined && isJsonObject(given) && typeof given.source === "string"
      ? { with: { ...given, source: "https://example.com" } }
      : {}),
    ...(isJsonObject(run) && isJsonObject(child) && child.version === undefined
      ? { run: { ...run, workflow: { ...child, version: "latest" } } }
      : {}),
    ...(call === "grpc" && isJsonObject(given) && isStream(given.arguments)
      ? { with: without(given, "arguments") }
      : {}),
  };
  return Object.fromEntries(Object.entries(known).map(([key, item]) => [key, inKnownTerms(item)]));
}

function isStream(given: Json | undefined): boolean {
  return Array.isArray(given) || typeof given === "string";
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

/** Arguments of a process by name, as releases before 1.0.3 have them; the SDK's schema knows lists only. */
function withoutArgumentMaps(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutArgumentMaps);
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).map(([key, item]): readonly [string, Json] => {
    const isProcess = PROCESSES.includes(key) && isJsonObject(item) && isJsonObject(item.arguments);
    return [key, withoutArgumentMaps(isProcess ? { ...item, arguments: [] } : item)];
  });
  return Object.fromEntries(members);
}

/** Lines of the dump read `- <pointer> | <schema path> | <message> | <parameters>`. */
function deepest(dump: string): { readonly pointer: string; readonly message: string } {
  const lines = dump.split("\n").flatMap((line) => {
    const [pointer, , message] = line.startsWith("- ") ? line.slice(2).split(" | ") : [];
    return pointer === undefined || message === undefined ? [] : [{ pointer: pointer.trim(), message }];
  });
  const depth = ({ pointer }: { readonly pointer: string }) => pointer.split("/").length;
  const [first] = lines.sort((a, b) => depth(b) - depth(a));
  return {
    pointer: first === undefined ? "" : pointerOf(first.pointer),
    message: `the specification's schema does not allow this: ${first?.message ?? "no reason given"}`,
  };
}
