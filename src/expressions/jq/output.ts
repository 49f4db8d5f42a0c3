import type { Json } from "../../values/json.ts";

/** An output as JSON can hold it. */
export function canonical(value: Json): Json {
  return value;
}
