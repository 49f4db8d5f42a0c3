import protobuf from "protobufjs";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";

/** What a value is not, and where it stands. */
export interface Misfit {
  readonly pointer: string;
  readonly message: string;
}

const INTEGER = /^-?(0|[1-9]\d*)$/;
const INTEGERS: Readonly<Record<string, readonly [least: bigint, most: bigint]>> = {
  ...ranges(["int32", "sint32", "sfixed32"], -(2n ** 31n), 2n ** 31n - 1n),
  ...ranges(["uint32", "fixed32"], 0n, 2n ** 32n - 1n),
  ...ranges(["int64", "sint64", "sfixed64"], -(2n ** 63n), 2n ** 63n - 1n),
  ...ranges(["uint64", "fixed64"], 0n, 2n ** 64n - 1n),
};
/** Numbers that JSON has no way to write. */
const BEYOND_JSON = ["NaN", "Infinity", "-Infinity"];

/**
 * Why a message is none of a type; undefined when it is. The library would bend what does not fit into something else: a text to 0, a
 * number to what its lowest bits say.
 */
export function misfitOf(type: protobuf.Type, value: Json, pointer = ""): Misfit | undefined {
  if (!isJsonObject(value)) return { pointer, message: `a message ${type.name} is an object` };
  // Its members are those of the type that it names.
  if (type.fullName === ".google.protobuf.Any") return undefined;
  for (const [name, member] of Object.entries(value)) {
    const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    const at = pointerOf(pointer, name);
    if (field === undefined) return { pointer: at, message: `a message ${type.name} has no such field` };
    const wrong = member === null ? undefined : misfitOfField(field.resolve(), member, at);
    if (wrong !== undefined) return wrong;
  }
  return misfitOfChoice(type, value, pointer);
}

function misfitOfChoice(type: protobuf.Type, value: JsonObject, pointer: string): Misfit | undefined {
  for (const { fieldsArray } of type.oneofsArray) {
    const given = fieldsArray.map(({ name }) => name).filter((name) => (value[name] ?? null) !== null);
    if (given.length > 1) return { pointer, message: `only one of ${given.join(", ")} can be given` };
  }
  return undefined;
}

function misfitOfField(field: protobuf.Field, value: Json, pointer: string): Misfit | undefined {
  if (field instanceof protobuf.MapField) {
    if (!isJsonObject(value)) return { pointer, message: "a map is an object" };
    for (const [key, item] of Object.entries(value)) {
      const at = pointerOf(pointer, key);
      const wrong = misfitOfKey(field.keyType, key, at) ?? misfitOfItem(field, item, at);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  if (!field.repeated) return misfitOfItem(field, value, pointer);
  if (!Array.isArray(value)) return { pointer, message: "a repeated field is a list" };
  for (const [index, item] of value.entries()) {
    const wrong = misfitOfItem(field, item, pointerOf(pointer, index));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function misfitOfKey(type: string, key: string, pointer: string): Misfit | undefined {
  if (type === "string") return undefined;
  if (type !== "bool") return misfitOfInteger(type, key, pointer);
  return key === "true" || key === "false" ? undefined : { pointer, message: 'its key is "true" or "false"' };
}

function misfitOfItem({ type, resolvedType }: protobuf.Field, value: Json, pointer: string): Misfit | undefined {
  if (resolvedType instanceof protobuf.Type) return misfitOf(resolvedType, value, pointer);
  if (resolvedType instanceof protobuf.Enum) return misfitOfEnum(resolvedType, value, pointer);
  switch (type) {
    case "bool":
      return typeof value === "boolean" ? undefined : { pointer, message: "it is a boolean" };
    case "string":
      return typeof value === "string" ? undefined : { pointer, message: "it is a text" };
    case "bytes":
      return typeof value === "string" ? undefined : { pointer, message: "bytes are a text in base64" };
    case "double":
    case "float":
      return typeof value === "number" || (typeof value === "string" && BEYOND_JSON.includes(value))
        ? undefined
        : { pointer, message: `a ${type} is a number` };
    default:
      return misfitOfInteger(type, value, pointer);
  }
}

function misfitOfEnum({ name, values }: protobuf.Enum, value: Json, pointer: string): Misfit | undefined {
  if (typeof value === "number") return misfitOfInteger("int32", value, pointer);
  if (typeof value === "string" && Object.hasOwn(values, value)) return undefined;
  return { pointer, message: `an enum ${name} is one of ${Object.keys(values).join(", ")}` };
}

function misfitOfInteger(type: string, value: Json, pointer: string): Misfit | undefined {
  const [least = 0n, most = 0n] = INTEGERS[type] ?? [];
  const message = `a ${type} is a whole number from ${least} to ${most}; beyond 2^53, as a text`;
  const isWhole =
    typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "string" && INTEGER.test(value);
  if (!isWhole) return { pointer, message };
  const number = BigInt(String(value));
  return number >= least && number <= most ? undefined : { pointer, message };
}

function ranges(types: readonly string[], least: bigint, most: bigint) {
  return Object.fromEntries(types.map((type) => [type, [least, most] as const]));
}
