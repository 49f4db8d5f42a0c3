import type { CharacterSet } from "./characters.ts";
import type { FirstCharacters } from "./measures.ts";

/** Operations of a program; the operands that follow each are named beside it. */
export const Op = {
  /** The whole pattern matched. */
  Match: 0,
  /** The inner pattern of `Look` or `Atomic` matched. */
  InnerEnd: 1,
  /** code point */
  Character: 2,
  /** folded code point */
  CharacterFold: 3,
  /** index in `strings` */
  Literal: 4,
  /** index in `sets` */
  OneOf: 5,
  /** address to try later, after what follows */
  Split: 6,
  /** address to try now; what follows is tried later */
  SplitLater: 7,
  /** address */
  Jump: 8,
  /** slot: remembers the place */
  Save: 9,
  /** index in ASSERTIONS */
  Assert: 10,
  /** negative (1 or 0), address of the end */
  LookAhead: 11,
  /** negative, least width, greatest width (-1: none), address of the end */
  LookBehind: 12,
  /** address of the end */
  Atomic: 13,
  /** index in `references`, ignore case (1 or 0) */
  Backreference: 14,
  /** address */
  CallGroup: 15,
  Return: 16,
  /** index in `references`, address when none of them matched */
  IfMatched: 17,
  /** slot: counts from 0 */
  CountInit: 18,
  /** slot, min, max (-1: none), greedy (1 or 0), address of the exit */
  Count: 19,
  /** slot: one more round */
  CountRound: 20,
  /** slot, address of the exit when the round took nothing */
  ExitIfEmpty: 21,
  /** index in `sets`, min, max (-1: none): as many as there are, given back one by one */
  Run: 22,
  /** a grapheme cluster */
  Cluster: 23,
  /** slot that holds the beginning of a group, slot for it (the next one is for the end) */
  SaveBoth: 24,
} as const;

/** A compiled pattern. */
export interface Program {
  readonly code: Int32Array;
  readonly sets: readonly CharacterSet[];
  readonly strings: readonly string[];
  readonly references: readonly (readonly number[])[];
  /** Names of the groups from 1. */
  readonly names: readonly (string | null)[];
  /** Begin and end of the whole and of each group, then the counters of loops. */
  readonly slots: number;
  /** The text every match begins with; "" when there is none. */
  readonly prefix: string;
  /** The characters a match can begin with; null when that is not known or it may be empty. */
  readonly first: FirstCharacters | null;
  /** A match begins at the beginning of the text, if at all. */
  readonly anchored: boolean;
}
