/** Position in a list, as an opaque text. */
export function cursorOf(...parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** @throws {RangeError} for a text that `cursorOf` did not give. */
export function partsOfCursor(cursor: string, count: number): readonly (string | number)[] {
  const parts = parse(Buffer.from(cursor, "base64url").toString());
  const isPart = (part: unknown) => typeof part === "string" || typeof part === "number";
  if (Array.isArray(parts) && parts.length === count && parts.every(isPart)) return parts;
  throw new RangeError("this cursor was not given by an earlier page");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
