import avro from "avsc";
import { LRUCache } from "lru-cache";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { kindOf } from "./fields.ts";
import { readDocument } from "./read-definition.ts";
import type { SchemaLanguage } from "./schema-language.ts";
import type { Schema } from "./workflow.ts";

type Type = InstanceType<typeof avro.Type>;
/** Undefined when the value is valid, else what is wrong, and where. */
type Check = (value: Json, at: string) => string | undefined;

/**
 * Schemas of Apache Avro, as objects, lists (unions) or texts: the JSON of one, or the name of a primitive type. They judge data in Avro's JSON
 * encoding: a value of a union is null or `{ "<name of its type>": value }`, bytes and fixed are texts of the characters U+0000 to
 * U+00FF, an enum is one of its symbols. A record has all of its fields and no others: a default is for readers of older data, and makes no field
 * optional. Logical types are the types they stand on.
 */
export const avroSchema: SchemaLanguage = {
  what: "Avro schema",
  read: (content) => parsed(content) ?? readDocument(content, "an Avro schema"),
  compile(document) {
    const key = JSON.stringify(document);
    const schema = compiled.get(key) ?? compile(document);
    compiled.set(key, schema);
    return schema;
  },
};

const compiled = new LRUCache<string, Schema>({ max: 1_000 });

/** What a JSON text stands for; undefined for other text. */
function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** @throws {Error} that says why the schema cannot be used. */
function compile(document: Json): Schema {
  const schema = typeof document === "string" ? (parsed(document) ?? document) : document;
  if (typeof schema !== "object" && typeof schema !== "string")
    throw new Error(`an Avro schema is an object, a list or a text, not ${kindOf(schema)}`);
  // The names of its types come from the schema: no prototype may know them. The library changes what it is given.
  const registry: Record<string, Type> = Object.create(null);
  const type = avro.Type.forSchema(structuredClone(schema) as never, { registry, wrapUnions: "always" });
  const check = checkOf(type, new Map());
  return { check: (value) => check(value, "") };
}

/**
 * The library reads schemas; by its own reading of JSON a record may have members that it would lose, a text may be a record, and
 * characters beyond a byte are cut. @param known of the types around, as a type may hold itself. @throws {Error} for no type of Avro.
 */
function checkOf(type: Type, known: Map<Type, Check>): Check {
  const before = known.get(type);
  if (before !== undefined) return before;
  let check: Check | undefined;
  known.set(type, (value, at) => check?.(value, at));
  check = newCheckOf(type, known);
  return check;
}

function newCheckOf(type: Type, known: Map<Type, Check>): Check {
  if (isOf(type, "record")) return recordCheck(type, known);
  if (isOf(type, "union")) return unionCheck(type, known);
  if (isOf(type, "array")) {
    const check = checkOf(type.itemsType, known);
    return (value, at) =>
      Array.isArray(value)
        ? firstOf(value.entries(), ([index, item]) => check(item, pointerOf(at, index)))
        : refused(at, "a list", value);
  }
  if (isOf(type, "map")) {
    const check = checkOf(type.valuesType, known);
    return (value, at) =>
      isJsonObject(value)
        ? firstOf(Object.entries(value), ([key, member]) => check(member, pointerOf(at, key)))
        : refused(at, "an object (a map)", value);
  }
  if (isOf(type, "enum")) {
    const { symbols } = type;
    return (value, at) =>
      typeof value === "string" && symbols.includes(value)
        ? undefined
        : `${shown(at)} must be one of ${symbols.join(", ")}`;
  }
  if (isOf(type, "fixed")) {
    const { size } = type;
    const what = `a text of ${size} characters from U+0000 to U+00FF (fixed)`;
    return (value, at) => (isBytes(value) && value.length === size ? undefined : refused(at, what, value));
  }
  const primitive = Object.hasOwn(PRIMITIVES, type.typeName) ? PRIMITIVES[type.typeName] : undefined;
  if (primitive === undefined) throw new Error("it is of no type of Avro");
  const [what, isValid] = primitive;
  return (value, at) => (isValid(value) ? undefined : refused(at, what, value));
}

const MAX_FLOAT = 3.4028234663852886e38;
const PRIMITIVES: Readonly<Record<string, readonly [what: string, isValid: (value: Json) => boolean]>> = {
  null: ["null", (value) => value === null],
  boolean: ["true or false", (value) => typeof value === "boolean"],
  int: ["a whole number of 32 bits (int)", (value) => isWhole(value, 2 ** 31)],
  long: ["a whole number of 64 bits (long)", (value) => isWhole(value, 2 ** 63)],
  float: ["a number of 32 bits (float)", (value) => typeof value === "number" && Math.abs(value) <= MAX_FLOAT],
  double: ["a number (double)", (value) => typeof value === "number"],
  string: ["a text (string)", (value) => typeof value === "string"],
  bytes: ["a text of characters from U+0000 to U+00FF (bytes)", isBytes],
};

function recordCheck({ name, fields }: avro.types.RecordType, known: Map<Type, Check>): Check {
  const checks = fields.map((field) => [field.name, checkOf(field.type, known)] as const);
  const names = new Set(fields.map((field) => field.name));
  return (value, at) => {
    if (!isJsonObject(value)) return refused(at, `an object (record ${name ?? ""})`.replace(" )", ")"), value);
    const unknown = Object.keys(value).find((key) => !names.has(key));
    if (unknown !== undefined) return `${shown(at)} must not have ${JSON.stringify(unknown)}, which is no field`;
    return firstOf(checks, ([key, check]) => {
      const member = ownProperty(value, key);
      return member === undefined
        ? `${shown(at)} must have the field ${JSON.stringify(key)}`
        : check(member, pointerOf(at, key));
    });
  };
}

function unionCheck({ types }: avro.types.WrappedUnionType, known: Map<Type, Check>): Check {
  const branches = new Map(types.map((type) => [type.branchName ?? type.typeName, checkOf(type, known)]));
  const names = [...branches.keys()].map((name) => (name === "null" ? name : `{"${name}": …}`)).join(" or ");
  return (value, at) => {
    if (value === null && branches.has("null")) return undefined;
    const [only, ...others] = isJsonObject(value) ? Object.entries(value as JsonObject) : [];
    const check = only === undefined || others.length > 0 || only[0] === "null" ? undefined : branches.get(only[0]);
    if (only === undefined || check === undefined) return `${shown(at)} must be ${names} (union)`;
    return check(only[1], pointerOf(at, only[0]));
  };
}

interface Kinds {
  readonly record: avro.types.RecordType;
  readonly union: avro.types.WrappedUnionType;
  readonly array: avro.types.ArrayType;
  readonly map: avro.types.MapType;
  readonly enum: avro.types.EnumType;
  readonly fixed: avro.types.FixedType;
}

function isOf<Kind extends keyof Kinds>(type: Type, kind: Kind): type is Kinds[Kind] {
  return avro.Type.isType(type, kind) || (kind === "record" && avro.Type.isType(type, "error"));
}

function isWhole(value: Json, below: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= -below && value < below;
}

function isBytes(value: Json): value is string {
  return typeof value === "string" && !/[\u0100-\uffff]/.test(value);
}

function firstOf<Item>(items: Iterable<Item>, check: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const wrong = check(item);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function refused(at: string, what: string, value: Json): string {
  return `${shown(at)} must be ${what}, not ${kindOf(value)}`;
}

function shown(at: string): string {
  return at || "the value";
}
