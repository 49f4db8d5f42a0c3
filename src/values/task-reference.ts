/** JSON pointer of a task in its definition, such as `/do/0/pause` (RFC 6901). */
export type TaskReference = string;

/** Appends segments to a pointer, escaping `~` and `/`. */
export function pointerOf(base: string, ...segments: readonly (string | number)[]): string {
  return segments.reduce<string>(
    (pointer, segment) => `${pointer}/${String(segment).replaceAll("~", "~0").replaceAll("/", "~1")}`,
    base,
  );
}

/** The unescaped segments of a pointer; "" has none. */
export function segmentsOf(pointer: string): readonly string[] {
  return pointer === ""
    ? []
    : pointer
        .slice(1)
        .split("/")
        .map((s) => s.replaceAll("~1", "/").replaceAll("~0", "~"));
}
