import { patternError } from "./failure.ts";

/** A place in the text of a pattern, by code point. */
export class Reader {
  private readonly characters: readonly string[];
  position = 0;

  constructor(readonly pattern: string) {
    this.characters = Array.from(pattern);
  }

  get atEnd(): boolean {
    return this.position >= this.characters.length;
  }

  /** The next character, or one further; "" at the end. */
  peek(ahead = 0): string {
    return this.characters[this.position + ahead] ?? "";
  }

  /** Takes the next character. */
  next(): string {
    return this.characters[this.position++] ?? "";
  }

  /** Takes a text if it comes next. */
  take(text: string): boolean {
    const length = Array.from(text).length;
    if (this.characters.slice(this.position, this.position + length).join("") !== text) return false;
    this.position += length;
    return true;
  }

  /** Takes characters while they fit. */
  takeWhile(fits: RegExp, most = Number.POSITIVE_INFINITY): string {
    let taken = "";
    while (taken.length < most && !this.atEnd && fits.test(this.peek())) taken += this.next();
    return taken;
  }

  /** Whether a character comes at all from here on. */
  has(character: string): boolean {
    return this.characters.indexOf(character, this.position) >= 0;
  }
}

const HEX = /[0-9a-fA-F]/;
const OCTAL = /[0-7]/;
const MAX_CODE_POINT = 0x10ffff;

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12, a: 7, e: 27 };

/**
 * The code point of an escape that stands for one character, after its backslash.
 *
 * @returns undefined when the escape stands for something else.
 */
export function characterEscape(reader: Reader): number | undefined {
  const letter = reader.peek();
  const control = Object.hasOwn(CONTROLS, letter) ? CONTROLS[letter] : undefined;
  if (control !== undefined) {
    reader.next();
    return control;
  }
  if (letter === "c") return controlCharacter(reader);
  if (letter === "x") return hexCharacter(reader);
  if (letter === "o" && reader.peek(1) === "{") return bracedCharacter(reader, OCTAL, 8);
  return undefined;
}

function controlCharacter(reader: Reader): number {
  reader.next();
  if (reader.atEnd) throw patternError("end pattern at control");
  const character = reader.next();
  if (character === "?") return 127;
  if (character === "\\" && reader.atEnd) throw patternError("end pattern at escape");
  const controlled = character === "\\" ? reader.next() : character;
  return (controlled.codePointAt(0) ?? 0) & 0x9f;
}

function hexCharacter(reader: Reader): number {
  const braced = reader.peek(1) === "{" ? bracedCharacter(reader, HEX, 16) : undefined;
  if (braced !== undefined) return braced;
  return multiByte(reader, () => {
    reader.next();
    return Number.parseInt(`0${reader.takeWhile(HEX, 2)}`, 16);
  });
}

/** `\x{…}` and `\o{…}`. */
function bracedCharacter(reader: Reader, digit: RegExp, base: number): number | undefined {
  if (!digit.test(reader.peek(2))) return undefined;
  reader.position += 2;
  const value = Number.parseInt(reader.takeWhile(digit, 11), base);
  if (!reader.take("}")) throw patternError("invalid code point value");
  if (value > MAX_CODE_POINT || (value >= 0xd800 && value <= 0xdfff)) throw patternError("invalid code point value");
  return value;
}

/** Bytes beyond ASCII are written as escapes one after the other: `\xc3\xa9`. */
function multiByte(reader: Reader, readByte: () => number): number {
  const first = readByte();
  if (first < 0x80) return first;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
  const bytes = [first];
  while (bytes.length < length) {
    if (reader.peek() !== "\\" || reader.peek(1) !== "x" || reader.peek(2) === "{") {
      throw patternError("too short multibyte code string");
    }
    reader.next();
    bytes.push(readByte());
  }
  const text = Buffer.from(bytes).toString("utf8");
  if (length === 1 || text.includes("\ufffd")) throw patternError("too short multibyte code string");
  return text.codePointAt(0) ?? 0;
}

/** An octal number of so many digits at most. @throws {JqError} beyond 255. */
export function octalCharacter(reader: Reader, digits: number): number {
  const value = Number.parseInt(`0${reader.takeWhile(OCTAL, digits)}`, 8);
  if (value >= 256) throw patternError("too big number");
  if (value >= 0x80) throw patternError("too short multibyte code string");
  return value;
}

/** `\p{…}` and `\P{…}` after the letter: the property's name and whether it is negated. */
export function propertyName(reader: Reader, negated: boolean): { readonly name: string; readonly negated: boolean } {
  reader.next();
  const circumflex = reader.take("^");
  const name = reader.takeWhile(/[^}]/);
  if (!reader.take("}")) throw patternError("end pattern with unmatched parenthesis");
  return { name, negated: negated !== circumflex };
}
