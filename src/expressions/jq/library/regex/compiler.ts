import type { Assertion, Node, Pattern, Reference, Repeat } from "./ast.ts";
import { type CharacterSet, foldCase } from "./characters.ts";
import { setOf } from "./class-parser.ts";
import { patternError } from "./failure.ts";
import { firstCharacters, widthOf } from "./measures.ts";
import { Names } from "./names.ts";
import { Op, type Program } from "./program.ts";

/** In the order that `Op.Assert` counts. */
export const ASSERTIONS: readonly Assertion[] = [
  "begin-text",
  "end-text",
  "end-text-or-last-newline",
  "begin-line",
  "end-line",
  "begin-search",
  "word-boundary",
  "no-word-boundary",
  "cluster-boundary",
  "no-cluster-boundary",
];

/** Turns a parsed pattern into a program. @throws {JqError} */
export function compilePattern(pattern: Pattern): Program {
  return new Compiler(pattern).compile();
}

class Compiler {
  private readonly code: number[] = [];
  private readonly sets: CharacterSet[] = [];
  private readonly strings: string[] = [];
  private readonly references: (readonly number[])[] = [];
  private slots: number;
  /** Groups that are called, with the address of their body once it is known. */
  private readonly called: ReadonlySet<number>;
  private readonly bodies = new Map<number, number>();
  private readonly calls: { readonly at: number; readonly group: number }[] = [];

  constructor(private readonly pattern: Pattern) {
    this.slots = 2 * (pattern.names.length + 1);
    this.called = new Set(calledGroups(pattern.node).map((target) => this.groupOf(target)));
  }

  compile(): Program {
    const { node, names } = this.pattern;
    if (this.called.has(0)) this.subroutine(0, () => this.emit(node));
    else this.emit(node);
    this.code.push(Op.Match);
    for (const { at, group } of this.calls) this.code[at] = this.bodies.get(group) ?? 0;
    return {
      code: Int32Array.from(this.code),
      sets: this.sets,
      strings: this.strings,
      references: this.references,
      names,
      slots: this.slots,
      prefix: this.prefix(),
      first: firstCharacters(node),
      anchored: this.code[0] === Op.Assert && this.code[1] === 0,
    };
  }

  private prefix(): string {
    if (this.code[0] === Op.Literal) return this.strings[this.code[1] ?? 0] ?? "";
    return this.code[0] === Op.Character ? String.fromCodePoint(this.code[1] ?? 0) : "";
  }

  private groupOf(target: Reference): number {
    const groups = Names.groupsOf(target, this.pattern.names);
    if (groups.length > 1) throw patternError(`multiplex definition name <${target.group}> call`);
    return groups[0] ?? 0;
  }

  private emit(node: Node): void {
    switch (node.kind) {
      case "empty":
        return;
      case "character":
        if (node.ignoreCase) this.code.push(Op.CharacterFold, foldCase(node.codePoint));
        else this.code.push(Op.Character, node.codePoint);
        return;
      case "set":
        this.code.push(Op.OneOf, this.setIndex(node.set));
        return;
      case "sequence":
        this.sequence(node.nodes);
        return;
      case "choice":
        this.choice(node.branches);
        return;
      case "group":
        this.group(node.index, node.node);
        return;
      case "repeat":
        this.repeat(node);
        return;
      case "atomic":
        this.inner([Op.Atomic], node.node);
        return;
      case "look":
        this.look(node.behind, node.negative, node.node);
        return;
      case "assertion":
        this.code.push(Op.Assert, ASSERTIONS.indexOf(node.assertion));
        return;
      case "backreference":
        this.code.push(Op.Backreference, this.reference(node.target), node.ignoreCase ? 1 : 0);
        return;
      case "call":
        this.calls.push({ at: this.code.length + 1, group: this.groupOf(node.target) });
        this.code.push(Op.CallGroup, 0);
        return;
      case "condition":
        this.condition(node);
        return;
      case "keep":
        this.code.push(Op.Save, 0);
        return;
      case "cluster":
        this.code.push(Op.Cluster);
        return;
    }
  }

  private setIndex(set: CharacterSet): number {
    return this.sets.push(set) - 1;
  }

  private reference(target: Reference): number {
    return this.references.push(Names.groupsOf(target, this.pattern.names)) - 1;
  }

  /** Characters in a row become one text. */
  private sequence(nodes: readonly Node[]): void {
    for (let i = 0; i < nodes.length; ) {
      const text = plainText(nodes, i);
      if (text.length > 1) {
        this.code.push(Op.Literal, this.strings.push(text.join("")) - 1);
        i += text.length;
      } else {
        this.emit(nodes[i] as Node);
        i++;
      }
    }
  }

  private choice(branches: readonly Node[]): void {
    const exits: number[] = [];
    for (const [index, branch] of branches.entries()) {
      if (index === branches.length - 1) {
        this.emit(branch);
        break;
      }
      const split = this.placeholder(Op.Split);
      this.emit(branch);
      exits.push(this.placeholder(Op.Jump));
      this.land(split);
    }
    for (const exit of exits) this.land(exit);
  }

  /** An operation whose last operand, an address, is not known yet. */
  private placeholder(...operation: readonly number[]): number {
    this.code.push(...operation, 0);
    return this.code.length - 1;
  }

  /** The address is here. */
  private land(placeholder: number): void {
    this.code[placeholder] = this.code.length;
  }

  private group(index: number, node: Node): void {
    if (this.called.has(index)) {
      if (mustCall(node, index, (target) => this.groupOf(target))) throw patternError("never ending recursion");
      this.subroutine(index, () => this.calledGroup(index, node));
      return;
    }
    this.code.push(Op.Save, 2 * index);
    this.emit(node);
    this.code.push(Op.Save, 2 * index + 1);
  }

  /** A group that may be open several times at once keeps its beginning apart until it ends. */
  private calledGroup(index: number, node: Node): void {
    const start = this.slots++;
    this.code.push(Op.Save, start);
    this.emit(node);
    this.code.push(Op.SaveBoth, start, 2 * index);
  }

  private subroutine(group: number, body: () => void): void {
    this.calls.push({ at: this.code.length + 1, group });
    this.code.push(Op.CallGroup, 0);
    const over = this.placeholder(Op.Jump);
    this.bodies.set(group, this.code.length);
    body();
    this.code.push(Op.Return);
    this.land(over);
  }

  private inner(operation: readonly number[], node: Node): void {
    const end = this.placeholder(...operation);
    this.emit(node);
    this.code.push(Op.InnerEnd);
    this.land(end);
  }

  private look(behind: boolean, negative: boolean, node: Node): void {
    const negation = negative ? 1 : 0;
    if (!behind) {
      this.inner([Op.LookAhead, negation], node);
      return;
    }
    const { min, max } = widthOf(node);
    if (node.kind === "choice" && min !== max && node.branches.map(widthOf).every((width) => width.min === width.max)) {
      throw patternError("invalid pattern in look-behind");
    }
    this.inner([Op.LookBehind, negation, min, max === Infinity ? -1 : max], node);
  }

  private condition({ test, then, otherwise }: Node & { readonly kind: "condition" }): void {
    if (test.kind === "reference") {
      const no = this.placeholder(Op.IfMatched, this.reference(test));
      this.emit(then);
      const end = this.placeholder(Op.Jump);
      this.land(no);
      this.emit(otherwise);
      this.land(end);
      return;
    }
    // The condition is not tried again once it matched.
    const no = this.placeholder(Op.Split);
    this.emit(test);
    this.emit(then);
    const end = this.placeholder(Op.Jump);
    this.land(no);
    this.look(false, true, test);
    this.emit(otherwise);
    this.land(end);
  }

  private repeat({ node, min, max, greedy }: Repeat): void {
    if (max === 0) {
      const over = this.placeholder(Op.Jump); // it may still be called
      this.emit(node);
      this.land(over);
    } else if (greedy && (node.kind === "set" || node.kind === "character")) {
      this.code.push(Op.Run, this.setIndex(singleSet(node)), min, max === Infinity ? -1 : max);
    } else if (min === 0 && max === 1) {
      const end = this.placeholder(greedy ? Op.Split : Op.SplitLater);
      this.emit(node);
      this.land(end);
    } else if (max === Infinity && min < 2 && widthOf(node).min > 0) {
      this.loop(node, min, greedy);
    } else {
      this.countedLoop(node, min, max, greedy);
    }
  }

  /** A body that always takes something needs no counter. */
  private loop(node: Node, min: number, greedy: boolean): void {
    if (min === 1) {
      const start = this.code.length;
      this.emit(node);
      this.code.push(greedy ? Op.SplitLater : Op.Split, start);
      return;
    }
    const start = this.code.length;
    const end = this.placeholder(greedy ? Op.Split : Op.SplitLater);
    this.emit(node);
    this.code.push(Op.Jump, start);
    this.land(end);
  }

  /** A round that took nothing ends the loop, so that it ends at all. */
  private countedLoop(node: Node, min: number, max: number, greedy: boolean): void {
    const counter = this.slots++;
    const mark = this.slots++;
    this.code.push(Op.CountInit, counter);
    const start = this.code.length;
    const exit = this.placeholder(Op.Count, counter, min, max === Infinity ? -1 : max, greedy ? 1 : 0);
    this.code.push(Op.CountRound, counter, Op.Save, mark);
    this.emit(node);
    const empty = this.placeholder(Op.ExitIfEmpty, mark);
    this.code.push(Op.Jump, start);
    this.land(exit);
    this.land(empty);
  }
}

function singleSet(node: Node & { readonly kind: "set" | "character" }): CharacterSet {
  if (node.kind === "set") return node.set;
  const folded = foldCase(node.codePoint);
  return setOf(node.ignoreCase ? (one) => foldCase(one) === folded : (one) => one === node.codePoint);
}

/** The characters from a place on that must match exactly. */
function plainText(nodes: readonly Node[], from: number): readonly string[] {
  const text: string[] = [];
  for (let i = from; i < nodes.length; i++) {
    const node = nodes[i];
    if (node?.kind !== "character" || node.ignoreCase) break;
    text.push(String.fromCodePoint(node.codePoint));
  }
  return text;
}

/** Whether every way through a node leads to a call of a group, which then would never end. */
function mustCall(node: Node, group: number, groupOf: (target: Reference) => number): boolean {
  const must = (one: Node): boolean => mustCall(one, group, groupOf);
  switch (node.kind) {
    case "call":
      return groupOf(node.target) === group;
    case "sequence":
      return node.nodes.some(must);
    case "choice":
      return node.branches.every(must);
    case "group":
    case "atomic":
      return must(node.node);
    case "repeat":
      return node.min > 0 && must(node.node);
    default:
      return false;
  }
}

function calledGroups(node: Node): readonly Reference[] {
  switch (node.kind) {
    case "call":
      return [node.target];
    case "sequence":
      return node.nodes.flatMap(calledGroups);
    case "choice":
      return node.branches.flatMap(calledGroups);
    case "group":
    case "repeat":
    case "atomic":
    case "look":
      return calledGroups(node.node);
    case "condition":
      return [
        ...(node.test.kind === "reference" ? [] : calledGroups(node.test)),
        ...calledGroups(node.then),
        ...calledGroups(node.otherwise),
      ];
    default:
      return [];
  }
}
