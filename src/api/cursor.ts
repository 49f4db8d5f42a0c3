import { hashOf } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import { invalidRequest } from "./request-errors.ts";

const CHECK_LENGTH = 12;

/** An opaque place in a list. `scope` names the list and its filters: a cursor of one list is refused by another. */
export function encodeCursor(scope: readonly string[], place: Json): string {
  const text = JSON.stringify(place);
  return Buffer.from(check(scope, text) + text).toString("base64url");
}

/** @throws {RequestRefusedError} for anything this list did not give. */
export function decodeCursor(scope: readonly string[], cursor: string): Json {
  const decoded = Buffer.from(cursor, "base64url").toString();
  const text = decoded.slice(CHECK_LENGTH);
  if (decoded.length <= CHECK_LENGTH || check(scope, text) !== decoded.slice(0, CHECK_LENGTH)) {
    throw invalidRequest("/query/cursor", "this is not a cursor of this list with these filters");
  }
  return JSON.parse(text);
}

function check(scope: readonly string[], text: string): string {
  return hashOf("cursor", ...scope, text).slice(0, CHECK_LENGTH);
}
