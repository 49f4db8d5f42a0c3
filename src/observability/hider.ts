import { finderOf, type SecretFinder } from "../values/secret-pattern.ts";

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
  let finder: SecretFinder | undefined;
  const add = (more: readonly string[]) => {
    const before = known.size;
    for (const text of more) if (text.length >= SHORTEST) known.add(text);
    if (known.size > before) finder = finderOf([...known].sort((a, b) => b.length - a.length));
  };
  add(texts);
  return { add, hide: (text) => finder?.replacedIn(text, mark) ?? text };
}

/** In a line of JSON a secret that is JSON itself may stand as a value, whose place only a value can take. */
function mark(found: string): string {
  return /^(?:[{[]\s*)?"/.test(found) ? `"${HIDDEN}"` : HIDDEN;
}
