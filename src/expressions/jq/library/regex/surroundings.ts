import { foldCase, isWord } from "./characters.ts";
import { isClusterBoundary } from "./clusters.ts";

const NEWLINE = 10;

/**
 * Whether a place in a text is as an assertion wants it.
 *
 * @param assertion index in `ASSERTIONS`.
 * @param searchStart where the search began, for `\\G`.
 */
export function holds(assertion: number, text: string, at: number, searchStart: number): boolean {
  switch (assertion) {
    case 0:
      return at === 0;
    case 1:
      return at === text.length;
    case 2:
      return at === text.length || (at === text.length - 1 && text.charCodeAt(at) === NEWLINE);
    case 3:
      return at === 0 || (at < text.length && text.charCodeAt(at - 1) === NEWLINE);
    case 4:
      return at === text.length || text.charCodeAt(at) === NEWLINE;
    case 5:
      return at === searchStart;
    case 6:
      return isWordBoundary(text, at);
    case 7:
      return !isWordBoundary(text, at);
    default:
      return isClusterBoundary(text, at) === (assertion === 8);
  }
}

function isWordBoundary(text: string, at: number): boolean {
  const after = at < text.length && isWord(text.codePointAt(at) ?? 0);
  return at === 0 ? after : after !== isWord(text.codePointAt(before(text, at)) ?? 0);
}

/** Where the character before a place begins; the place is not the beginning of the text. */
export function before(text: string, at: number): number {
  const isPair = at > 1 && isLowSurrogate(text.charCodeAt(at - 1)) && isHighSurrogate(text.charCodeAt(at - 2));
  return at - (isPair ? 2 : 1);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** A text in which all that differs in case only is the same. */
export function foldText(text: string): string {
  return Array.from(text, (character) => String.fromCodePoint(foldCase(character.codePointAt(0) ?? 0))).join("");
}
