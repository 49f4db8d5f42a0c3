/** What a jq text names, found without parsing it. */
export interface Scan {
  /** Every `$name`, without `$`; also those the text binds itself. */
  readonly variables: ReadonlySet<string>;
  /** Every bare word that is neither a field (`.name`) nor an object key (`{name: …}`): functions and keywords. */
  readonly words: ReadonlySet<string>;
}

/** jq's tokens, as far as names are concerned. A comment goes on after an odd number of backslashes at the end of its line. */
const TOKEN =
  /(?<space>\s+|#(?:[^\\\n]|\\\\|\\\r?\n|\\(?!\\|\r?\n))*)|(?<binding>\$(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*)|(?<skip>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|\.\.|\.[A-Za-z_]\w*|@\w+)|(?<word>(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*)|(?<mark>[\s\S])/y;
/** Rest of a string, up to its end or to an interpolation. */
const STRING_PART = /(?:[^"\\]|\\[^(])*(?:"|\\\(|\\?$)/y;

const CLOSERS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/**
 * Finds the names in a jq text: outside strings and comments, but inside the interpolations of strings. Exact for programs jq
 * accepts; for others it gives something, and the compiler refuses them afterwards.
 */
export function scan(source: string): Scan {
  const variables = new Set<string>();
  const words = new Set<string>();
  /** Open brackets, `if` … `end` (whose commas are not those of the object around it), and interpolations. */
  const open: string[] = [];
  let previous = "";
  let at = 0;

  const string = () => {
    STRING_PART.lastIndex = at;
    const part = STRING_PART.exec(source)?.[0] ?? "";
    at += part.length;
    if (part.endsWith("\\(")) open.push("\\(");
    previous = part.endsWith("\\(") ? "(" : '"';
  };

  while (at < source.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (match === null) break;
    at = TOKEN.lastIndex;
    const { space, binding, word, mark } = match.groups ?? {};
    if (space !== undefined) continue;
    const isKey = open.at(-1) === "{" && (previous === "{" || previous === ",");
    previous = match[0];
    if (binding !== undefined) variables.add(binding.slice(1));
    else if (word !== undefined && !isKey) {
      words.add(word);
      if (word === "if") open.push("if");
      else if (word === "end" && open.at(-1) === "if") open.pop();
    } else if (mark === '"') string();
    else if (mark === "(" || mark === "[" || mark === "{") open.push(mark);
    else if (mark === ")" && open.at(-1) === "\\(") {
      open.pop();
      string();
    } else if (mark !== undefined && CLOSERS[mark] !== undefined && open.at(-1) === CLOSERS[mark]) open.pop();
  }
  return { variables, words };
}
