import type { JsonObject } from "../values/json.ts";

/** Where `$secrets` come from. Asked by executors only, at the call; an answer is never recorded. */
export interface Secrets {
  /** The secrets of these names that exist. */
  get(names: readonly string[]): Promise<JsonObject>;
}
