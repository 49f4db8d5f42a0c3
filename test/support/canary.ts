/** Stands in every secret of a test, and nowhere else: whoever finds it in any form has found a leak. */
export const CANARY = "zq9kanarie";

/** Characters before and after what was found. */
const EXCERPT = 80;

const FORMS: readonly (readonly [string, Buffer])[] = [
  // Letters and digits stand as they are in JSON, in SQL and in most URLs.
  ["as it is", Buffer.from(CANARY)],
  ["in hexadecimal", Buffer.from(Buffer.from(CANARY).toString("hex"))],
  ["percent-encoded", Buffer.from(Buffer.from(CANARY).toString("hex").replaceAll(/../g, "%$&"))],
  ["in capitals", Buffer.from(CANARY.toUpperCase())],
  ...[0, 1, 2].map((before) => [`in base64 after ${before} bytes`, Buffer.from(base64After(before))] as const),
];

/** The digits that the canary alone decides when so many bytes stand before it. */
function base64After(before: number): string {
  const digits = Buffer.from(" ".repeat(before) + CANARY).toString("base64");
  return digits.slice(Math.ceil((before * 8) / 6), Math.floor(((before + CANARY.length) * 8) / 6));
}

/** The forms in which the canary stands in a text or in bytes. */
export function formsIn(content: string | Buffer): readonly string[] {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return FORMS.flatMap(([form, needle]) => (bytes.includes(needle) ? [form] : []));
}

/** What was looked through, and where in it the canary stands, a sentence each. */
export interface Sweep {
  looked: number;
  readonly found: string[];
}

export function newSweep(): Sweep {
  return { looked: 0, found: [] };
}

export function look(sweep: Sweep, place: string, content: string | Buffer): void {
  sweep.looked += 1;
  const forms = formsIn(content);
  if (forms.length === 0) return;
  const at = Math.max(0, content.indexOf(CANARY) - EXCERPT);
  sweep.found.push(`${place}: ${forms.join(", ")}: …${content.slice(at, at + 2 * EXCERPT)}…`);
}
