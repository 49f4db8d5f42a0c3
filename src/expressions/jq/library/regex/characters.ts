/** Something that says of a code point whether it belongs. */
type Test = (codePoint: number) => boolean;

const ASCII_SIZE = 128;
/** Answers for characters beyond ASCII that one set remembers. */
const REMEMBERED = 512;

/** A set of characters. Answers for ASCII are computed once. */
export class CharacterSet {
  private readonly ascii = new Uint8Array(ASCII_SIZE);
  private readonly others = new Map<number, boolean>();

  /**
   * @param tests a character belongs when one of them says so.
   * @param ignoreCase a character belongs when one of its other cases does, too.
   */
  constructor(
    private readonly tests: readonly Test[],
    private readonly negated: boolean,
    private readonly ignoreCase: boolean,
  ) {
    for (let codePoint = 0; codePoint < ASCII_SIZE; codePoint++) {
      this.ascii[codePoint] = this.decide(codePoint) ? 1 : 0;
    }
  }

  has(codePoint: number): boolean {
    if (codePoint < ASCII_SIZE) return this.ascii[codePoint] === 1;
    const known = this.others.get(codePoint);
    if (known !== undefined) return known;
    const answer = this.decide(codePoint);
    if (this.others.size >= REMEMBERED) this.others.clear();
    this.others.set(codePoint, answer);
    return answer;
  }

  private decide(codePoint: number): boolean {
    const candidates = this.ignoreCase ? casesOf(codePoint) : [codePoint];
    return candidates.some((candidate) => this.tests.some((test) => test(candidate))) !== this.negated;
  }
}

export function range(from: number, to: number): Test {
  return (codePoint) => codePoint >= from && codePoint <= to;
}

export function matching(expression: RegExp): Test {
  return (codePoint) => expression.test(String.fromCodePoint(codePoint));
}

export function not(test: Test): Test {
  return (codePoint) => !test(codePoint);
}

/** The POSIX classes and `\w`, `\d`, `\s`, with Unicode's meaning. */
const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[\p{Alphabetic}\p{Nd}]/u,
  alpha: /\p{Alphabetic}/u,
  ascii: /[\0-\x7f]/,
  blank: /[\p{Zs}\t]/u,
  cntrl: /\p{Cc}/u,
  digit: /\p{Nd}/u,
  graph: /[^\p{White_Space}\p{Cc}\p{Cn}\p{Cs}]/u,
  lower: /\p{Lowercase}/u,
  print: /[^\t-\r\x85\u2028\u2029\p{Cc}\p{Cn}\p{Cs}]/u,
  punct: /[\p{P}\p{S}]/u,
  space: /\p{White_Space}/u,
  upper: /\p{Uppercase}/u,
  word: /[\p{Alphabetic}\p{M}\p{N}\p{Pc}]/u,
  xdigit: /[0-9a-fA-F]/,
};

export function posixClass(name: string): Test | undefined {
  const expression = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  return expression === undefined ? undefined : matching(expression);
}

const isWordTest = /[\p{Alphabetic}\p{M}\p{N}\p{Pc}]/u;

/** Whether a character is one that `\w` takes and `\b` looks at. */
export function isWord(codePoint: number): boolean {
  if (codePoint < ASCII_SIZE) {
    return (
      (codePoint >= 0x61 && codePoint <= 0x7a) ||
      (codePoint >= 0x41 && codePoint <= 0x5a) ||
      (codePoint >= 0x30 && codePoint <= 0x39) ||
      codePoint === 0x5f
    );
  }
  return isWordTest.test(String.fromCodePoint(codePoint));
}

/**
 * A character property: a POSIX class, a general category, a script or a binary property of Unicode. Case, spaces, `-` and `_` are free.
 *
 * @returns undefined when there is no such property.
 */
export function property(name: string): Test | undefined {
  const words = name.trim().split(/[\s_-]+/);
  const known = posixClass(words.join("").toLowerCase());
  if (known !== undefined) return known;
  if (words.join("").toLowerCase() === "any") return () => true;
  const joined = [words.map(capitalized).join("_"), words.join("_").toUpperCase(), words.join("")];
  for (const form of [...joined, ...joined.map((one) => `Script=${one}`)]) {
    const expression = expressionOf(form);
    if (expression !== undefined) return matching(expression);
  }
  return undefined;
}

function capitalized(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase();
}

function expressionOf(form: string): RegExp | undefined {
  if (!/^[A-Za-z0-9_=]+$/.test(form)) return undefined;
  try {
    return new RegExp(`\\p{${form}}`, "u");
  } catch {
    return undefined;
  }
}

const DOTLESS_I = 0x131;
const DOTTED_I = 0x130;

/** One character for all that differ in case only. Characters whose other case is several (`ß`) keep to themselves. */
export function foldCase(codePoint: number): number {
  if (codePoint < ASCII_SIZE) return codePoint >= 0x41 && codePoint <= 0x5a ? codePoint + 0x20 : codePoint;
  if (codePoint === DOTLESS_I || codePoint === DOTTED_I) return codePoint;
  return lowerOf(upperOf(codePoint));
}

function upperOf(codePoint: number): number {
  return single(String.fromCodePoint(codePoint).toUpperCase()) ?? codePoint;
}

function lowerOf(codePoint: number): number {
  return single(String.fromCodePoint(codePoint).toLowerCase()) ?? codePoint;
}

function single(text: string): number | undefined {
  const codePoint = text.codePointAt(0) ?? 0;
  return text.length === (codePoint > 0xffff ? 2 : 1) ? codePoint : undefined;
}

/** The Kelvin sign and the long s: other cases of ASCII letters that no function leads to from there. */
const MORE_CASES: Readonly<Record<number, number>> = { 107: 0x212a, 75: 0x212a, 115: 0x17f, 83: 0x17f };

function casesOf(codePoint: number): readonly number[] {
  if (codePoint === DOTLESS_I || codePoint === DOTTED_I) return [codePoint];
  const folded = foldCase(codePoint);
  const cases = [codePoint, folded, upperOf(folded)];
  const more = MORE_CASES[folded];
  return more === undefined ? cases : [...cases, more];
}
