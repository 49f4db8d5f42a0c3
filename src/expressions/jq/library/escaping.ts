import { type Budget, grow, spend } from "../budget.ts";

/** Characters below U+0080, and what a format writes in their place. */
export class Escapes {
  /** How many characters more an escaped one takes, by its code. */
  private readonly extra = new Uint8Array(128);
  private readonly replacements: readonly (readonly [pattern: RegExp, replacement: string])[];

  /** @param escapes in the order in which they are applied: one that is part of the replacement of another comes first. */
  constructor(escapes: Readonly<Record<string, string>>) {
    for (const [character, text] of Object.entries(escapes)) this.extra[character.charCodeAt(0)] = text.length - 1;
    this.replacements = Object.entries(escapes).map(([character, text]) => [new RegExp(literal(character), "g"), text]);
  }

  /**
   * The text with its characters escaped. Its size is found out first; then one character after the other is replaced, everywhere: of all
   * ways JavaScript has, this is the one that does not make a piece for each place.
   *
   * @throws {JqBudgetError} before more is made than the budget allows.
   */
  apply(text: string, budget: Budget): string {
    spend(budget, text.length / 16);
    const more = this.extraOf(text);
    if (more === 0) return text;
    spend(budget, (text.length + more) / 4);
    grow(budget, text.length + more);
    return this.replacements.reduce((escaped, [pattern, replacement]) => escaped.replace(pattern, replacement), text);
  }

  private extraOf(text: string): number {
    const { extra } = this;
    let sum = 0;
    for (let i = 0; i < text.length; i++) sum += extra[text.charCodeAt(i)] ?? 0;
    return sum;
  }
}

/** As a pattern that is nothing but this character: for those JavaScript has a fast way. */
function literal(character: string): string {
  return character === "\\" ? "\\\\" : character;
}

/** Bytes of a text that is made of single bytes, such as digits: at most those of Latin-1. */
export function textOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Where text is put together from UTF-16 units, in one place. */
export class UnitWriter {
  private readonly bytes: Buffer;
  private length = 0;

  /** @param capacity units that will be written at most. */
  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity * 2);
  }

  writeCodePoint(codePoint: number): void {
    if (codePoint <= 0xffff) {
      this.writeUnit(codePoint);
      return;
    }
    this.writeUnit(0xd800 + ((codePoint - 0x10000) >>> 10));
    this.writeUnit(0xdc00 + ((codePoint - 0x10000) & 0x3ff));
  }

  writeUnit(unit: number): void {
    this.bytes[this.length++] = unit & 0xff;
    this.bytes[this.length++] = unit >>> 8;
  }

  text(): string {
    return this.bytes.toString("utf16le", 0, this.length);
  }
}
