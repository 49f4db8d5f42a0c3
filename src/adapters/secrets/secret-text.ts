import type { Json } from "../../values/json.ts";

/**
 * The names a secret may have where it is kept, best first: as the definition writes it, and in the style of the environment, so that
 * `payments-key` and `payments.key` find PAYMENTS_KEY.
 */
export function namesOf(name: string): readonly string[] {
  return [...new Set([name, name.replaceAll(/[^A-Za-z0-9]/g, "_").toUpperCase()])];
}

/** A JSON object, array or string is parsed; what only looks like a number, true or null stays text, so that no password loses its digits. */
export function parsedOrText(text: string): Json {
  if (!/^\s*[{["]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
