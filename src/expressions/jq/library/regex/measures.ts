import type { Node } from "./ast.ts";
import { foldCase } from "./characters.ts";

/** Characters a match can begin with. */
export interface FirstCharacters {
  /** By code point. */
  readonly ascii: Uint8Array;
  /** Whether any beyond ASCII may be. */
  readonly others: boolean;
}

/** The characters a pattern can begin with; null when it may take none or cannot be told. */
export function firstCharacters(node: Node): FirstCharacters | null {
  const collector = new Collector();
  return collector.visit(node) ? null : { ascii: collector.ascii, others: collector.others };
}

class Collector {
  readonly ascii = new Uint8Array(128);
  others = false;

  /** Adds what `node` can begin with. @returns true when it may match without taking a character. */
  visit(node: Node): boolean {
    switch (node.kind) {
      case "character":
        this.add(node.codePoint, node.ignoreCase);
        return false;
      case "set":
        for (let codePoint = 0; codePoint < 128; codePoint++) if (node.set.has(codePoint)) this.ascii[codePoint] = 1;
        this.others = true;
        return false;
      case "sequence":
        return node.nodes.every((one) => this.visit(one));
      case "choice":
        return node.branches.map((branch) => this.visit(branch)).some((mayBeEmpty) => mayBeEmpty);
      case "group":
      case "atomic":
        return this.visit(node.node);
      case "repeat":
        return this.visit(node.node) || node.min === 0;
      case "call":
      case "backreference":
      case "condition":
      case "cluster":
        this.ascii.fill(1);
        this.others = true;
        return true;
      default:
        return true;
    }
  }

  private add(codePoint: number, ignoreCase: boolean): void {
    const character = ignoreCase ? foldCase(codePoint) : codePoint;
    if (ignoreCase || character >= 128) this.others = true;
    if (character < 128) this.ascii[character] = 1;
    if (ignoreCase && character >= 0x61 && character <= 0x7a) this.ascii[character - 0x20] = 1;
  }
}

/** How many characters a pattern takes, at least and at most. */
export interface Width {
  readonly min: number;
  readonly max: number;
}

const NONE: Width = { min: 0, max: 0 };
const ONE: Width = { min: 1, max: 1 };
const UNKNOWN: Width = { min: 0, max: Infinity };

export function widthOf(node: Node): Width {
  switch (node.kind) {
    case "character":
    case "set":
      return ONE;
    case "sequence":
      return node.nodes.map(widthOf).reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), NONE);
    case "choice":
      return node.branches
        .map(widthOf)
        .reduce((a, b) => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }));
    case "group":
    case "atomic":
      return widthOf(node.node);
    case "repeat": {
      const { min, max } = widthOf(node.node);
      return { min: min * node.min, max: max === 0 ? 0 : max * node.max };
    }
    case "call":
    case "backreference":
    case "condition":
      return UNKNOWN;
    case "cluster":
      return { min: 1, max: Infinity };
    default:
      return NONE;
  }
}
