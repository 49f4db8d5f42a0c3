import { type Budget, spend } from "../budget.ts";
import { UnitWriter } from "./escaping.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const REPLACEMENT = 0xfffd;
/** The least code point that needs so many bytes. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000] as const;

/** The text that bytes are the UTF-8 of, or undefined. */
export function strictUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads bytes as UTF-8; what is not becomes U+FFFD, as many as jq makes of it (browsers make more of a cut sequence). @throws {JqBudgetError} */
export function decodeUtf8(bytes: Uint8Array, budget: Budget): string {
  const text = strictUtf8(bytes);
  if (text !== undefined) return text;
  spend(budget, bytes.length / 2);
  return decodeBroken(bytes);
}

/** No sequence makes more units than it has bytes. */
function decodeBroken(bytes: Uint8Array): string {
  const text = new UnitWriter(bytes.length);
  for (let i = 0; i < bytes.length; ) {
    const { codePoint, length } = sequenceAt(bytes, i);
    text.writeCodePoint(codePoint);
    i += length;
  }
  return text.text();
}

function sequenceAt(bytes: Uint8Array, start: number): { readonly codePoint: number; readonly length: number } {
  const first = bytes[start] ?? 0;
  const length = sequenceLength(first);
  if (length === 1) return { codePoint: first < 0x80 ? first : REPLACEMENT, length };
  if (start + length > bytes.length) return { codePoint: REPLACEMENT, length: bytes.length - start };
  let codePoint = first & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[start + i] ?? 0;
    if ((byte & 0xc0) !== 0x80) return { codePoint: REPLACEMENT, length: i };
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  const surrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  const valid = codePoint >= (LEAST[length] ?? 0) && codePoint <= 0x10ffff && !surrogate;
  return { codePoint: valid ? codePoint : REPLACEMENT, length };
}

/** What the first byte of a sequence says of its length; 1 for a byte that begins none. */
function sequenceLength(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}
