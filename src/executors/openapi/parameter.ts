import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";

const PLACES = ["path", "query", "header", "cookie"] as const;

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string;
  readonly in: (typeof PLACES)[number];
  readonly required: boolean;
  /** Of OpenAPI 3; `tabDelimited` is Swagger's `tsv`. */
  readonly style: string;
  /** A parameter for each item or member. */
  readonly explode: boolean;
  /** Reserved characters stay as they are. */
  readonly allowReserved: boolean;
  /** Its value is one JSON text. */
  readonly isJson: boolean;
}

const COLLECTIONS: Readonly<Record<string, string>> = {
  ssv: "spaceDelimited",
  tsv: "tabDelimited",
  pipes: "pipeDelimited",
};

/** @param version of the language: 2 has `collectionFormat` for `style` and `explode`. */
export function parameterOf(given: JsonObject, version: 2 | 3): Parameter {
  const place = PLACES.find((each) => each === given.in) ?? "query";
  const usual = place === "query" || place === "cookie" ? "form" : "simple";
  const format = String(given.collectionFormat ?? "csv");
  const style = version === 2 ? (COLLECTIONS[format] ?? usual) : String(given.style ?? usual);
  const explode = version === 2 ? format === "multi" : (given.explode ?? style === "form") === true;
  return {
    name: String(given.name ?? ""),
    in: place,
    required: given.required === true || place === "path",
    style,
    explode: style === "deepObject" || explode,
    allowReserved: given.allowReserved === true,
    isJson: Object.keys(isJsonObject(given.content) ? given.content : {}).some((type) => /\bjson\b/i.test(type)),
  };
}

const DELIMITERS: Readonly<Record<string, string>> = { spaceDelimited: "%20", pipeDelimited: "|", tabDelimited: "%09" };

/** Names and values of a parameter in a query or a form, in its style, percent-encoded. */
export function queryPairs(parameter: Parameter, value: Json): readonly (readonly [name: string, value: string])[] {
  const { name, style, explode, isJson } = parameter;
  const encode = encoderOf(parameter);
  const key = encodeURIComponent(name);
  if (isJson) return [[key, encode(JSON.stringify(value))]];
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => encode(textOf(item)));
    return explode ? items.map((item) => [key, item]) : [[key, items.join(DELIMITERS[style] ?? ",")]];
  }
  if (isJsonObject(value)) {
    const members = membersOf(value);
    if (style === "deepObject") {
      return members.map(([member, each]) => [`${key}[${encodeURIComponent(member)}]`, encode(textOf(each))]);
    }
    if (explode) return members.map(([member, each]) => [encodeURIComponent(member), encode(textOf(each))]);
    const flat = members.flatMap(([member, each]) => [encode(member), encode(textOf(each))]);
    return [[key, flat.join(DELIMITERS[style] ?? ",")]];
  }
  return [[key, encode(textOf(value))]];
}

/** A path parameter in its style, percent-encoded. */
export function pathText(parameter: Parameter, value: Json): string {
  const { name, style, explode, isJson } = parameter;
  const encode = encodeURIComponent;
  if (isJson) return encode(JSON.stringify(value));
  const isList = Array.isArray(value);
  const pairs = isJsonObject(value) ? membersOf(value).map(([key, each]) => [encode(key), encode(textOf(each))]) : null;
  const items = isList ? value.map((item: Json) => encode(textOf(item))) : [];
  const separator = !explode ? "," : style === "label" ? "." : style === "matrix" ? ";" : ",";
  if (style === "matrix") {
    const prefix = `;${encode(name)}=`;
    if (pairs !== null)
      return explode ? pairs.map(([key, each]) => `;${key}=${each}`).join("") : prefix + pairs.flat().join(",");
    if (isList) return explode ? items.map((item) => prefix + item).join("") : prefix + items.join(",");
    return prefix + encode(textOf(value));
  }
  const text =
    pairs !== null
      ? pairs.map((pair) => pair.join(explode ? "=" : ",")).join(separator)
      : isList
        ? items.join(separator)
        : encode(textOf(value));
  return style === "label" ? `.${text}` : text;
}

/** A header's value, in style `simple`. */
export function headerText({ explode, isJson }: Parameter, value: Json): string {
  if (isJson) return JSON.stringify(value);
  if (Array.isArray(value)) return value.map(textOf).join(",");
  if (!isJsonObject(value)) return textOf(value);
  return membersOf(value)
    .map(([key, each]) => `${key}${explode ? "=" : ","}${textOf(each)}`)
    .join(",");
}

export function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function membersOf(value: JsonObject): readonly (readonly [string, Json])[] {
  return Object.keys(value).map((key) => [key, ownProperty(value, key) ?? null]);
}

function encoderOf({ allowReserved }: Parameter): (text: string) => string {
  if (!allowReserved) return encodeURIComponent;
  return (text) =>
    encodeURI(text).replaceAll(/%5B/gi, "[").replaceAll(/%5D/gi, "]").replaceAll(/[#&+]/g, encodeURIComponent);
}
