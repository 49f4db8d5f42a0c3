import { patternOf } from "../values/secret-pattern.ts";

const HIDDEN = "[hidden]";
/** Characters; a shorter text is too likely a part of something else. */
const SHORTEST = 8;

/** Takes the texts of secrets out of what this process tells the world about itself: log lines, spans. */
export interface Hider {
  hide(text: string): string;
  /** Texts that are hidden from now on; those with fewer than eight characters are not. */
  add(texts: readonly string[]): void;
}

export function createHider(texts: readonly string[] = []): Hider {
  const known = new Set<string>();
  let pattern: RegExp | undefined;
  const add = (more: readonly string[]) => {
    const before = known.size;
    for (const text of more) if (text.length >= SHORTEST) known.add(text);
    if (known.size > before) pattern = patternOf([...known].sort((a, b) => b.length - a.length));
  };
  add(texts);
  return { add, hide: (text) => (pattern === undefined ? text : text.replace(pattern, HIDDEN)) };
}
