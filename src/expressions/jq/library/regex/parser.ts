import { type Assertion, EMPTY, type Node, type Pattern, type Reference } from "./ast.ts";
import { ANY, escapedClass, isProperty, NEWLINE, NO_NEWLINE, parseClass, propertyTest, setOf } from "./class-parser.ts";
import { patternError } from "./failure.ts";
import { Names } from "./names.ts";
import { characterEscape, octalCharacter, Reader } from "./reader.ts";

/** What the flags and `(?imsx)` change. */
export interface Options {
  readonly ignoreCase: boolean;
  /** White space and `# …` in the pattern mean nothing. */
  readonly extended: boolean;
  /** `.` takes newlines too. */
  readonly dotAll: boolean;
  /** `^` and `$` match at every line. */
  readonly multiline: boolean;
}

const MAX_DEPTH = 250;
const MAX_REPEAT = 100_000;
const INTERVAL = /^\{(\d+)(,?)(\d*)\}/;

const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  b: "word-boundary",
  B: "no-word-boundary",
  A: "begin-text",
  Z: "end-text-or-last-newline",
  z: "end-text",
  G: "begin-search",
  y: "cluster-boundary",
  Y: "no-cluster-boundary",
};

/** Parses a pattern in Oniguruma's Perl syntax with named groups (`ONIG_SYNTAX_PERL_NG`). @throws {JqError} "Regex failure: …" */
export function parsePattern(pattern: string, options: Options): Pattern {
  return new Parser(pattern, options).parse();
}

class Parser {
  private readonly reader: Reader;
  private readonly names = new Names();
  private depth = 0;

  constructor(
    pattern: string,
    private options: Options,
  ) {
    this.reader = new Reader(pattern);
  }

  parse(): Pattern {
    const node = this.alternatives();
    if (!this.reader.atEnd) throw patternError("unmatched close parenthesis");
    this.names.check();
    return { node, names: this.names.all };
  }

  /** Everything up to the bracket that closes, which is left. Options set inside end there. */
  private alternatives(): Node {
    const outside = this.options;
    this.deeper();
    const branches = [this.branch()];
    while (this.reader.take("|")) branches.push(this.branch());
    this.depth--;
    this.options = outside;
    return branches.length === 1 ? (branches[0] ?? EMPTY) : { kind: "choice", branches };
  }

  private deeper(): void {
    if (++this.depth > MAX_DEPTH) throw patternError("parse depth limit over");
  }

  private branch(): Node {
    const nodes: Node[] = [];
    for (;;) {
      this.skipIgnored();
      const next = this.reader.peek();
      if (next === "" || next === "|" || next === ")") break;
      nodes.push(...this.quantified(this.atom()));
    }
    return nodes.length === 1 ? (nodes[0] ?? EMPTY) : { kind: "sequence", nodes };
  }

  /** Comments, and in extended form white space. */
  private skipIgnored(): void {
    const { reader } = this;
    for (;;) {
      if (reader.peek() === "(" && reader.peek(1) === "?" && reader.peek(2) === "#") this.skipComment();
      else if (this.options.extended && /[ \t\n\r\f]/.test(reader.peek())) reader.next();
      else if (this.options.extended && reader.peek() === "#") reader.takeWhile(/[^\n]/);
      else return;
    }
  }

  private skipComment(): void {
    for (let character = this.reader.next(); character !== ")"; character = this.reader.next()) {
      if (this.reader.atEnd) throw patternError("end pattern in group");
      if (character === "\\") this.reader.next();
    }
  }

  /** Atoms with the quantifiers that follow; these belong to the last one. */
  private quantified(atoms: readonly Node[]): readonly Node[] {
    let last = atoms.at(-1);
    if (last === undefined) return atoms;
    const before = this.depth;
    for (;;) {
      this.skipIgnored();
      const repeat = this.quantifier();
      if (repeat === undefined) break;
      if (!isRepeatable(last)) throw patternError("target of repeat operator is invalid");
      this.deeper();
      const { min, max, mode } = repeat;
      const node: Node = { kind: "repeat", node: last, min, max, greedy: mode !== "?" };
      last = mode === "+" ? { kind: "atomic", node } : node;
    }
    this.depth = before;
    return [...atoms.slice(0, -1), last];
  }

  /** A quantifier, if one comes next. `mode`: `?` takes as little as possible, `+` gives nothing back. */
  private quantifier(): { readonly min: number; readonly max: number; readonly mode: string } | undefined {
    const { reader } = this;
    const bounds = this.bounds();
    if (bounds === undefined) return undefined;
    const mode = reader.peek() === "?" || reader.peek() === "+" ? reader.next() : "";
    return { min: bounds[0], max: bounds[1], mode };
  }

  private bounds(): readonly [min: number, max: number] | undefined {
    if (this.reader.take("*")) return [0, Infinity];
    if (this.reader.take("+")) return [1, Infinity];
    return this.reader.take("?") ? [0, 1] : this.interval();
  }

  /** `{n}`, `{n,}`, `{n,m}`; anything else in braces is text. */
  private interval(): readonly [number, number] | undefined {
    if (this.reader.peek() !== "{") return undefined;
    const start = this.reader.position;
    const text = this.reader.next() + this.reader.takeWhile(/[\d,]/) + this.reader.next();
    const found = INTERVAL.exec(text);
    if (found === null || found[0] !== text) {
      this.reader.position = start;
      return undefined;
    }
    const min = Number(found[1]);
    const max = found[2] === "" ? min : found[3] === "" ? Infinity : Number(found[3]);
    if (min > MAX_REPEAT || (max > MAX_REPEAT && max !== Infinity)) {
      throw patternError("too big number for repeat range");
    }
    if (min > max) throw patternError("upper is smaller than lower in repeat range");
    return [min, max];
  }

  /** One atom, or several where a quantifier belongs to the last. */
  private atom(): readonly Node[] {
    const { reader } = this;
    if (this.quantifier() !== undefined) throw patternError("target of repeat operator is not specified");
    const character = reader.next();
    switch (character) {
      case "(":
        return this.group();
      case "[":
        return [{ kind: "set", set: parseClass(reader, this.options.ignoreCase) }];
      case ".":
        return [{ kind: "set", set: this.options.dotAll ? ANY : NO_NEWLINE }];
      case "^":
        return [{ kind: "assertion", assertion: this.options.multiline ? "begin-line" : "begin-text" }];
      case "$":
        return [{ kind: "assertion", assertion: this.options.multiline ? "end-line" : "end-text-or-last-newline" }];
      case "\\":
        return this.escape();
      default:
        return [this.character(character.codePointAt(0) ?? 0)];
    }
  }

  private character(codePoint: number): Node {
    return { kind: "character", codePoint, ignoreCase: this.options.ignoreCase };
  }

  private escape(): readonly Node[] {
    const { reader } = this;
    if (reader.atEnd) throw patternError("end pattern at escape");
    const codePoint = characterEscape(reader);
    if (codePoint !== undefined) return [this.character(codePoint)];
    if (/[1-9]/.test(reader.peek())) return [this.numberEscape()];
    const letter = reader.next();
    const assertion = Object.hasOwn(ASSERTIONS, letter) ? ASSERTIONS[letter] : undefined;
    if (assertion !== undefined) return [{ kind: "assertion", assertion }];
    const test = isProperty(reader, letter) ? propertyTest(reader, letter) : escapedClass(letter);
    if (test !== undefined) return [{ kind: "set", set: setOf(test) }];
    return this.otherEscape(letter);
  }

  private otherEscape(letter: string): readonly Node[] {
    const { reader } = this;
    switch (letter) {
      case "0":
        return [this.character(octalCharacter(reader, 2))];
      case "K":
        return [{ kind: "keep" }];
      case "R":
        return [GENERAL_NEWLINE];
      case "N":
        return [{ kind: "set", set: NO_NEWLINE }];
      case "O":
        return [{ kind: "set", set: ANY }];
      case "X":
        return [{ kind: "cluster" }];
      case "Q":
        return this.quote();
      case "k":
      case "g":
        if (reader.peek() === "<" || reader.peek() === "'") return [this.namedEscape(letter)];
        return [this.character(letter.codePointAt(0) ?? 0)];
      default:
        return [this.character(letter.codePointAt(0) ?? 0)];
    }
  }

  /** `\Q…\E` */
  private quote(): readonly Node[] {
    const nodes: Node[] = [];
    while (!this.reader.atEnd && !this.reader.take("\\E")) {
      nodes.push(this.character(this.reader.next().codePointAt(0) ?? 0));
    }
    return nodes;
  }

  /** A backreference, if there may be such a group; otherwise a character in octal digits. */
  private numberEscape(): Node {
    const start = this.reader.position;
    const group = Number(this.reader.takeWhile(/\d/, 4));
    if (group <= 9 || group <= this.names.count) return this.backreference({ kind: "reference", group });
    this.reader.position = start;
    if (/[89]/.test(this.reader.peek())) return this.character(this.reader.next().codePointAt(0) ?? 0);
    return this.character(octalCharacter(this.reader, 3));
  }

  private namedEscape(letter: string): Node {
    const close = this.reader.next() === "<" ? ">" : "'";
    const target = this.names.reference(this.reader, close, letter === "k");
    return letter === "k" ? this.backreference(target) : { kind: "call", target };
  }

  private backreference(target: Reference): Node {
    this.names.refer(target);
    return { kind: "backreference", target, ignoreCase: this.options.ignoreCase };
  }

  /** After `(`. */
  private group(): readonly Node[] {
    const { reader } = this;
    if (reader.atEnd) throw patternError("end pattern with unmatched parenthesis");
    if (reader.peek() === "*") throw patternError("undefined callout name");
    if (!reader.take("?")) return [this.capture(null)];
    if (reader.atEnd) throw patternError("end pattern in group");
    return this.specialGroup();
  }

  private capture(name: string | null): Node {
    const index = this.names.open(name);
    return { kind: "group", index, node: this.closed() };
  }

  /** What is inside a group, and its bracket. */
  private closed(): Node {
    const node = this.alternatives();
    if (!this.reader.take(")")) throw patternError("end pattern with unmatched parenthesis");
    return node;
  }

  /** After `(?`. */
  private specialGroup(): readonly Node[] {
    const { reader } = this;
    if (reader.take(":")) return [{ kind: "sequence", nodes: [this.closed()] }];
    if (reader.take(">")) return [{ kind: "atomic", node: this.closed() }];
    if (reader.take("=")) return [this.look(false, false)];
    if (reader.take("!")) return [this.look(false, true)];
    if (reader.take("<=")) return [this.look(true, false)];
    if (reader.take("<!")) return [this.look(true, true)];
    if (reader.take("<")) return [this.capture(this.names.define(reader, ">"))];
    if (reader.take("'")) return [this.capture(this.names.define(reader, "'"))];
    if (reader.take("(")) return [this.condition()];
    if (reader.peek() === "&" || /[\dR]/.test(reader.peek())) return [this.perlCall()];
    if (/[+-]/.test(reader.peek()) && /\d/.test(reader.peek(1))) return [this.perlCall()];
    if (reader.peek() === "~") throw patternError("absent groups are not supported");
    if (reader.peek() === "{") throw patternError("callouts are not supported");
    return this.optionGroup();
  }

  private look(behind: boolean, negative: boolean): Node {
    const groupsBefore = this.names.count;
    const node = this.closed();
    if (behind && negative && this.names.count > groupsBefore) throw patternError("invalid pattern in look-behind");
    return { kind: "look", behind, negative, node };
  }

  /** `(?&name)`, `(?1)`, `(?-1)`, `(?R)` */
  private perlCall(): Node {
    const { reader } = this;
    if (reader.take("R")) {
      if (reader.peek() !== ")") throw patternError("undefined group option");
      reader.next();
      return { kind: "call", target: { kind: "reference", group: 0 } };
    }
    reader.take("&");
    return { kind: "call", target: this.names.reference(reader, ")", false) };
  }

  /** `(?imsx-imsx)` and `(?imsx-imsx:…)`. */
  private optionGroup(): readonly Node[] {
    const { reader } = this;
    let options = this.options;
    for (let on = true; ; ) {
      const letter = reader.next();
      if (letter === "-") on = false;
      else if (letter === "i") options = { ...options, ignoreCase: on };
      else if (letter === "x") options = { ...options, extended: on };
      else if (letter === "s") options = { ...options, dotAll: on };
      else if (letter === "m") options = { ...options, multiline: on };
      else if (letter === ")" || letter === ":") return this.withOptions(options, letter === ")");
      else throw patternError(letter === "" ? "end pattern in group" : "undefined group option");
    }
  }

  private withOptions(options: Options, isolated: boolean): readonly Node[] {
    const outside = this.options;
    this.options = options;
    if (isolated) return [];
    const node = this.closed();
    this.options = outside;
    return [{ kind: "sequence", nodes: [node] }];
  }

  /** `(?(1)then|else)`, `(?(<name>)…)` and `(?(pattern)…)`, after the second bracket. */
  private condition(): Node {
    const { reader } = this;
    const test = this.conditionTest();
    if (reader.take(")")) {
      if (test.kind !== "reference") throw patternError("invalid if-else syntax");
      return { kind: "condition", test, then: EMPTY, otherwise: FAIL };
    }
    const body = this.closed();
    if (body.kind !== "choice") return { kind: "condition", test, then: body, otherwise: EMPTY };
    const [then = EMPTY, ...others] = body.branches;
    const otherwise: Node = others.length === 1 ? (others[0] ?? EMPTY) : { kind: "choice", branches: others };
    return { kind: "condition", test, then, otherwise };
  }

  private conditionTest(): Reference | Node {
    const { reader } = this;
    const start = reader.position;
    const quote = reader.peek();
    if (quote === "<" || quote === "'") {
      reader.next();
      const reference = this.names.reference(reader, quote === "<" ? ">" : "'", true);
      if (!reader.take(")")) throw patternError("end pattern in group");
      this.names.refer(reference);
      return reference;
    }
    if (
      /^[+-]?\d/.test(quote + reader.peek(1)) &&
      /^[+-]?\d+$/.test(reader.takeWhile(/[+\d-]/)) &&
      reader.peek() === ")"
    ) {
      reader.position = start;
      const reference = this.names.reference(reader, ")", true);
      this.names.refer(reference);
      return reference;
    }
    reader.position = start;
    return this.closed();
  }
}

const GENERAL_NEWLINE: Node = {
  kind: "atomic",
  node: {
    kind: "choice",
    branches: [
      {
        kind: "sequence",
        nodes: [
          { kind: "character", codePoint: 13, ignoreCase: false },
          { kind: "character", codePoint: 10, ignoreCase: false },
        ],
      },
      { kind: "set", set: NEWLINE },
    ],
  },
};

/** Matches nowhere. */
const FAIL: Node = { kind: "look", behind: false, negative: true, node: EMPTY };

function isRepeatable(node: Node): boolean {
  return node.kind !== "assertion" && node.kind !== "look" && node.kind !== "keep";
}
