/** The place after which the next page begins, as opaque text. */
export function cursorOf(...parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** @throws {RangeError} for a text that `cursorOf` did not give, with as many parts. */
export function partsOf(cursor: string, count: number): readonly string[] {
  const parts = parsed(Buffer.from(cursor, "base64url").toString());
  if (Array.isArray(parts) && parts.length === count && parts.every((part) => typeof part === "string")) return parts;
  throw new RangeError("this cursor was not given by an earlier page");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
