import { type Budget, grow, payForReading, spend } from "../budget.ts";
import { TextSearch } from "./text-search.ts";

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

/** The index in UTF-16 units of the character that is `characters` after the one at `from`, at most the length. */
export function unitIndex(text: string, characters: number, from = 0): number {
  let index = from;
  for (let left = characters; left > 0 && index < text.length; left--) index += unitsAt(text, index);
  return index;
}

/** jq's plain `split`: nothing gives nothing, and an empty separator gives the characters. @throws {JqBudgetError} */
export function splitText(text: string, separator: string, budget: Budget): string[] {
  if (text === "") return [];
  payForReading(budget, text);
  payForReading(budget, separator);
  grow(budget, text.length);
  return separator === "" ? charactersOf(text, budget) : piecesOf(text, separator, budget);
}

/** Every piece is paid for before the next is made. */
function piecesOf(text: string, separator: string, budget: Budget): string[] {
  const search = new TextSearch(separator, budget);
  const pieces: string[] = [];
  let from = 0;
  for (let at = search.find(text, 0); at >= 0; at = search.find(text, from)) {
    payForPiece(budget);
    pieces.push(text.slice(from, at));
    from = at + separator.length;
  }
  payForPiece(budget);
  pieces.push(text.slice(from));
  return pieces;
}

function charactersOf(text: string, budget: Budget): string[] {
  const characters: string[] = [];
  for (const character of text) {
    payForPiece(budget);
    characters.push(character);
  }
  return characters;
}

function payForPiece(budget: Budget): void {
  spend(budget, 2);
  grow(budget, PIECE_BYTES);
}
