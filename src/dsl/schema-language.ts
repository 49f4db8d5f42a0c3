import type { Json } from "../values/json.ts";
import type { Schema } from "./workflow.ts";

/** A language of schemas. */
export interface SchemaLanguage {
  /** As messages call it. */
  readonly what: string;
  /** The document of a resource. @throws {Error} for what is none. */
  read(content: string): Json;
  /** @throws {Error} that says why it cannot be used. */
  compile(document: Json): Schema;
}
