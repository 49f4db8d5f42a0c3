import type { Json } from "../values/json.ts";

const READ = /\$secrets\s*(?:\.\s*([A-Za-z_]\w*)|\.?\s*\[\s*\\"([^"\\]+)\\"\s*\])/g;

/** Names of secrets that expressions in a value read as `$secrets.name` or `$secrets["name"]`. */
export function secretsNamedIn(value: Json): readonly string[] {
  return [...JSON.stringify(value).matchAll(READ)].map(([, dotted, quoted]) => dotted ?? quoted ?? "");
}
