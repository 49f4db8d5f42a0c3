let segmenter: Intl.Segmenter | undefined;
/** What is looked at around a place: clusters are seldom longer than a few characters. */
const WINDOW = 256;

/** Made when first needed: loading its data takes milliseconds, and few patterns ask. */
function clustersOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** Where the grapheme cluster that begins at a place ends. */
export function nextClusterEnd(text: string, at: number): number {
  for (const { segment } of clustersOf(text.slice(at, at + WINDOW))) return at + segment.length;
  return at;
}

/** Whether a grapheme cluster begins or ends at a place. */
export function isClusterBoundary(text: string, at: number): boolean {
  if (at === 0 || at === text.length) return true;
  const start = Math.max(0, at - WINDOW);
  return clustersOf(text.slice(start, at + WINDOW)).containing(at - start)?.index === at - start;
}
