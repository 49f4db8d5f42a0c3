import { isJsonObject, type Json } from "../values/json.ts";
import { ExpressionError } from "./errors.ts";

/** What a program too simple to need jq gives. */
export type Direct = (input: Json, args: Readonly<Record<string, Json>>) => Json;

const PATH = /^(?:\.|(?:\$([A-Za-z_]\w*))?((?:\.[A-Za-z_]\w*)*))$/;
const TEXT = /^"([^"\\]*)"$/;
/** Decimal, and short enough to be the same number in jq and here. */
const NUMBER = /^(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/;
const CONSTANTS: ReadonlyMap<string, Json> = new Map([
  ["null", null],
  ["true", true],
  ["false", false],
]);

/** Paths of plain fields (`.`, `.a.b`, `$x`, `$x.a`) and literals, with exactly jq's meaning; undefined for all other programs. */
export function directOf(source: string): Direct | undefined {
  const constant = CONSTANTS.get(source);
  if (constant !== undefined) return () => constant;
  const text = TEXT.exec(source)?.[1];
  if (text !== undefined) return () => text;
  if (NUMBER.test(source)) return () => Number(source);
  const path = PATH.exec(source);
  if (path === null || path[1] === "__loc__") return undefined;
  const [, variable, fields = ""] = path;
  const keys = fields.split(".").slice(1);
  return (input, args) => keys.reduce(field, variable === undefined ? input : (args[variable] ?? null));
}

function field(value: Json, key: string): Json {
  if (value === null) return null;
  if (isJsonObject(value)) return (Object.hasOwn(value, key) ? value[key] : undefined) ?? null;
  throw new ExpressionError(`Cannot index ${typeName(value)} with string (${shortened(JSON.stringify(key))})`);
}

function typeName(value: boolean | number | string | readonly Json[]): string {
  return typeof value === "object" ? "array" : typeof value;
}

/** jq cuts values in its messages to 29 characters. */
function shortened(text: string): string {
  return text.length > 29 ? `${text.slice(0, 25)}..."` : text;
}
