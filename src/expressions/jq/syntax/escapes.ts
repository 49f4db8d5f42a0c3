const SIMPLE: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
const REPLACEMENT = "\ufffd";

/** What escapes in a row stand for (`\n\u00e9`); undefined when one is wrong. A second half of a surrogate pair alone becomes U+FFFD. */
export function unescapeRun(run: string): string | undefined {
  let text = "";
  for (let at = 0; at < run.length; ) {
    const letter = run[at + 1] ?? "";
    if (letter === "u") {
      const unit = hexUnit(run, at + 2);
      if (unit === undefined) return undefined;
      text += String.fromCharCode(unit);
      at += 6;
    } else {
      const simple = SIMPLE.get(letter);
      if (simple === undefined) return undefined;
      text += simple;
      at += 2;
    }
  }
  return text.replace(/(?<![\ud800-\udbff])[\udc00-\udfff]/g, REPLACEMENT);
}

function hexUnit(run: string, at: number): number | undefined {
  const digits = run.slice(at, at + 4);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
