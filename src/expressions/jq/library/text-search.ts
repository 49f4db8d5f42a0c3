import { type Budget, grow, spend } from "../budget.ts";

/** For shorter ones JavaScript's own search is fast; longer ones it may compare almost to the end at almost every place. */
const LONG_PART = 64;
const ENTRY_BYTES = 4;

/** Finds one text in others, in time that grows with their lengths and not with the product of them (Knuth, Morris and Pratt). */
export class TextSearch {
  /** For each length of a beginning: how long a shorter beginning is that it ends in. Undefined for a short part. */
  private readonly fallbacks: Uint32Array | undefined;

  /** @param part not empty, or found at once. @throws {JqBudgetError} */
  constructor(
    private readonly part: string,
    private readonly budget: Budget,
  ) {
    if (part.length <= LONG_PART) return;
    spend(budget, part.length >>> 2);
    grow(budget, part.length * ENTRY_BYTES);
    this.fallbacks = fallbacksOf(part);
  }

  /** The first place at or after `from`, in UTF-16 units; -1 when there is none. @throws {JqBudgetError} */
  find(text: string, from: number): number {
    return this.fallbacks === undefined ? this.findShort(text, from) : this.findLong(text, from, this.fallbacks);
  }

  private findShort(text: string, from: number): number {
    const at = text.indexOf(this.part, from);
    spend(this.budget, ((at < 0 ? text.length : at) - from) >>> 4);
    return at;
  }

  private findLong(text: string, from: number, fallbacks: Uint32Array): number {
    const { part } = this;
    if (text.length - from < part.length) return -1;
    spend(this.budget, (text.length - from) >>> 3);
    let matched = 0;
    for (let i = from; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      while (matched > 0 && unit !== part.charCodeAt(matched)) matched = fallbacks[matched] ?? 0;
      if (unit === part.charCodeAt(matched)) matched++;
      if (matched === part.length) return i + 1 - matched;
    }
    return -1;
  }

  /** Calls `take` with each place, overlapping ones included. @throws {JqBudgetError} */
  each(text: string, take: (at: number) => void): void {
    const { part, fallbacks } = this;
    if (fallbacks === undefined) {
      for (let at = this.findShort(text, 0); at >= 0; at = this.findShort(text, at + 1)) take(at);
      return;
    }
    spend(this.budget, text.length >>> 3);
    let matched = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      while (matched > 0 && (matched === part.length || unit !== part.charCodeAt(matched))) {
        matched = fallbacks[matched] ?? 0;
      }
      if (unit === part.charCodeAt(matched)) matched++;
      if (matched === part.length) take(i + 1 - matched);
    }
  }
}

function fallbacksOf(part: string): Uint32Array {
  const fallbacks = new Uint32Array(part.length + 1);
  let matched = 0;
  for (let i = 1; i < part.length; i++) {
    const unit = part.charCodeAt(i);
    while (matched > 0 && unit !== part.charCodeAt(matched)) matched = fallbacks[matched] ?? 0;
    if (unit === part.charCodeAt(matched)) matched++;
    fallbacks[i + 1] = matched;
  }
  return fallbacks;
}
