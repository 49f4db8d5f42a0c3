/** No literal of at most so many characters and without an exponent is beyond a double: 2^53 has 16 digits. */
export const SHORT_NUMBER = 15;

/**
 * Why the number that a literal stands for would not be the one that is kept, in words that follow it; undefined when it is. Numbers
 * are IEEE doubles: a fraction becomes the nearest one, as everywhere in JSON, but an integer must come back as it was sent.
 *
 * @param literal as JSON writes it, `-12.5e3`.
 */
export function numberFault(literal: string): string | undefined {
  const isInteger = !/[.eE]/.test(literal);
  if (isInteger && literal.length <= SHORT_NUMBER) return undefined;
  const value = Number(literal);
  if (!Number.isFinite(value)) return "is larger than any number that can be kept";
  if (isInteger) return isKept(literal, value) ? undefined : `would be kept as ${value}; send it as text, in quotes`;
  return value === 0 && /^[^eE]*[1-9]/.test(literal) ? "would be kept as 0" : undefined;
}

/** Written again, it is the same text: the shortest form, or all digits. */
function isKept(literal: string, value: number): boolean {
  return String(value) === literal || String(BigInt(value)) === literal;
}
