/** The most bytes one character of a text takes in JSON: `\u0000`. */
const MOST_PER_CHARACTER = 6;

/** Bytes of a value as JSON text (UTF-8). */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? "");
}

/** Bytes of a value as JSON text when these are more than `most`, else undefined. A small value costs a walk and makes no text. */
export function bytesBeyond(value: unknown, most: number): number | undefined {
  if (leftOf(value, most) >= 0) return undefined;
  const bytes = jsonBytes(value);
  return bytes > most ? bytes : undefined;
}

/** What is left of a budget after a value at its largest possible; below 0 it is not certain that it fits. */
function leftOf(value: unknown, budget: number): number {
  if (typeof value === "string") return budget - 2 - MOST_PER_CHARACTER * value.length;
  if (typeof value !== "object" || value === null) return budget - 25;
  let left = budget - 2;
  for (const key of Object.keys(value)) {
    if (left < 0) return left;
    const member = (value as Readonly<Record<string, unknown>>)[key];
    left = leftOf(member, left - (Array.isArray(value) ? 1 : 4 + MOST_PER_CHARACTER * key.length));
  }
  return left;
}
