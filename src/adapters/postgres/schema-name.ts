import { ConfigError } from "../../errors.ts";

export const DEFAULT_SCHEMA = "durabull";

/** @throws {ConfigError} when it is not a lower-case identifier of PostgreSQL. */
export function checkSchemaName(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new ConfigError(
    `"${schema}" is not a name for a schema of PostgreSQL: use a-z, 0-9 and _, at most 63 characters`,
  );
}

/** The text with `durabull.` replaced by the schema in use. */
export function inSchema(text: string, schema: string): string {
  return text.replaceAll(/\bdurabull\./g, `"${checkSchemaName(schema)}".`);
}
