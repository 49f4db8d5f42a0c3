import type { CharacterSet } from "./characters.ts";

/** A place a pattern asks for without taking a character. */
export type Assertion =
  | "begin-text"
  | "end-text"
  | "end-text-or-last-newline"
  | "begin-line"
  | "end-line"
  | "begin-search"
  | "word-boundary"
  | "no-word-boundary"
  | "cluster-boundary"
  | "no-cluster-boundary";

/** A parsed pattern. Groups are numbered from 1 in the order of their brackets. */
export type Node =
  | { readonly kind: "empty" }
  | { readonly kind: "character"; readonly codePoint: number; readonly ignoreCase: boolean }
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "choice"; readonly branches: readonly Node[] }
  | { readonly kind: "group"; readonly index: number; readonly node: Node }
  | Repeat
  | { readonly kind: "atomic"; readonly node: Node }
  | { readonly kind: "look"; readonly behind: boolean; readonly negative: boolean; readonly node: Node }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "backreference"; readonly target: Reference; readonly ignoreCase: boolean }
  | { readonly kind: "call"; readonly target: Reference }
  | { readonly kind: "condition"; readonly test: Reference | Node; readonly then: Node; readonly otherwise: Node }
  | { readonly kind: "keep" }
  | { readonly kind: "cluster" };

export interface Repeat {
  readonly kind: "repeat";
  readonly node: Node;
  readonly min: number;
  /** Infinity for no limit. */
  readonly max: number;
  readonly greedy: boolean;
}

/** A group by number or by name; a name may stand for several. */
export interface Reference {
  readonly kind: "reference";
  readonly group: number | string;
}

/** A pattern and what is known of its groups. */
export interface Pattern {
  readonly node: Node;
  /** The names of the groups 1 to n; null for those without. */
  readonly names: readonly (string | null)[];
}

export const EMPTY: Node = { kind: "empty" };
