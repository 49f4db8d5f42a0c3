import type { Reference } from "./ast.ts";
import { patternError } from "./failure.ts";
import type { Reader } from "./reader.ts";

const WORD = /[\p{Alphabetic}\p{M}\p{N}\p{Pc}]/u;
const MAX_GROUPS = 1_000;

/** The groups of a pattern, and who refers to them. */
export class Names {
  readonly all: (string | null)[] = [];
  private readonly references: Reference[] = [];

  get count(): number {
    return this.all.length;
  }

  /** A new group: its number. */
  open(name: string | null): number {
    if (this.all.length >= MAX_GROUPS) throw patternError("too many captures");
    this.all.push(name);
    return this.all.length;
  }

  /** Reads the name of a group that is being defined, and what closes it. */
  define(reader: Reader, close: string): string {
    const name = this.read(reader, close);
    if (/^[\d+-]/.test(name)) throw patternError(`invalid group name <${name}>`);
    return name;
  }

  private read(reader: Reader, close: string): string {
    const name = reader.takeWhile(close === ">" ? /[^>)]/ : close === "'" ? /[^')]/ : /[^)]/);
    if (name === "" && reader.peek() === close) throw patternError("group name is empty");
    if (!reader.take(close)) throw patternError(`invalid group name <${name}>`);
    if (![...name.replace(/^[+-]/, "")].every((character) => WORD.test(character))) {
      if (/^[+-]?\w+[+-]\d+$/.test(name)) throw patternError("a recursion level of a backreference is not supported");
      throw patternError(`invalid char in group name <${name}>`);
    }
    return name;
  }

  /**
   * Reads a reference to a group, and what closes it.
   *
   * @param known names must be defined by now; otherwise they are checked at the end.
   */
  reference(reader: Reader, close: string, known: boolean): Reference {
    const name = this.read(reader, close);
    if (/^[+-]?\d+$/.test(name)) return { kind: "reference", group: this.numbered(name, known) };
    if (/^[\d+-]/.test(name)) throw patternError(`invalid group name <${name}>`);
    if (known && !this.all.includes(name)) throw patternError(`undefined name <${name}> reference`);
    const reference: Reference = { kind: "reference", group: name };
    if (!known) this.refer(reference);
    return reference;
  }

  private numbered(text: string, known: boolean): number {
    const number = Number(text);
    const group = text.startsWith("-") ? this.count + 1 + number : text.startsWith("+") ? this.count + number : number;
    if (group < 0 || (known && group === 0)) throw patternError("invalid backref number/name");
    if (!known) this.refer({ kind: "reference", group });
    return group;
  }

  /** Remembers a reference for {@link check}. */
  refer(reference: Reference): void {
    this.references.push(reference);
  }

  /** The numbers of the groups a reference names, the last first. */
  static groupsOf({ group }: Reference, names: readonly (string | null)[]): readonly number[] {
    if (typeof group === "number") return [group];
    const groups: number[] = [];
    for (let i = names.length; i > 0; i--) if (names[i - 1] === group) groups.push(i);
    return groups;
  }

  /** @throws {JqError} when a reference leads nowhere. */
  check(): void {
    for (const { group } of this.references) {
      if (typeof group === "number" && group > this.count) throw patternError("invalid backref number/name");
      if (typeof group === "string" && !this.all.includes(group)) {
        throw patternError(`undefined name <${group}> reference`);
      }
    }
  }
}
