import { CharacterSet, matching, not, posixClass, property, range } from "./characters.ts";
import { patternError } from "./failure.ts";
import { characterEscape, octalCharacter, propertyName, type Reader } from "./reader.ts";

type Test = (codePoint: number) => boolean;

/** One thing between the brackets: a character, or a whole class. */
type Item =
  | { readonly kind: "character"; readonly codePoint: number }
  | { readonly kind: "class"; readonly test: Test };

/** The classes that a letter after a backslash stands for, in and out of brackets. */
export function escapedClass(letter: string): Test | undefined {
  const name = { w: "word", d: "digit", s: "space" }[letter.toLowerCase()];
  const test = name === undefined ? undefined : posixClass(name);
  if (test === undefined) return undefined;
  return letter === letter.toLowerCase() ? test : not(test);
}

/** `\p{` and `\P{`: without a brace the letter is only itself. */
export function isProperty(reader: Reader, letter: string): boolean {
  return (letter === "p" || letter === "P") && reader.peek() === "{";
}

/** @throws {JqError} "… invalid character property name …" */
export function propertyTest(reader: Reader, letter: string): Test {
  const { name, negated } = propertyName(reader, letter === "P");
  const test = property(name);
  if (test === undefined) throw patternError(`invalid character property name {${name}}`);
  return negated ? not(test) : test;
}

/** Reads `[…]` after its first bracket. */
export function parseClass(reader: Reader, ignoreCase: boolean): CharacterSet {
  const negated = reader.take("^");
  if (reader.peek() === "]" && !bracketFollows(reader)) throw patternError("empty char-class");
  return new CharacterSet(members(reader), negated, ignoreCase);
}

/** `[]…]`: a bracket at the beginning is a character, if another one closes. */
function bracketFollows(reader: Reader): boolean {
  reader.position++;
  const follows = reader.has("]");
  reader.position--;
  return follows;
}

function members(reader: Reader): readonly Test[] {
  const tests: Test[] = [];
  for (let first = true; first || reader.peek() !== "]"; first = false) {
    if (reader.atEnd) throw patternError("premature end of char-class");
    const item = readItem(reader);
    if (reader.peek() !== "-" || reader.peek(1) === "]" || reader.peek(1) === "") {
      tests.push(testOf(item));
      continue;
    }
    reader.next();
    if (item.kind === "class") {
      tests.push(item.test, range(0x2d, 0x2d));
      continue;
    }
    tests.push(rangeTo(reader, item.codePoint));
    // After a range a `-` is only itself.
    if (reader.peek() === "-") {
      reader.next();
      tests.push(range(0x2d, 0x2d));
    }
  }
  reader.next();
  return tests;
}

function rangeTo(reader: Reader, from: number): Test {
  const end = readItem(reader);
  if (end.kind === "class") throw patternError("char-class value at end of range");
  if (end.codePoint < from) throw patternError("empty range in char class");
  return range(from, end.codePoint);
}

function testOf(item: Item): Test {
  return item.kind === "class" ? item.test : range(item.codePoint, item.codePoint);
}

function readItem(reader: Reader): Item {
  if (reader.peek() === "[" && reader.peek(1) === ":") {
    const test = posixBracket(reader);
    if (test !== undefined) return { kind: "class", test };
  }
  const character = reader.next();
  if (character !== "\\") return { kind: "character", codePoint: character.codePointAt(0) ?? 0 };
  if (reader.atEnd) throw patternError("end pattern at escape");
  return escapedItem(reader);
}

function escapedItem(reader: Reader): Item {
  const codePoint = characterEscape(reader);
  if (codePoint !== undefined) return { kind: "character", codePoint };
  const letter = reader.next();
  const test = isProperty(reader, letter) ? propertyTest(reader, letter) : escapedClass(letter);
  if (test !== undefined) return { kind: "class", test };
  if (letter === "b") return { kind: "character", codePoint: 8 };
  if (/[0-7]/.test(letter)) {
    reader.position--;
    return { kind: "character", codePoint: octalCharacter(reader, 3) };
  }
  return { kind: "character", codePoint: letter.codePointAt(0) ?? 0 };
}

/** `[:alpha:]` and `[:^alpha:]`; undefined when the bracket is only a character. */
function posixBracket(reader: Reader): Test | undefined {
  const start = reader.position;
  reader.position += 2;
  const negated = reader.take("^");
  const name = reader.takeWhile(/[a-zA-Z]/, 20);
  if (!reader.take(":]")) {
    reader.position = start;
    return undefined;
  }
  const test = posixClass(name);
  if (test === undefined) throw patternError("invalid POSIX bracket type");
  return negated ? not(test) : test;
}

/** The set of one class. */
export function setOf(test: Test): CharacterSet {
  return new CharacterSet([test], false, false);
}

export const NO_NEWLINE = setOf((codePoint) => codePoint !== 10);
export const ANY = setOf(() => true);
export const NEWLINE = setOf(matching(/[\n-\r\x85\u2028\u2029]/));
