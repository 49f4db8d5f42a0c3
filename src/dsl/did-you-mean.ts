/** `; did you mean "x"?` when one of `known` is close to `name`, else nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const close = closestTo(name, known);
  return close === undefined ? "" : `; did you mean "${close}"?`;
}

/** The nearest of `known` within a third of the name's length (at least 1 and at most 3 edits), or undefined. */
export function closestTo(name: string, known: Iterable<string>): string | undefined {
  const limit = Math.min(3, Math.max(1, Math.floor(name.length / 3)));
  const distances = [...known].map((other) => [other, distance(name.toLowerCase(), other.toLowerCase())] as const);
  return distances.filter(([, edits]) => edits <= limit).sort(([, a], [, b]) => a - b)[0]?.[0];
}

/** Levenshtein's edit distance; names longer than 64 characters are never close. */
function distance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
