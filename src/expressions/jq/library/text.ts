import { type Budget, grow, spend } from "../budget.ts";

/** About what a short string in an array takes. */
const PIECE_BYTES = 24;
const NON_ASCII = /[^\0-\x7f]/;
const SURROGATE = /[\ud800-\udfff]/;

/** True when every UTF-16 unit is a character, so that positions need no conversion. */
export function isUnitwise(text: string): boolean {
  return !SURROGATE.test(text);
}

export function isAscii(text: string): boolean {
  return !NON_ASCII.test(text);
}

/** How many characters (code points) a text has. */
export function characterCount(text: string): number {
  if (isUnitwise(text)) return text.length;
  let count = 0;
  for (let i = 0; i < text.length; count++) i += unitsAt(text, i);
  return count;
}

/** 2 where a surrogate pair begins, otherwise 1. */
export function unitsAt(text: string, index: number): number {
  return (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
}

/** The index in UTF-16 units of the character number `characters`, at most the length. */
export function unitIndex(text: string, characters: number): number {
  let index = 0;
  for (let left = characters; left > 0 && index < text.length; left--) index += unitsAt(text, index);
  return index;
}

/** jq's plain `split`: nothing gives nothing, and an empty separator gives the characters. @throws {JqBudgetError} */
export function splitText(text: string, separator: string, budget: Budget): string[] {
  if (text === "") return [];
  spend(budget, text.length / 4);
  const pieces = separator === "" ? Array.from(text) : text.split(separator);
  spend(budget, pieces.length);
  grow(budget, text.length + PIECE_BYTES * pieces.length);
  return pieces;
}
